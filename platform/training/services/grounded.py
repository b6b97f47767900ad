"""Whether a trained model invents more than clinicians do, by the check of its evaluation; that bars it from service.

The check flags true sentences too, so the model is held against the clinicians' own summaries of the same records.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.metrics import FEWEST_TO_TEST, bootstrap, paired
from training.models import Status, TrainingRun
from training.options import RunOptions
from training.services.comparing import SEED
from training.services.evaluations import stored
from training.services.smaller import whole_of

MEASURE = "unsupported"


@dataclass(frozen=True)
class Grounded:
    """Of 100 sentences in a summary, those that the record does not bear out; ``more`` by the paired bootstrap."""

    model: float
    clinicians: float
    more: Mapping[str, float]
    """{value, low, high}: the model's less the clinicians'."""
    limit: float
    rows: int

    @property
    def is_refused(self) -> bool:
        """Surely more than the limit; what may be chance bars nothing."""
        return self.more["low"] > self.limit

    @property
    def refusal(self) -> str:
        if not self.is_refused:
            return ""
        return (
            f"It invents too much: of 100 sentences in its summaries of {self.rows} held-out records, the check finds "
            f"{self.model:.1f} that the record does not bear out, in the clinicians' own {self.clinicians:.1f}. That is "
            f"{self.more['value']:.1f} more (95 % {self.more['low']:.1f} to {self.more['high']:.1f}); at most "
            f"{self.limit:g} may be. Train on more records, or on a larger base."
        )


def grounded_of(run: TrainingRun) -> Grounded | None:
    """Of the run's evaluated file, which speaks for all its files; a smaller model's of the training that it comes from.

    None where nothing was measured, by an earlier version too, or too few records were.
    """
    run = run.trained_in
    whole = whole_of(run)
    per_row = stored(whole.evaluation).get("per_row", {}) if whole else {}
    model, clinicians = (per_row.get(name, {}).get(MEASURE, []) for name in ("tuned", "reference"))
    if len(model) < FEWEST_TO_TEST or len(clinicians) != len(model):
        return None
    return Grounded(
        model=bootstrap(model, seed=SEED)["value"],
        clinicians=bootstrap(clinicians, seed=SEED)["value"],
        more=paired(clinicians, model, seed=SEED),
        limit=RunOptions.from_json(run.options).most_invented,
        rows=len(model),
    )


def refusal_of(run: TrainingRun) -> str:
    """Why no file of the run may be deployed; empty where one may."""
    run = run.trained_in
    if run.stages.filter(name="evaluate").exclude(status=Status.SUCCEEDED).exists():
        return "It was not evaluated yet, so nobody knows what it invents. Let its run finish first."
    grounded = grounded_of(run)
    return grounded.refusal if grounded else ""
