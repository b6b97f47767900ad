"""How sure it is that a model remembers something, from how it ranks it among things it has never seen."""

import math
from collections.abc import Sequence


def rank(own: float, others: Sequence[float]) -> int:
    """The place of ``own`` when all are put in order, the least first; behind those that are equal."""
    return 1 + sum(other <= own for other in others)


def exposure(rank: int, others: int) -> float:
    """Bits: log2 of how many there are, less log2 of the rank (Carlini et al., "The Secret Sharer", 2019, section 4).

    Estimated from a sample, so ``log2(others + 1)`` is the most it can say. A secret that was never seen has 1.44 on
    average.
    """
    return math.log2(others + 1) - math.log2(rank)


def combined(chances: Sequence[float]) -> float:
    """One chance for several independent ones, by Fisher's method (1932): that of a product as small as theirs."""
    drop = -sum(map(math.log, chances))
    return math.exp(-drop) * sum(drop**k / math.factorial(k) for k in range(len(chances)))


def more_often(hits: int, of: int, control_hits: int, control_of: int) -> float:
    """The chance of ``hits`` or more among ``of`` if they were no more frequent than among the controls (Fisher's exact
    test, one-sided). 1.0 where there is nothing to compare.
    """
    every, found = of + control_of, hits + control_hits
    ways = sum(math.comb(of, k) * math.comb(control_of, found - k) for k in range(hits, min(of, found) + 1))
    return ways / math.comb(every, found)
