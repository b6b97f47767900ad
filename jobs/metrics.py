"""How close summaries come to their references: ROUGE as the published tables count it, with intervals and tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
FEWEST_TO_TEST = 6
"""Below this no paired test can find anything: with five rows all on one side, chance alone does as well 1 time in 16."""


def rouge_per_row(pairs: Sequence[tuple[str, str]]) -> dict[str, list[float]]:
    """F1 x 100 of each (reference, prediction), under each name in ROUGES.

    Without stemming. rougeLsum takes each line as a sentence, so a note with headings keeps its parts apart.
    Source: Lin 2004, through Google's ``rouge_score``.
    """
    scorer = RougeScorer(list(ROUGES), use_stemmer=False)
    scores = [scorer.score(reference, prediction) for reference, prediction in pairs]
    return {name: [100 * score[name].fmeasure for score in scores] for name in ROUGES}


def rouge(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean over rows {reference, prediction}, x 100. Raises ValueError when there are none."""
    if not rows:
        raise ValueError("There are no rows to score.")
    per_row = rouge_per_row([(row["reference"], row["prediction"]) for row in rows])
    return {name: float(np.mean(values)) for name, values in per_row.items()}


def bootstrap(values: Sequence[float], *, seed: int, draws: int = 1000) -> dict[str, float]:
    """{value, low, high}: the mean and its percentile 95 % interval over ``draws`` resamples of the rows."""
    numbers = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(_resampled_means(numbers, seed, draws), [2.5, 97.5])
    return {"value": float(numbers.mean()), "low": float(low), "high": float(high)}


def paired(
    first: Sequence[float], second: Sequence[float], *, seed: int, draws: int = 5000
) -> dict[str, float]:
    """{value, low, high, share_higher, p} of ``second`` - ``first``, row by row; both score the same rows.

    ``low`` and ``high`` bound the mean difference in 95 % of the resamples of the rows, and in ``share_higher`` of
    them the second is ahead: the paired bootstrap, Koehn 2004. ``p`` is the two-sided approximate randomization
    test, Noreen 1989: how often a difference at least as large comes about when the two scores of each row are
    swapped by coin toss. Raises ValueError for fewer than FEWEST_TO_TEST rows.
    """
    differences = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    if len(differences) < FEWEST_TO_TEST:
        raise ValueError(f"A paired test needs {FEWEST_TO_TEST} rows or more.")
    means = _resampled_means(differences, seed, draws)
    low, high = np.percentile(means, [2.5, 97.5])
    signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(draws, len(differences)))
    # The observed sum may come out a rounding error smaller than the same sum in another order.
    as_large = np.abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-9)
    return {
        "value": float(differences.mean()),
        "low": float(low),
        "high": float(high),
        "share_higher": float((means > 0).mean()),
        # The observed assignment is one of them, so p is never 0.
        "p": float((as_large.sum() + 1) / (draws + 1)),
    }


def _resampled_means(numbers: np.ndarray[Any, Any], seed: int, draws: int) -> np.ndarray[Any, Any]:
    picks = np.random.default_rng(seed).integers(0, len(numbers), size=(draws, len(numbers)))
    means: np.ndarray[Any, Any] = numbers[picks].mean(axis=1)
    return means
