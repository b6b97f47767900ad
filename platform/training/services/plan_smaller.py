"""What each stage is told of a run that makes another's model smaller: that run's rows and model, and what to leave out."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings

from jobs import catalogue
from jobs.specs import MIXED, DistillSpec, ImportanceSpec, MeasureSpec, PruneSpec, QuantizeSpec, Spec
from training.models import CUTTING, ModelArtifact, TrainingRun
from training.options import CUTS, RunOptions, SmallerOptions
from training.services.evaluations import evaluation_file
from training.services.folders import artifact_folder, artifact_path, rows_path
from training.services.row_files import sealer_of

COMMON_TOKENS = 8000
"""Of the vocabulary so many of the commonest pieces stay, so that records to come are not spelled out."""
# K-quants take the columns of a tensor 256 at a time, the others 32.
CHANNELS_AT_ONCE = 256


def smaller_options(run: TrainingRun) -> SmallerOptions:
    return SmallerOptions.from_json(run.options["smaller"])


def _told(run: TrainingRun) -> dict[str, Any]:
    return {
        "base": run.base,
        "models_dir": str(settings.MODELS_DIR),
        "prepared": str(artifact_folder(run.trained_in, "prepare")),
    }


def _whole(run: TrainingRun) -> str:
    return str(artifact_folder(run.trained_in, "train"))


def _made(run: TrainingRun) -> str:
    """What the files are made of: the healed model, or the whole one."""
    is_cut = run.stages.filter(name__in=CUTTING).exists()
    return str(artifact_folder(run, "distill")) if is_cut else _whole(run)


def _prune(run: TrainingRun, options: RunOptions) -> PruneSpec:
    cut, shape = CUTS[smaller_options(run).cut], _shape(run.base)
    channels = int(cut.mlp_channels * shape["intermediate_size"]) // CHANNELS_AT_ONCE * CHANNELS_AT_ONCE
    return PruneSpec(
        **_told(run),
        model=_whole(run),
        layers=round(cut.layers * shape["num_hidden_layers"]),
        mlp_channels=channels if cut.mlp_channels < 1 else 0,
        trim_vocabulary=cut.trims,
        common_tokens=COMMON_TOKENS,
        seed=options.seed,
    )


def _shape(base: str) -> dict[str, Any]:
    """The config of the base's weights, which stand there since it was trained."""
    path = catalogue.installed(base, settings.MODELS_DIR).hf / "config.json"
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    shape: dict[str, Any] = config.get("text_config", config)
    return shape


def _distill(run: TrainingRun, options: RunOptions) -> DistillSpec:
    """In the steps that were found to fit when the whole model was trained."""
    training = {**options.of_training(), "epochs": smaller_options(run).heal_epochs}
    return DistillSpec(
        **_told(run),
        **{**training, "method": "lora"},
        **run.trained_in.preflight.get("chosen", {}),
        checkpoint_every_seconds=settings.CHECKPOINT_SECONDS,
        student=str(artifact_folder(run, "prune")),
        teacher=_whole(run),
    )


def _importance(run: TrainingRun, options: RunOptions) -> ImportanceSpec:
    return ImportanceSpec(
        **_told(run), model=_made(run), as_small_as=smaller_options(run).mixed_like, seed=options.seed
    )


def _quantize(run: TrainingRun, options: RunOptions) -> QuantizeSpec:
    chosen = smaller_options(run)
    return QuantizeSpec(
        **_told(run),
        adapter=_made(run),
        types=(*chosen.types, *([MIXED] if chosen.mixed_like else [])),
        importance=str(artifact_folder(run, "importance")),
        tools_dir=str(settings.TOOLS_DIR),
    )


def _measure(run: TrainingRun, options: RunOptions) -> MeasureSpec:
    whole = ModelArtifact.objects.get(clinic=run.clinic, name=run.trained_in.name)
    made = ModelArtifact.objects.filter(stage__run=run, kind=ModelArtifact.Kind.GGUF).order_by("-bytes")
    return MeasureSpec(
        base=run.base,
        models_dir=str(settings.MODELS_DIR),
        files={each.name: str(artifact_path(each)) for each in (whole, *made)},
        evaluation=str(evaluation_file(whole.evaluation)),
        rows=str(rows_path(run.trained_in)),
        rows_sha256=run.trained_in.rows_sha256,
        rows_key=sealer_of(run.trained_in).public_key,
        context_tokens=options.max_tokens,
        seed=options.seed,
    )


SMALLER_PLANS: dict[str, Callable[[TrainingRun, RunOptions], Spec]] = {
    "prune": _prune,
    "distill": _distill,
    "importance": _importance,
    "quantize": _quantize,
    "measure": _measure,
}
