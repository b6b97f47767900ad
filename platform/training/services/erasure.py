"""The training app's share of an erasure: which models learned from an erased record, and what run folders hold."""

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from django.db import models

from accounts.models import Clinic, User
from jobs.rundir import RunDir, write_json_atomic
from records.models import Dataset, Split
from training.models import FINAL, ModelArtifact, TrainingRun
from training.services.evaluations import without_rows
from training.services.folders import preflight_folder, rows_path, stage_folder
from training.services.runs import cancel_run


def revoked_artifacts(clinic: Clinic) -> models.QuerySet[ModelArtifact]:
    """Models that learned from a record that was erased since. They are not deployed any more."""
    learned = Dataset.objects.filter(revocations__split=Split.TRAIN)
    return ModelArtifact.objects.filter(clinic=clinic, stage__run__dataset__in=learned)


def is_revoked(artifact: ModelArtifact) -> bool:
    return revoked_artifacts(artifact.clinic).filter(pk=artifact.pk).exists()


def stop_runs(*, datasets: Iterable[Dataset], user: User) -> None:
    """Ask the unfinished runs on these datasets for an end. Needs the caller's transaction."""
    for run in TrainingRun.objects.filter(dataset__in=list(datasets)).exclude(status__in=FINAL):
        cancel_run(run=run, user=user)


def erase_from_folder(run: TrainingRun, labels: Collection[str]) -> None:
    """Delete what a run's folder holds of the records with these labels. Weights, scores and curves stay.

    The rows and their tokens go as a whole: the run cannot be tried again without its dataset anyway. Of an
    evaluation's samples and row scores only those of the records go. So does what stages printed: a library may
    quote a row.
    """
    rows_path(run).unlink(missing_ok=True)
    RunDir(preflight_folder(run)).log.unlink(missing_ok=True)
    for stage in run.stages.all():
        folder = RunDir(stage_folder(stage))
        folder.log.unlink(missing_ok=True)
        if stage.name == "prepare":
            shutil.rmtree(folder.artifact, ignore_errors=True)
        elif stage.name in ("evaluate", "measure"):
            for evaluation in folder.artifact.glob("*.json"):
                _drop_rows(evaluation, labels)


def holds_rows(run: TrainingRun) -> bool:
    return rows_path(run).exists()


def _drop_rows(path: Path, labels: Collection[str]) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["samples"] = [sample for sample in stored["samples"] if sample["id"] not in labels]
    if "per_row" in stored:  # Evaluations of earlier versions kept means only.
        stored["per_row"] = without_rows(stored["per_row"], labels)
    write_json_atomic(path, stored)
