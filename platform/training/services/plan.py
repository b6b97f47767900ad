"""What each stage is told: specs made of a run's options and of what the stages before it left."""

import json
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings

from config.keys import derive
from jobs import canaries
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.sealing import SEALED_FIELDS, RowSealer
from jobs.specs import EvaluateSpec, ExtractSpec, PreflightSpec, PrepareSpec, QuantizeSpec, Spec, TrainSpec
from records.models import Split
from records.services.datasets import DatasetRevoked, rows_of
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import RunOptions
from training.services.folders import artifact_path, canaries_path, rows_path, stage_folder


def plan_stage(stage: RunStage) -> Spec:
    """The stage's spec; for the first stage the dataset's rows are written out and sealed by their hash."""
    return _PLANS[stage.name](stage.run, RunOptions.from_json(stage.run.options))


def _prepare(run: TrainingRun, options: RunOptions) -> PrepareSpec:
    rows = _write_rows(run, options)
    TrainingRun.objects.filter(pk=run.pk).update(rows_sha256=file_sha256(rows))
    return PrepareSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        rows=str(rows),
        rows_sha256=file_sha256(rows),
        rows_key=_sealer(run).public_key,
        max_tokens=options.max_tokens,
        set_aside=options.set_aside,
    )


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
        "prepared": str(_artifact_of(run, "prepare")),
        **options.of_training(),
        "dp_epsilon": options.dp_epsilon,
        "checkpoint_every_seconds": settings.CHECKPOINT_SECONDS,
    }


def _quantize(run: TrainingRun, options: RunOptions) -> QuantizeSpec:
    return QuantizeSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        adapter=str(_artifact_of(run, "train")),
        prepared=str(_artifact_of(run, "prepare")),
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
        rows_key=_sealer(run).public_key,
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
        prepared=str(_artifact_of(run, "prepare")),
        adapter=str(_artifact_of(run, "train")),
        tuned_gguf=str(artifact_path(artifact)),
        canaries=str(canaries_path(run)),
        threads=settings.STAGE_THREADS,
        seed=options.seed,
    )


_PLANS: dict[str, Callable[[TrainingRun, RunOptions], Spec]] = {
    "prepare": _prepare,
    "train": _train,
    "quantize": _quantize,
    "evaluate": _evaluate,
    "extract": _extract,
}


def _artifact_of(run: TrainingRun, name: str) -> Path:
    return RunDir(stage_folder(run.stages.get(name=name))).artifact


def _sealer(run: TrainingRun) -> RowSealer:
    """Of this run alone, so that no row of another run passes."""
    return RowSealer(derive(f"rows:{run.uuid}"))


def _write_rows(run: TrainingRun, options: RunOptions) -> Path:
    """Scrubbed rows only, each sealed for the stages: ``rows_of`` raises ``SealBroken`` for any other."""
    rows = list(rows_of(run.dataset))
    train = [row for row in rows if row["split"] == Split.TRAIN]
    if 0 < options.max_train_rows < len(train):
        kept = {row["id"] for row in random.Random(options.seed).sample(train, options.max_train_rows)}
        rows = [row for row in rows if row["split"] != Split.TRAIN or row["id"] in kept]
    if options.canaries:
        rows += _canary_rows(run)
    path = rows_path(run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_sealed(path, rows, _sealer(run))
    # A record may have been erased since the rows were read, before the erasure found a file to delete.
    if run.dataset.revocations.exists():
        path.unlink()
        raise DatasetRevoked(run.dataset.uuid)
    return path


def write_sealed(path: Path, rows: Iterable[dict[str, str]], sealer: RowSealer) -> None:
    """Rows as the stages read them, for this user's eyes only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**row, "seal": sealer.seal(row)}, ensure_ascii=False) + "\n")


def _canary_rows(run: TrainingRun) -> list[dict[str, str]]:
    """Made-up rows beside the dataset's, and the file that tells their codes to the memory test.

    They hold no patient's word, so they need no scrubbing; the seal makes them rows of this run and of no other.
    """
    drawn = canaries.draw(canaries.COUNTS, derive(f"canaries:{run.uuid}").hex())
    path = canaries_path(run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json_atomic(path, canaries.to_json(drawn))
    return [{**dict.fromkeys(SEALED_FIELDS, ""), **row} for canary in drawn for row in canary.rows()]
