"""How close summaries come to their references: ROUGE as the published tables count it, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


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
    picks = np.random.default_rng(seed).integers(0, len(numbers), size=(draws, len(numbers)))
    low, high = np.percentile(numbers[picks].mean(axis=1), [2.5, 97.5])
    return {"value": float(numbers.mean()), "low": float(low), "high": float(high)}
