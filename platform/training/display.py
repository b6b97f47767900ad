"""Rows of a run or an evaluation in the words and measures of a page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.specs import FAULTS
from training.measures import CLEAR_ROWS, Scored, scored
from training.models import TEACHING, Evaluation, ModelArtifact, RunStage, Status, TrainingRun
from training.services.folders import stage_log

TITLES = {
    "teach": ("Teach", "A teacher summarizes records; what the check bears out is kept."),
    "prepare": ("Prepare", "Checks the records and turns them into tokens."),
    "train": ("Train", "Teaches the base model with the clinic's records."),
    "quantize": ("Compress", "Makes a small, fast file of the trained model."),
    "extract": ("Memory test", "Tries to draw planted codes out of the trained model."),
    "evaluate": ("Evaluate", "Compares it with its base on records it has not seen."),
    "prune": ("Leave out", "Takes out what the clinic's records use least."),
    "distill": ("Heal", "The rest learns from the whole model."),
    "importance": ("Weigh", "Finds what must be stored exactly."),
    "measure": ("Measure", "Compares each file with the whole model on the same records."),
}
LONG_WAIT = timedelta(seconds=60)
CHART_WIDTH = 100.0


@dataclass(frozen=True)
class Step:
    """A stage as the run page shows it."""

    name: str
    title: str
    purpose: str
    status: str
    label: str
    percent: int
    message: str
    time_left: str
    tokens_per_second: float | None
    attempts: int
    log: str

    @property
    def is_running(self) -> bool:
        return self.status == Status.RUNNING


def steps(run: TrainingRun) -> list[Step]:
    return [_step(stage, run, timezone.now()) for stage in run.stages.all()]


def _step(stage: RunStage, run: TrainingRun, now: datetime) -> Step:
    title, purpose = TITLES[stage.name]
    running = stage.status == Status.RUNNING
    never = run.is_over and stage.status == Status.QUEUED
    progress = stage.progress if running else {}
    return Step(
        name=stage.name,
        title=title,
        purpose=purpose,
        status=stage.status,
        label="Not begun" if never else Status(stage.status).label,
        percent=stage.percent,
        message=str(progress.get("message", "")),
        time_left=time_left(progress, now),
        tokens_per_second=progress.get("metrics", {}).get("tokens_per_s"),
        attempts=stage.attempts,
        log=stage_log(stage) if stage.status == Status.FAILED else "",
    )


def time_left(progress: dict[str, Any], now: datetime) -> str:
    """“about 4 minutes left”; empty while it cannot be told. The estimate ages with the clock."""
    seconds = progress.get("seconds_left")
    if seconds is None:
        return ""
    seconds -= max(0.0, now.timestamp() - progress["at"])
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'' if minutes == 1 else 's'} left"
    return f"about {round(minutes / 60)} hours left"


@dataclass(frozen=True)
class Taught:
    """What became of a teacher's summaries."""

    words: str
    sha256: str
    """Of the teacher's file; empty for a server's model."""


def taught(run: TrainingRun) -> Taught | None:
    """None for a run without a teacher, or whose teacher has not finished."""
    for stage in run.trained_in.stages.all():
        if stage.name == TEACHING and stage.status == Status.SUCCEEDED:
            return Taught(taught_words(stage.metrics), stage.metrics["teacher_sha256"])
    return None


def taught_words(metrics: dict[str, Any]) -> str:
    """“412 summaries written by TEACHER, 291 kept: 80 had a sentence …, 41 copied the record.”"""
    asked = metrics["asked"]
    written = f"{asked:,} summar{'y' if asked == 1 else 'ies'} written by {metrics['teacher']}, {metrics['kept']:,} kept"
    left_out = ", ".join(f"{count:,} {FAULTS[why]}" for why, count in metrics["left_out"].items())
    return f"{written}: {left_out}." if left_out else f"{written}."


def waits_too_long(run: TrainingRun) -> bool:
    """True when nobody took the run up for a minute: the worker may not be running."""
    return run.status == Status.QUEUED and timezone.now() - run.created_at > LONG_WAIT


@dataclass(frozen=True)
class Bar:
    """A score on a scale of ``CHART_WIDTH``, with its 95 % interval."""

    value: float
    low: float
    high: float
    scale: float

    @property
    def width(self) -> float:
        return round(self.value * self.scale, 2)

    @property
    def low_at(self) -> float:
        return round(self.low * self.scale, 2)

    @property
    def high_at(self) -> float:
        return round(self.high * self.scale, 2)


@dataclass(frozen=True)
class ScoreRow:
    """One measure of two models as a line of a table."""

    scored: Scored
    first: Bar
    second: Bar


def score_rows(scores: list[Scored]) -> list[ScoreRow]:
    """With bars: the ROUGE scores on one scale, every other measure on its own."""
    rouges = [_highest(each) for each in scores if each.measure.key.startswith("rouge")]
    return [
        _score_row(each, max(rouges) if each.measure.key.startswith("rouge") else _highest(each))
        for each in scores
    ]


def _highest(scored: Scored) -> float:
    return max(scored.first["high"], scored.second["high"])


def _score_row(scored: Scored, highest: float) -> ScoreRow:
    scale = CHART_WIDTH / highest if highest else 0.0
    return ScoreRow(scored, Bar(**scored.first, scale=scale), Bar(**scored.second, scale=scale))


def evaluated(evaluation: Evaluation) -> list[ScoreRow]:
    """Base against tuned."""
    metrics = evaluation.metrics
    tests = metrics.get("differences", {})
    return score_rows(scored(metrics["base"], metrics["tuned"], metrics.get("reference", {}), tests))


@dataclass(frozen=True)
class Part:
    """A section, or records of like length, before and after training."""

    label: str
    rows: int
    is_clear: bool
    """Enough records to tell anything."""
    base: dict[str, dict[str, float]]
    tuned: dict[str, dict[str, float]]


def sections(evaluation: Evaluation) -> list[Part]:
    """None for records that all lack a section, or share one."""
    found = evaluation.metrics.get("sections", [])
    parts = [_part(each["section"] or "No section", each) for each in found]
    return parts if len(parts) > 1 else []


def lengths(evaluation: Evaluation) -> list[Part]:
    return [
        _part(f"{each['from_words']} to {each['to_words']} words", each)
        for each in evaluation.metrics.get("lengths", [])
    ]


def _part(label: str, group: dict[str, Any]) -> Part:
    return Part(label, group["rows"], group["rows"] >= CLEAR_ROWS, group["base"], group["tuned"])


def rouge_1(run: TrainingRun) -> tuple[float, float] | None:
    """ROUGE-1 before and after training, for a run whose ``stages__evaluations`` are fetched."""
    for evaluation in _evaluations(run):
        metrics = evaluation.metrics
        return metrics["base"]["rouge1"]["value"], metrics["tuned"]["rouge1"]["value"]
    return None


def _evaluations(run: TrainingRun) -> Iterator[Evaluation]:
    for stage in run.stages.all():
        yield from stage.evaluations.all()


def open_deployment(artifact: ModelArtifact) -> Any:
    """The artifact's open deployment, from fetched ``deployments``; None when it answers for nobody."""
    return next((each for each in artifact.deployments.all() if each.closed_at is None), None)


@dataclass(frozen=True)
class Parity:
    """At how many tokens the served file answers as the model that was trained, in percent, rounded down."""

    served: float
    tokens: int
    before_rounding: float
    """Of the file whose weights still have 16 bits; of an adapter, upon such a base."""


def parity(artifact: ModelArtifact) -> Parity | None:
    """What the stage that made the file measured; None for adapters and for files made before it did."""
    measured = artifact.stage.metrics.get("parity", {})
    own = measured.get(artifact.quantization)
    half = measured.get("LORA_F16" if artifact.shares_base else "F16")
    if own is None or half is None:
        return None
    return Parity(_percent(own), own["tokens"], _percent(half))


def _percent(agreement: dict[str, int]) -> float:
    return 1000 * agreement["agreed"] // agreement["tokens"] / 10
