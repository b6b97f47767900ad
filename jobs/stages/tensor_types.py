"""Which quantized type each tensor of a model gets, when some are more sensitive than others and the file has a limit."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gguf import GGMLQuantizationType

from jobs.stages.gguf_io import fits, kind_for, row_bytes
from jobs.stages.learned import ENOUGH, share_left, stored_as

CHOICES = ("Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "IQ4_NL")
"""From the closest to the smallest. IQ4_NL is as small as Q4_0 and closer."""
PROBE = "Q4_0"
"""The type in which a tensor's sensitivity is measured: every width allows it, and its errors are large enough to see."""

Weights = npt.NDArray[np.float32]
Costs = dict[str, dict[str, float]]
"""By tensor and type."""


def fake_quantize(weight: torch.Tensor, kind: str, importance: Weights | None) -> torch.Tensor:
    """(rows, width) as the engine will see them after quantization, in the same format as before."""
    stored = stored_as(weight.detach().float().numpy(), kind, importance)
    return torch.from_numpy(stored).to(weight.dtype)


def choices_for(width: int) -> list[str]:
    return [kind for kind in CHOICES if fits(kind, width)]


def size_of(shape: Iterable[int], kind: str) -> int:
    """Bytes of a (rows, width) tensor."""
    rows, width = shape
    return int(rows) * row_bytes(GGMLQuantizationType[kind], int(width))


def uniform(shapes: Mapping[str, torch.Size], wanted: str) -> dict[str, str]:
    """The types that a file of one type has."""
    return {name: kind_for(name, int(shape[1]), wanted).name for name, shape in shapes.items()}


def squared_errors(
    weight: torch.Tensor, importance: Weights | None, before: torch.Tensor | None = None
) -> dict[str, float]:
    """For each type, and the probe: the weights' squared errors, each counted by how much meets its column.

    Without the types that would lose what was learned since ``before``.
    """
    columns = 1.0 if importance is None else torch.from_numpy(importance)
    found = {}
    for kind in {*choices_for(weight.shape[1]), PROBE}:
        stored = fake_quantize(weight, kind, importance)
        if kind == PROBE or before is None or keeps(before, weight, stored):
            found[kind] = (columns * (stored - weight).float().square()).sum().item()
    return found


def keeps(before: torch.Tensor, weight: torch.Tensor, stored: torch.Tensor) -> bool:
    return share_left(*(each.detach().float().numpy() for each in (before, weight, stored))) >= ENOUGH


def costs(measured: Mapping[str, float], errors: Mapping[str, Mapping[str, float]]) -> Costs:
    """What each type costs a tensor, from what the probe cost it: to second order the loss goes with the squared error.

    Source: the reasoning of Dong et al. 2019, "HAWQ", with a measured loss in place of the Hessian's trace.
    """
    return {
        name: {
            kind: max(measured[name], 0.0) * error / max(errors[name][PROBE], 1e-30)
            for kind, error in errors[name].items()
            if kind != PROBE
        }
        for name in measured
    }


def choose_types(cost: Costs, shapes: Mapping[str, torch.Size], limit_bytes: int) -> dict[str, str]:
    """From all tensors at their closest type down to the limit, each time where a byte saved costs least.

    Raises ValueError when the smallest types are too large.
    """
    sizes = {name: {kind: size_of(shapes[name], kind) for kind in cost[name]} for name in cost}
    chosen = {name: max(sizes[name], key=sizes[name].__getitem__) for name in cost}
    total = sum(sizes[name][kind] for name, kind in chosen.items())
    while total > limit_bytes:
        steps = [
            ((cost[name][kind] - cost[name][now]) / (sizes[name][now] - sizes[name][kind]), name, kind)
            for name, now in chosen.items()
            for kind in cost[name]
            if sizes[name][kind] < sizes[name][now]
        ]
        if not steps:
            raise ValueError(f"The smallest types take {total} bytes. Raise the limit, or prune the model.")
        _, name, kind = min(steps)
        total += sizes[name][kind] - sizes[name][chosen[name]]
        chosen[name] = kind
    return chosen


def total_bytes(types: Mapping[str, str], shapes: Mapping[str, torch.Size]) -> int:
    return sum(size_of(shapes[name], kind) for name, kind in types.items())


def counted(types: Mapping[str, str]) -> dict[str, Any]:
    kinds = sorted(set(types.values()))
    return {kind: sum(each == kind for each in types.values()) for kind in kinds}
