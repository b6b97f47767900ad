"""Which types keep what a training has learned.

Package files hold a base's weights on a grid of 16 or 32 levels a block, and a training moves them a little off it. A type
that can draw the same grid finds it again, with the smallest error of all, and rounds what was learned away
(docs/experiments.md). So the error alone does not choose a type: the share of the change that is left does, first.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFReader
from gguf.gguf_reader import ReaderTensor
from gguf.quants import dequantize

from jobs.stages.gguf_io import Recipe, fits, quantize_rows

Floats = npt.NDArray[np.float32]
ENOUGH = 0.5
"""Of the change: types that find the base's grid again leave .1 to .35 of it, others .65 and more."""
_ENOUGH_ROWS = 96
_LIKE = (("Q4_K", "IQ4_NL", "Q4_0"), ("Q5_K", "Q5_0", "Q5_1"))
"""Types of about one size, the closest first."""


def share_left(before: Floats, learned: Floats, stored: Floats) -> float:
    """The part of ``learned - before`` that ``stored - before`` still holds: 1 for all, 0 for none; 1 where nothing was learned."""
    change = (learned - before).ravel()
    size = float(change @ change)
    return float((stored - before).ravel() @ change) / size if size else 1.0


def stored_as(weights: Floats, kind: str, importance: Floats | None) -> Floats:
    """(rows, width) as it is read back from a file of this type."""
    ggml = GGMLQuantizationType[kind]
    return np.asarray(dequantize(quantize_rows(weights, ggml, importance), ggml), dtype=np.float32)


def kinds_that_keep(half: Path, base: Path, recipe: Recipe) -> dict[str, str]:
    """By tensor of the 16-bit file ``half``, the type to take in place of the recipe's where that one would forget.

    ``base`` is the file that the training began with. A tensor that it holds in no such shape, as after pruning, stays with its type.
    """
    started = {tensor.name: tensor for tensor in GGUFReader(base).tensors}
    found = {}
    for tensor in GGUFReader(half).tensors:
        kind, old = recipe.kind(tensor).name, started.get(tensor.name)
        rivals = rivals_of(kind, int(tensor.shape[0]))
        if not rivals or old is None or list(old.shape) != list(tensor.shape):
            continue
        before, learned = (_some_rows(each) for each in (old, tensor))
        better = keeping([kind, *rivals], before, learned, recipe.importance.get(tensor.name))
        if better != kind:
            found[tensor.name] = better
    return found


def _some_rows(tensor: ReaderTensor) -> Floats:
    """Rows from all over the tensor: enough to tell, and a fraction of the time."""
    step = max(1, len(tensor.data) // _ENOUGH_ROWS)
    return np.asarray(dequantize(tensor.data[::step], tensor.tensor_type), dtype=np.float32)


def keeping(kinds: list[str], before: Floats, learned: Floats, importance: Floats | None) -> str:
    """The first of ``kinds`` that leaves enough, or the one that leaves most."""
    shares: dict[str, float] = {}
    for kind in kinds:
        shares[kind] = share_left(before, learned, stored_as(learned, kind, importance))
        if shares[kind] >= ENOUGH:
            return kind
    return max(shares, key=shares.__getitem__)


def rivals_of(kind: str, width: int) -> list[str]:
    """Other types of about the size of ``kind`` that rows of ``width`` divide into."""
    like = next((group for group in _LIKE if kind in group), ())
    return [each for each in like if each != kind and fits(each, width)]
