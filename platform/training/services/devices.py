"""Where a model's file runs: kinds of machines, or this one as it is measured now (docs/bundle.md)."""

import os
from collections.abc import Iterable

from jobs import machine
from jobs.devices import DEVICES, Budget, Device, Model, budget, measured, model_of
from jobs.gguf_header import read_header
from training.models import ModelArtifact
from training.options import RunOptions
from training.services.folders import artifact_path

EVALUATED_AT_ONCE = 4
"""So many requests an evaluation has under way (``jobs.stages.serving``)."""


class NotKnown(Exception):
    """The file does not tell what it takes; the message says why."""


def model(artifact: ModelArtifact) -> Model:
    """Raises ``NotKnown``."""
    if artifact.shares_base:
        raise NotKnown("An adapter runs upon its base: it takes what the base takes, and its own size.")
    if artifact.kind != ModelArtifact.Kind.GGUF:
        raise NotKnown("Only GGUF files run by themselves. Choose the quantized artifact of this run.")
    try:
        return model_of(read_header(artifact_path(artifact)))
    except (OSError, ValueError, KeyError):
        raise NotKnown("The model's file is missing, or does not say what it holds.") from None


def context_tokens(artifact: ModelArtifact, model: Model) -> int:
    """What it reads at once: as it was trained."""
    return min(RunOptions.from_json(artifact.stage.run.options).max_tokens, model.context_tokens)


def budgets(artifact: ModelArtifact, devices: Iterable[Device] = DEVICES) -> list[Budget]:
    """Raises ``NotKnown``."""
    known = model(artifact)
    return [budget(known, device, context_tokens(artifact, known)) for device in devices]


def this_machine() -> Device:
    """Measures for about a second; what else runs meanwhile counts against it."""
    return measured(
        "This machine, just now",
        free_bytes=machine.free_memory_bytes(),
        bytes_per_s=machine.memory_bytes_per_s(),
        cores=len(os.sched_getaffinity(0)),
        operations_per_s=machine.matrix_operations_per_s(),
    )
