"""Batches for an encoder: examples of like width together, so that little is padding and few shapes occur."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Protocol, TypeVar

import numpy as np

WIDTH_STEP = 16


class HasIds(Protocol):
    ids: np.ndarray


Sized = TypeVar("Sized", bound=HasIds)


def width_of(example: HasIds) -> int:
    """The example's tokens, up to the next multiple of ``WIDTH_STEP``."""
    return -(-len(example.ids) // WIDTH_STEP) * WIDTH_STEP


def batches(examples: Sequence[Sized], tokens: int, rng: Random) -> Iterator[list[Sized]]:
    """Examples of one width together, ``tokens`` padded tokens a batch, in random order, for ever.

    Few shapes only: the processor's kernels are compiled anew for every shape they have not seen.
    """
    while True:
        by_width: dict[int, list[Sized]] = {}
        for example in rng.sample(examples, len(examples)):
            by_width.setdefault(width_of(example), []).append(example)
        pile = [
            alike[first : first + max(1, tokens // width)]
            for width, alike in by_width.items()
            for first in range(0, len(alike), max(1, tokens // width))
        ]
        rng.shuffle(pile)
        yield from pile
