"""What pages read from a run's folders: the loss curve, and an evaluation's sample summaries."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction

from accounts.models import User
from audit import log
from jobs.progress import Progress, read_new
from jobs.rundir import RunDir
from training.models import Evaluation, TrainingRun
from training.services.plan import stage_folder


@dataclass(frozen=True)
class Sample:
    """A held-out record, scrubbed, and what the clinician, the base and the tuned model made of it."""

    id: str
    section: str
    source: str
    reference: str
    base: str
    tuned: str


def loss_curve(run: TrainingRun, offset: int = 0) -> tuple[list[dict[str, float]], int]:
    """Points {step, loss[, valid_loss]} written since ``offset`` bytes, and the offset to ask from next time.

    After a resume the steps go back to the checkpoint: a later point replaces all from its step on.
    """
    lines, offset = read_new(RunDir(stage_folder(run.stages.get(name="train"))).progress, offset)
    return list(_points(lines)), offset


def _points(lines: Iterable[Progress]) -> Iterator[dict[str, float]]:
    for line in lines:
        if {"step", "loss"} <= line.metrics.keys():
            wanted = ("step", "loss", "valid_loss")
            yield {name: line.metrics[name] for name in wanted if name in line.metrics}


@transaction.atomic
def open_samples(*, evaluation: Evaluation, user: User) -> list[Sample]:
    """An evaluation's samples; each look is an audit entry. Empty when the run folder is gone."""
    log.record(
        clinic=evaluation.artifact.clinic, actor=user, action="view_samples", subject=evaluation.artifact
    )
    path = RunDir(stage_folder(evaluation.stage)).artifact / "evaluation.json"
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    names = [field.name for field in fields(Sample)]
    return [Sample(**{name: sample[name] for name in names}) for sample in stored["samples"]]
