"""Where the files of runs and models stand in the state folder."""

from pathlib import Path

from django.conf import settings

from jobs.rundir import LOG, RunDir
from training.models import ModelArtifact, RunStage, TrainingRun


def run_folder(run: TrainingRun) -> Path:
    return Path(settings.VAR) / "runs" / str(run.uuid)


def stage_folder(stage: RunStage) -> Path:
    return run_folder(stage.run) / f"{stage.number}-{stage.name}"


def stage_log(stage: RunStage) -> str:
    """Where in the state folder the stage's words stand; empty for one that failed before its process began."""
    log = stage_folder(stage) / LOG
    return str(log.relative_to(settings.VAR)) if log.is_file() else ""


def artifact_folder(run: TrainingRun, stage: str) -> Path:
    """What the run's stage of that name made."""
    return RunDir(stage_folder(run.stages.get(name=stage))).artifact


def preflight_folder(run: TrainingRun) -> Path:
    return run_folder(run) / "preflight"


def artifact_path(artifact: ModelArtifact) -> Path:
    return Path(settings.VAR) / artifact.path


def rows_path(run: TrainingRun) -> Path:
    return run_folder(run) / "rows.jsonl"


def untaught_path(run: TrainingRun) -> Path:
    """The training rows that a teacher is asked about."""
    return run_folder(run) / "untaught.jsonl"


def canaries_path(run: TrainingRun) -> Path:
    """The made-up codes that were planted among the rows of this run, and those that were not."""
    return run_folder(run) / "canaries.json"
