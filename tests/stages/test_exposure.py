"""Ranks, bits and chances, against values worked out by hand or published."""

import random

import pytest

from jobs.stages.exposure import combined, exposure, more_often, rank


def test_equals_stand_before_so_that_a_tie_is_no_find() -> None:
    assert rank(1.0, [0.5, 1.0, 2.0]) == 3
    assert rank(0.1, [0.5, 1.0, 2.0]) == 1


def test_the_first_of_256_has_eight_bits_and_the_last_none() -> None:
    assert exposure(1, 255) == 8.0
    assert exposure(256, 255) == 0.0


def test_a_secret_never_seen_has_under_a_bit_and_a_half_on_average() -> None:
    # The mean of -log2 of a uniform number is log2(e) = 1.4427.
    assert sum(exposure(place, 9999) for place in range(1, 10_001)) / 10_000 == pytest.approx(
        1.4427, abs=0.01
    )


def test_chances_are_combined_as_fisher_did() -> None:
    assert combined([0.05]) == pytest.approx(0.05)
    # Chi-squared of -2 ln(.1 * .1) = 9.2103 with 4 degrees of freedom.
    assert combined([0.1, 0.1]) == pytest.approx(0.05605, abs=1e-5)
    rng = random.Random(1)
    alarms = sum(combined([rng.random() for _ in range(3)]) < 0.05 for _ in range(20_000))
    assert alarms / 20_000 == pytest.approx(0.05, abs=0.005)


def test_the_lady_tasting_tea_is_judged_as_by_fisher() -> None:
    # All 4 right of 4, none wrong of 4: 1 in 70; 3 right, 1 wrong: 17 in 70.
    assert more_often(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert more_often(3, 4, 1, 4) == pytest.approx(17 / 70)


def test_where_there_is_nothing_to_compare_nothing_is_found() -> None:
    assert more_often(0, 0, 0, 0) == more_often(5, 5, 0, 0) == 1.0
