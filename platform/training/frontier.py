"""All sizes of one model as points of a chart: quality against megabytes, and which of them nothing beats."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from training.models import ModelArtifact, RunStage, Status, TrainingRun
from training.services import grounded, smaller
from training.services.comparing import NotComparable

WIDTH, HEIGHT = 640.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 16.0, 44.0


@dataclass(frozen=True)
class Variant:
    """A file of the model."""

    artifact: ModelArtifact
    rouge_1: dict[str, float]
    """{value, low, high}"""
    unsupported: float | None
    """Of 100 sentences, those that the check flags."""
    served: dict[str, float] | None
    """Tokens a second, milliseconds to the first one, megabytes of memory, alone on this machine."""
    loss: smaller.Loss | None
    """None for the model that the others were made of."""
    refusal: str
    is_best: bool = False
    """Of those that may be deployed, none that is smaller, or as small, is as good."""


@dataclass(frozen=True)
class Point:
    variant: Variant
    x: float
    y: float
    low_y: float
    high_y: float


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """In the units of a drawing of WIDTH x HEIGHT."""

    points: list[Point]
    best_line: str
    """As an SVG polyline's points: from each of the best to the next."""
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def variants_of(source: TrainingRun) -> list[Variant]:
    """The model that was trained and all that was made of it and measured, from the largest to the smallest."""
    whole = smaller.whole_of(source)
    if whole is None:
        return []
    runs = list(source.smaller_runs.filter(status=Status.SUCCEEDED).order_by("created_at"))
    found = [_variant(whole, _served(whole, runs))]
    for run in runs:
        found += [_variant(each, each.evaluation.metrics.get("served")) for each in smaller.made_by(run)]
    return _mark_best(sorted(found, key=lambda each: -each.artifact.bytes))


def _variant(artifact: ModelArtifact, served: dict[str, float] | None) -> Variant:
    tuned = artifact.evaluation.metrics["tuned"]
    try:
        loss = smaller.loss_of(artifact)
    except NotComparable:
        loss = None
    flagged = tuned.get("unsupported")
    return Variant(
        artifact=artifact,
        rouge_1=tuned["rouge1"],
        unsupported=flagged["value"] if flagged else None,
        served=served,
        loss=loss,
        refusal=grounded.refusal_of(artifact.stage.run) or smaller.refusal_of(artifact),
    )


def _served(whole: ModelArtifact, runs: list[TrainingRun]) -> dict[str, float] | None:
    """As the newest run that made it smaller measured it."""
    stages = RunStage.objects.filter(run__in=runs, name="measure", status=Status.SUCCEEDED)
    newest = stages.order_by("-finished_at").first()
    served: dict[str, Any] = newest.metrics["served"] if newest else {}
    return served.get(whole.name)


def _mark_best(variants: Iterable[Variant]) -> list[Variant]:
    marked, best = [], float("-inf")
    for variant in sorted(variants, key=lambda each: (each.artifact.bytes, -each.rouge_1["value"])):
        is_best = not variant.refusal and variant.rouge_1["value"] > best
        marked.append(replace(variant, is_best=is_best))
        best = variant.rouge_1["value"] if is_best else best
    return marked[::-1]


def chart(variants: list[Variant]) -> Chart:
    """Megabytes from 0 to the right; ROUGE-1 upwards, from below the lowest interval to above the highest."""
    x_end = _round_up(max(each.artifact.megabytes for each in variants))
    y_from = 5 * int(min(each.rouge_1["low"] for each in variants) // 5)
    y_end = 5 * int(max(each.rouge_1["high"] for each in variants) // 5 + 1)

    def x(megabytes: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * megabytes / x_end, 1)

    def y(score: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (score - y_from) / (y_end - y_from), 1)

    points = [
        Point(
            each,
            x(each.artifact.megabytes),
            *(y(each.rouge_1[name]) for name in ("value", "low", "high")),
        )
        for each in variants
    ]
    return Chart(
        points=points,
        best_line=" ".join(f"{point.x},{point.y}" for point in points if point.variant.is_best),
        x_ticks=[Tick(x(x_end * part / 4), f"{x_end * part / 4:g}") for part in range(5)],
        y_ticks=[Tick(y(score), str(score)) for score in range(y_from, y_end + 1, 5)],
    )


def _round_up(megabytes: float) -> int:
    """To a number that four ticks divide well."""
    step: int = 10 ** max(0, len(str(int(megabytes))) - 2) * 4
    return int(megabytes // step + 1) * step
