"""Two artifacts on the same held-out records: paired tests of every measure, and their summaries side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from accounts.models import Clinic, User
from audit import log
from jobs.metrics import FEWEST_TO_TEST, bootstrap, paired
from training.measures import MEASURES, Scored, scored
from training.models import Evaluation, ModelArtifact
from training.services.evaluations import Sample, samples_of, stored

SEED = 7


class NotComparable(Exception):
    """The two were not scored on enough of the same records; the message says what to do."""


@dataclass(frozen=True)
class Comparison:
    """``second`` against ``first`` on the records that both were scored on."""

    first: ModelArtifact
    second: ModelArtifact
    rows: int
    only_first: int
    """Records that the second was not scored on, or in other words; they are left out."""
    only_second: int
    scores: list[Scored]


@dataclass(frozen=True)
class PairSample:
    """A held-out record, scrubbed, and what the clinician and the two models made of it."""

    id: str
    section: str
    source: str
    reference: str
    first: str
    second: str
    novel_first: list[str]
    novel_second: list[str]


def comparable(artifact: ModelArtifact) -> models.QuerySet[ModelArtifact]:
    """The clinic's other evaluated artifacts, the newest first."""
    evaluated = ModelArtifact.objects.filter(clinic=artifact.clinic, evaluation__isnull=False)
    return evaluated.exclude(pk=artifact.pk)


def compare(first: ModelArtifact, second: ModelArtifact) -> Comparison:
    """Raises NotComparable. Opens no text: see ``open_pairs``."""
    if first.pk == second.pk or first.clinic_id != second.clinic_id:
        raise NotComparable("Choose two different models of the same clinic.")
    ours, theirs = _per_row(first), _per_row(second)
    places = _places(theirs)
    common = [(at, places[key]) for key, at in _places(ours).items() if key in places]
    if len(common) < FEWEST_TO_TEST:
        raise NotComparable(
            f"{first.name} and {second.name} were scored on {len(common)} records in common; {FEWEST_TO_TEST} are "
            "needed. Train both on the same dataset, with the same number of records to score on."
        )
    columns = [each[0] for each in common], [each[1] for each in common]
    mine, other = _columns(ours["tuned"], columns[0]), _columns(theirs["tuned"], columns[1])
    both = [measure.key for measure in MEASURES if measure.key in mine and measure.key in other]
    return Comparison(
        first=first,
        second=second,
        rows=len(common),
        only_first=len(ours["ids"]) - len(common),
        only_second=len(theirs["ids"]) - len(common),
        scores=scored(
            _means(mine, both),
            _means(other, both),
            _means(
                _columns(ours["reference"], columns[0]), [key for key in both if key in ours["reference"]]
            ),
            {key: paired(mine[key], other[key], seed=SEED) for key in both},
        ),
    )


@transaction.atomic
def open_pairs(*, comparison: Comparison, user: User) -> list[PairSample]:
    """The samples that both evaluations kept; the look at either model's texts is an audit entry."""
    first, second = comparison.first, comparison.second
    for artifact, other in ((first, second), (second, first)):
        log.record(
            clinic=artifact.clinic,
            actor=user,
            action="view_samples",
            subject=artifact,
            compared_with=str(other.uuid),
        )
    theirs = {(sample.id, sample.source, sample.reference): sample for sample in _samples(second)}
    return [
        PairSample(
            id=mine.id,
            section=mine.section,
            source=mine.source,
            reference=mine.reference,
            first=mine.tuned,
            second=their.tuned,
            novel_first=mine.novel_numbers.get("tuned", []),
            novel_second=their.novel_numbers.get("tuned", []),
        )
        for mine in _samples(first)
        if (their := theirs.get((mine.id, mine.source, mine.reference)))
    ]


def artifact_named(clinic: Clinic, name: str) -> ModelArtifact:
    """Raises NotComparable, with the names there are."""
    evaluated = ModelArtifact.objects.filter(clinic=clinic, evaluation__isnull=False)
    found = evaluated.filter(name=name).select_related("clinic").first()
    if found is None:
        names = ", ".join(evaluated.values_list("name", flat=True)) or "none yet"
        raise NotComparable(f"There is no evaluated artifact of that name. There are: {names}.")
    return found


def _evaluation(artifact: ModelArtifact) -> Evaluation:
    found = Evaluation.objects.select_related("stage__run").filter(artifact=artifact).first()
    if found is None:
        raise NotComparable(f"{artifact.name} was not evaluated: a run scores its first file only.")
    return found


def _per_row(artifact: ModelArtifact) -> dict[str, Any]:
    per_row: dict[str, Any] | None = stored(_evaluation(artifact)).get("per_row")
    if per_row is None:
        raise NotComparable(
            f"The scores of {artifact.name} for each record are not here: an earlier version of Precis kept none, "
            "or its run folder is gone. Train it again to compare it."
        )
    return per_row


def _samples(artifact: ModelArtifact) -> list[Sample]:
    return samples_of(stored(_evaluation(artifact)))


def _places(per_row: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """(label, digest of record and reference) → where its scores stand."""
    return {key: at for at, key in enumerate(zip(per_row["ids"], per_row["digests"], strict=True))}


def _columns(scores: Mapping[str, list[float]], places: list[int]) -> dict[str, list[float]]:
    return {metric: [values[at] for at in places] for metric, values in scores.items()}


def _means(scores: Mapping[str, list[float]], keys: list[str]) -> dict[str, dict[str, float]]:
    return {key: bootstrap(scores[key], seed=SEED) for key in keys}
