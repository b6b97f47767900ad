"""An evaluation's file in the run folder: sample summaries, and the scores of each row. Each look at texts is audited."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.models import User
from audit import log
from jobs.rundir import RunDir
from training.models import Evaluation
from training.services.folders import stage_folder
from training.services.memory import memory_of

ROW_LISTS = ("ids", "digests", "sections", "source_words")
MODELS = ("base", "tuned", "reference")


@dataclass(frozen=True)
class Sample:
    """A held-out record, scrubbed, and what the clinician, the base and the tuned model made of it."""

    id: str
    section: str
    source: str
    reference: str
    base: str
    tuned: str
    novel_numbers: Mapping[str, list[str]] = field(default_factory=dict)
    """Of reference, base and tuned: numbers that the record does not hold. Empty in earlier versions' files."""


@transaction.atomic
def open_samples(
    *, evaluation: Evaluation, user: User, action: str = "view_samples", **facts: str
) -> list[Sample]:
    """An evaluation's samples; each look is an audit entry. Empty when the run folder is gone."""
    artifact = evaluation.artifact
    log.record(clinic=artifact.clinic, actor=user, action=action, subject=artifact, **facts)
    return samples_of(stored(evaluation))


@transaction.atomic
def export(*, evaluation: Evaluation, user: User) -> dict[str, Any]:
    """All of an evaluation as JSON: what it is of, means, rows, sample texts, and the run's memory test.

    An audit entry, as each look.
    """
    artifact, run = evaluation.artifact, evaluation.stage.run
    log.record(
        clinic=artifact.clinic, actor=user, action="export_evaluation", subject=artifact, format="json"
    )
    return {
        "artifact": {"name": artifact.name, "uuid": str(artifact.uuid), "sha256": artifact.sha256},
        "base": run.base,
        "dataset": {"name": run.dataset.name, "content_hash": run.dataset.content_hash},
        "evaluated_at": evaluation.created_at.isoformat(),
        # The means kept in the database, should the folder be gone.
        "evaluation": evaluation.metrics | stored(evaluation),
        "memory_test": memory_of(run).found,
    }


def stored(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation's file; empty when the run folder is gone."""
    try:
        found: dict[str, Any] = json.loads(evaluation_file(evaluation).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def evaluation_file(evaluation: Evaluation) -> Path:
    """A measure stage writes one for each file that it measured, under its name."""
    stage = evaluation.stage
    name = evaluation.artifact.name if stage.name == "measure" else "evaluation"
    return RunDir(stage_folder(stage)).artifact / f"{name}.json"


def samples_of(found: Mapping[str, Any]) -> list[Sample]:
    names = [each.name for each in fields(Sample)]
    return [
        Sample(**{name: sample[name] for name in names if name in sample})
        for sample in found.get("samples", [])
    ]


def without_rows(per_row: Mapping[str, Any], labels: Collection[str]) -> dict[str, Any]:
    """The scores of the other rows."""
    kept = [at for at, label in enumerate(per_row["ids"]) if label not in labels]
    return {name: [per_row[name][at] for at in kept] for name in ROW_LISTS} | {
        model: {metric: [values[at] for at in kept] for metric, values in per_row[model].items()}
        for model in MODELS
    }
