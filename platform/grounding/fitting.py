"""How a decision is fitted, on held-out rows of the project's own and on nothing else: weights, calibration, thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grounding.decision import Array, Decision, columns, of_text, sigmoid
from grounding.features import NAMES, PROVEN
from grounding.scoring import area_under_curve, calibration_error

FALSE_FLAGS = 0.085
"""The share of reference sentences that are flagged, proven ones and those above the threshold, a part of them rightly; ``unsure`` begins at twice that."""
_STEPS, _RIDGE = 60, 3e-4


def fit_rows(rows: Sequence[dict[str, Any]], logs: Array) -> tuple[Decision, dict[str, float]]:
    """The decision from rows of grounding.training, and its figures on those that did not shape its weights.

    ``logs``: the cross-encoder's log-probabilities, (rows, 3). Rows that are not held out shape the weights, held-out ones the
    calibration; where all are held out, since the encoder learned from the others, every other one does.
    """
    features = np.array([row["features"] for row in rows])
    wrong = np.array([row["label"] != "supported" for row in rows], dtype=float)
    texts, even = np.array([row["text"] for row in rows]), np.array([row["even"] for row in rows])
    text_wrong = np.array([wrong[texts == number].max() for number in range(texts.max() + 1)])
    first, alone = ~np.array([row["held_out"] for row in rows]), (texts < 0) & ~even
    if not first.any():
        first = np.cumsum(alone) % 2 == 0
    parts = Parts(first & alone, ~first & alone, even, texts)
    decision = fit(features, logs, wrong, parts, text_wrong)
    proven = features[:, NAMES.index(PROVEN)] > 0
    chances = sigmoid(decision.log_odds(features, logs))
    flagged = (chances >= decision.threshold) | proven
    others, right = parts.judged, parts.judged & (wrong == 0)
    return decision, {
        "auroc": round(area_under_curve(chances[others].tolist(), wrong[others].tolist()), 4),
        "recall": round(float(flagged[others & (wrong > 0)].mean()), 4),
        "false_flags": round(float(flagged[right].mean()), 4),
        "ece": round(calibration_error(chances[even].tolist(), wrong[even].tolist()), 4),
    }


def logistic(rows: Array, wrong: Array, weights: Array, keep_positive: Sequence[int] = ()) -> Array:
    """Ridge logistic regression by Newton's steps. ``wrong`` 0/1, ``weights`` of the rows; the last column is the bias.

    Columns in ``keep_positive`` get no negative weight: a finding may not speak for a sentence.
    """
    result = np.zeros(rows.shape[1])
    free = np.ones(rows.shape[1], dtype=bool)
    ridge = np.full(rows.shape[1], _RIDGE * weights.sum())
    ridge[-1] = 1e-9
    for _ in range(_STEPS):
        chances = sigmoid(rows @ result)
        slope = rows.T @ (weights * (chances - wrong)) + ridge * result
        curve = (rows * (weights * chances * (1 - chances))[:, None]).T @ rows + np.diag(ridge)
        step = np.zeros_like(result)
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        result -= step
        for column in keep_positive:
            if result[column] < 0:
                result[column], free[column] = 0.0, False
        if np.abs(step).max() < 1e-6:
            break
    return result


def balanced(wrong: Array) -> Array:
    """Weights by which right and wrong rows count the same."""
    share = wrong.mean()
    return np.asarray(np.where(wrong > 0, 0.5 / max(share, 1e-6), 0.5 / max(1 - share, 1e-6)))


@dataclass(frozen=True)
class Parts:
    """Which rows serve what: masks (rows,). ``shaping`` the weights; ``judged`` the thresholds; ``even`` the probabilities.

    ``texts`` gives each sentence the number of the text it stands in, -1 for none.
    """

    shaping: Array
    judged: Array
    even: Array
    texts: Array


def fit(features: Array, logs: Array, wrong: Array, parts: Parts, text_wrong: Array) -> Decision:
    """``features`` (rows, len(NAMES)), ``logs`` (rows, 3), ``wrong`` (rows,); ``text_wrong`` (texts,): is anything in it wrong?"""
    rows, goal = columns(features, logs), np.asarray(wrong, dtype=float)
    proven = features[:, NAMES.index(PROVEN)] > 0
    weights = _weights(rows, goal, parts.shaping, proven)
    slope, offset = _platt((rows @ weights)[parts.even], goal[parts.even])
    odds = slope * (rows @ weights) + offset
    right = parts.judged & (goal == 0)
    threshold, unsure = (
        _threshold(sigmoid(odds[right]), proven[right], share) for share in (FALSE_FLAGS, 2 * FALSE_FLAGS)
    )
    whole = _whole_threshold(odds, proven, parts.texts, text_wrong)
    return Decision(
        tuple(map(float, weights)), slope, offset, threshold, unsure, threshold if whole is None else whole
    )


def _whole_threshold(odds: Array, proven: Array, texts: Array, text_wrong: Array) -> float | None:
    """None where there is no text, or something is proven in each, so that a threshold would decide nothing."""
    of_each = [np.flatnonzero(texts == number) for number in range(len(text_wrong))]
    undecided = [number for number, rows in enumerate(of_each) if not proven[rows].any()]
    if not undecided:
        return None
    chances = sigmoid(np.array([of_text(odds[of_each[number]]) for number in undecided]))
    return _best_threshold(chances, text_wrong[undecided])


def _weights(rows: Array, wrong: Array, first: Array, proven: Array) -> Array:
    """What is proven is flagged in any case: the weights are fitted on the rest, and a proof's own weight on top of them."""
    checks = [n for n, name in enumerate(NAMES) if name.endswith((":sure", ":doubt"))]
    rest = first & ~proven
    weights = logistic(rows[rest], wrong[rest], balanced(wrong[rest]), checks)
    column = NAMES.index(PROVEN)
    weights[column] = _weight_on_top(rows[first] @ weights, proven[first], wrong[first])
    return weights


def _weight_on_top(odds: Array, proven: Array, wrong: Array) -> float:
    """Newton's steps for one weight more, the ``odds`` of the others given; none below 0."""
    weight, weights = 0.0, balanced(wrong)
    for _ in range(_STEPS):
        chances = sigmoid(odds + weight * proven)
        slope = (weights * (chances - wrong) * proven).sum() + _RIDGE * weight
        weight -= slope / ((weights * chances * (1 - chances) * proven).sum() + _RIDGE)
    return max(float(weight), 0.0)


def _platt(raw: Array, wrong: Array) -> tuple[float, float]:
    """Platt's scaling (1999): slope and offset that make a score's log-odds true of such rows; none of one kind alone."""
    if len(np.unique(wrong)) < 2:
        return 1.0, 0.0
    slope, offset = logistic(np.column_stack([raw, np.ones(len(raw))]), wrong, np.ones(len(raw)))
    return float(slope), float(offset)


def _threshold(chances: Array, proven: Array, share: float) -> float:
    """Above which such a share of true sentences is flagged, together with those that are flagged in any case."""
    left = max(share - proven.mean(), 0.01) / (1 - proven.mean())
    return float(np.quantile(chances[~proven], 1 - left))


def _best_threshold(chances: Array, wrong: Array) -> float:
    """Where recall and the share of true texts left alone add up to most."""
    goal = np.asarray(wrong, dtype=float)
    steps = np.unique(np.quantile(chances, np.linspace(0.02, 0.98, 97)))
    gains = [((chances >= t) & (goal > 0)).sum() / max(goal.sum(), 1) - ((chances >= t) & (goal == 0)).sum() / max((1 - goal).sum(), 1) for t in steps]  # fmt: skip
    return float(steps[int(np.argmax(gains))])
