"""The training app's share of an erasure: the runs that must stop, and what run folders hold."""

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from accounts.models import User
from jobs.rundir import RunDir, write_json_atomic
from records.models import Dataset
from training.models import FINAL, TrainingRun
from training.services.evaluations import without_rows
from training.services.folders import preflight_folder, rows_path, stage_folder, untaught_path
from training.services.runs import cancel_run


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
    for path in (rows_path(run), untaught_path(run)):
        path.unlink(missing_ok=True)
    RunDir(preflight_folder(run)).log.unlink(missing_ok=True)
    for stage in run.stages.all():
        folder = RunDir(stage_folder(stage))
        folder.log.unlink(missing_ok=True)
        if stage.name in ("teach", "prepare"):
            shutil.rmtree(folder.artifact, ignore_errors=True)
        elif stage.name in ("evaluate", "measure"):
            for evaluation in folder.artifact.glob("*.json"):
                _drop_rows(evaluation, labels)


def holds_rows(run: TrainingRun) -> bool:
    return rows_path(run).exists() or untaught_path(run).exists()


def _drop_rows(path: Path, labels: Collection[str]) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["samples"] = [sample for sample in stored["samples"] if sample["id"] not in labels]
    if "per_row" in stored:  # Evaluations of earlier versions kept means only.
        stored["per_row"] = without_rows(stored["per_row"], labels)
    write_json_atomic(path, stored)
