"""How many records may still hold a leak, given that so many of those read did: an exact binomial bound.

C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26 (1934), 404-413. One-sided: with the given confidence the share is not higher.
"""

from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95


def upper_bound(leaks: int, read: int, confidence: float = CONFIDENCE) -> float:
    """The highest share at which so few leaks (or fewer) would still turn up with probability 1 - confidence.

    ``leaks`` of ``read`` records had one. 1.0 where nothing was read. Raises ValueError for impossible counts.
    """
    if not 0 <= leaks <= read or not 0 < confidence < 1:
        raise ValueError("leaks must be between 0 and read, confidence between 0 and 1")
    if leaks == read:
        return 1.0
    low, high = leaks / read, 1.0
    for _ in range(60):  # halves the interval to below the precision of a float
        middle = (low + high) / 2
        if _at_most(leaks, read, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def reads_needed(max_rate: float, leaks: int = 0, confidence: float = CONFIDENCE) -> int:
    """How many records must be read, ``leaks`` of them with a leak, for the bound to be at most ``max_rate``."""
    if not 0 < max_rate < 1:
        raise ValueError("max_rate must be between 0 and 1")
    high = leaks + 1
    while upper_bound(leaks, high, confidence) > max_rate:
        high *= 2
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        if middle >= leaks and upper_bound(leaks, middle, confidence) <= max_rate:
            high = middle
        else:
            low = middle
    return high


def _at_most(leaks: int, read: int, share: float) -> float:
    """P(X <= leaks) for X ~ Binomial(read, share), 0 < share < 1; logarithms keep large counts from overflowing."""
    return sum(
        exp(
            lgamma(read + 1)
            - lgamma(k + 1)
            - lgamma(read - k + 1)
            + k * log(share)
            + (read - k) * log1p(-share)
        )
        for k in range(leaks + 1)
    )
