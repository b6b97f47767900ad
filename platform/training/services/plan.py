"""What each stage is told: specs made of a run's options and of what the stages before it left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from jobs.rundir import file_sha256
from jobs.specs import (
    EvaluateSpec,
    ExtractSpec,
    PreflightSpec,
    PrepareSpec,
    QuantizeSpec,
    Spec,
    TeachSpec,
    TrainSpec,
)
from records.models import Split
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import RunOptions
from training.services import teachers
from training.services.folders import artifact_folder, artifact_path, canaries_path, rows_path
from training.services.plan_smaller import SMALLER_PLANS
from training.services.row_files import sealer_of, write_rows, write_untaught

LEAST_TEACHER_CONTEXT = 2048
"""Tokens. A teacher may read more at once than the student, whose short records would leave it no room."""


def plan_stage(stage: RunStage) -> Spec:
    """The stage's spec; for the first stage the dataset's rows are written out and sealed by their hash."""
    run, options = stage.run, RunOptions.from_json(stage.run.options)
    return (SMALLER_PLANS if run.source_id else _PLANS)[stage.name](run, options)


def _prepare(run: TrainingRun, options: RunOptions) -> PrepareSpec:
    rows = write_rows(run, options)
    TrainingRun.objects.filter(pk=run.pk).update(rows_sha256=file_sha256(rows))
    return PrepareSpec(**_reading(run, rows), max_tokens=options.max_tokens, set_aside=options.set_aside)


def _teach(run: TrainingRun, options: RunOptions) -> TeachSpec:
    """The rows that the teacher is asked about are written out, without those that are held out.

    Raises ``TeacherRefused``.
    """
    teacher = teachers.find(run.clinic, options.teacher)
    return TeachSpec(
        **_reading(run, write_untaught(run, options)),
        **teacher.told(),
        drafts=options.teacher_drafts,
        context_tokens=max(LEAST_TEACHER_CONTEXT, options.max_tokens),
    )


def _reading(run: TrainingRun, rows: Path) -> dict[str, Any]:
    """For a stage that reads rows as they were just written."""
    return {
        "base": run.base,
        "models_dir": str(settings.MODELS_DIR),
        "rows": str(rows),
        "rows_sha256": file_sha256(rows),
        "rows_key": sealer_of(run).public_key,
    }


def plan_preflight(run: TrainingRun) -> PreflightSpec:
    """The train stage's spec as it would be without a rehearsal, and what comes after training."""
    options = RunOptions.from_json(run.options)
    return PreflightSpec(**_training(run, options), types=options.types)


def _train(run: TrainingRun, options: RunOptions) -> TrainSpec:
    """With what the rehearsal chose so that it fits."""
    return TrainSpec(**_training(run, options), **run.preflight.get("chosen", {}))


def _training(run: TrainingRun, options: RunOptions) -> dict[str, Any]:
    return {
        "base": run.base,
        "models_dir": str(settings.MODELS_DIR),
        "prepared": str(artifact_folder(run, "prepare")),
        **options.of_training(),
        "dp_epsilon": options.dp_epsilon,
        "checkpoint_every_seconds": settings.CHECKPOINT_SECONDS,
    }


def _quantize(run: TrainingRun, options: RunOptions) -> QuantizeSpec:
    return QuantizeSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        adapter=str(artifact_folder(run, "train")),
        prepared=str(artifact_folder(run, "prepare")),
        types=options.types,
        tools_dir=str(settings.TOOLS_DIR),
    )


def _evaluate(run: TrainingRun, options: RunOptions) -> EvaluateSpec:
    artifact = ModelArtifact.objects.get(clinic=run.clinic, name=run.name)
    held_out = Split.TEST if run.dataset.test_count else Split.VALID
    return EvaluateSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        tuned_gguf=str(artifact_path(artifact)),
        rows=str(rows_path(run)),
        rows_sha256=run.rows_sha256,
        rows_key=sealer_of(run).public_key,
        splits=(held_out.value,),
        limit=options.evaluate_rows,
        context_tokens=options.max_tokens,
        threads=settings.STAGE_THREADS,
        seed=options.seed,
    )


def _extract(run: TrainingRun, options: RunOptions) -> ExtractSpec:
    artifact = ModelArtifact.objects.get(clinic=run.clinic, name=run.name)
    return ExtractSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        prepared=str(artifact_folder(run, "prepare")),
        adapter=str(artifact_folder(run, "train")),
        tuned_gguf=str(artifact_path(artifact)),
        canaries=str(canaries_path(run)),
        threads=settings.STAGE_THREADS,
        seed=options.seed,
    )


_PLANS: dict[str, Callable[[TrainingRun, RunOptions], Spec]] = {
    "teach": _teach,
    "prepare": _prepare,
    "train": _train,
    "quantize": _quantize,
    "evaluate": _evaluate,
    "extract": _extract,
}
