"""The Clopper-Pearson bound against published values and against its own definition."""

from math import comb

import pytest

from privacy.bounds import reads_needed, upper_bound


@pytest.mark.parametrize(
    ("leaks", "read", "bound"),
    [
        # 1 - 0.05 ** (1 / n) where nothing was found.
        (0, 59, 0.0495),
        (0, 30, 0.0950),
        (0, 1, 0.9500),
        (0, 299, 0.0100),
        # Two-sided 90 % limits of the usual tables (one-sided 95 %).
        (1, 10, 0.3942),
        (5, 10, 0.7776),
        (1, 93, 0.0500),
        (2, 124, 0.0500),
        (10, 100, 0.1637),
    ],
)
def test_the_bound_agrees_with_the_tables(leaks: int, read: int, bound: float) -> None:
    assert upper_bound(leaks, read) == pytest.approx(bound, abs=0.0001)


@pytest.mark.parametrize(("leaks", "read"), [(0, 7), (3, 40), (17, 60), (120, 4000)])
def test_at_the_bound_so_few_leaks_have_a_chance_of_one_in_twenty(leaks: int, read: int) -> None:
    share = upper_bound(leaks, read)
    tail = sum(comb(read, k) * share**k * (1 - share) ** (read - k) for k in range(leaks + 1))
    assert tail == pytest.approx(0.05, rel=1e-6)


def test_nothing_read_says_nothing_and_all_leaky_means_all() -> None:
    assert upper_bound(0, 0) == 1.0
    assert upper_bound(4, 4) == 1.0


@pytest.mark.parametrize(
    ("rate", "leaks", "reads"), [(0.05, 0, 59), (0.05, 1, 93), (0.05, 2, 124), (0.01, 0, 299), (0.5, 0, 5)]
)
def test_the_number_to_read_is_the_smallest_that_meets_the_rate(rate: float, leaks: int, reads: int) -> None:
    assert reads_needed(rate, leaks) == reads
    assert upper_bound(leaks, reads) <= rate < upper_bound(leaks, reads - 1)


@pytest.mark.parametrize(("leaks", "read", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (0, 5, 1.0)])
def test_impossible_counts_are_refused(leaks: int, read: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must be between"):
        upper_bound(leaks, read, confidence)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_of_nothing_or_all_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="must be between"):
        reads_needed(rate)
