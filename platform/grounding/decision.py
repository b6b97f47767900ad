"""How the signals are joined: a logistic decision, its calibration and its thresholds, all fitted on the project's own held-out rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grounding.features import NAMES

Array = npt.NDArray[Any]
FALSE_FLAGS = 0.05
"""The share of true sentences that the shipped threshold flags; ``unsure`` begins where twice as many would be."""
_STEPS, _RIDGE = 60, 1e-3


@dataclass(frozen=True)
class Decision:
    """``weights`` of features.NAMES, then of the cross-encoder's log-odds against support and for contradiction, then the bias.

    ``threshold`` and ``unsure`` are probabilities of a sentence; a text of several is judged by ``whole_threshold``.
    """

    weights: tuple[float, ...]
    slope: float
    offset: float
    threshold: float
    unsure: float
    whole_slope: float
    whole_offset: float
    whole_threshold: float

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> "Decision":
        return cls(**{**card, "weights": tuple(card["weights"])})

    @classmethod
    def rules_alone(cls) -> "Decision":
        """What the checks alone decide: any sure finding flags. The numbers are set, not learned."""
        weights = [
            4.5 if name.endswith(":sure") else 1.0 if name.endswith(":doubt") else 0.0 for name in NAMES
        ]
        weights[NAMES.index("unknown share")] = 4.0
        return cls((*weights, 0.0, 0.0, -3.0), 1.0, 0.0, 0.5, 0.3, 1.0, 0.0, 0.5)

    def to_card(self) -> dict[str, Any]:
        return asdict(self)

    def log_odds(self, features: Array, logs: Array) -> Array:
        """Calibrated log-odds that a sentence is not borne out, (sentences,). ``logs``: log-probabilities, (sentences, 3)."""
        raw = columns(features, logs) @ np.array(self.weights)
        return np.asarray(self.slope * raw + self.offset)

    def whole(self, odds: Array) -> float:
        """The probability that anything in a text of such sentences is wrong; a single sentence's is its own."""
        if not len(odds):
            return 0.0
        if len(odds) == 1:
            return float(sigmoid(odds)[0])
        return float(sigmoid(np.array([self.whole_slope * joined(odds) + self.whole_offset]))[0])


def columns(features: Array, logs: Array) -> Array:
    """(sentences, len(NAMES) + 3)."""
    against = np.clip(np.logaddexp(logs[:, 1], logs[:, 2]) - logs[:, 0], -8, 8)
    kind = np.clip(logs[:, 1] - logs[:, 2], -5, 5) * (against > 0)
    return np.column_stack([features, against, kind, np.ones(len(features))])


def joined(odds: Array) -> float:
    """Log-odds of one wrong sentence at least, were they independent."""
    alright = float(np.minimum(-np.logaddexp(0, odds), -1e-6).sum())
    return float(np.log(-np.expm1(alright)) - alright)


def sigmoid(odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


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


def fit(features: Array, logs: Array, wrong: Array, texts: Array, text_wrong: Array) -> Decision:
    """A decision from held-out rows: half for the weights, half for calibration and thresholds, taken in turn.

    ``features`` (rows, len(NAMES)), ``logs`` (rows, 3), ``wrong`` (rows,); ``texts`` (rows,) gives each sentence the number of the
    text it stands in, -1 for none, and ``text_wrong`` (texts,) whether anything in that text is wrong. Rows of texts are
    used for the text's calibration alone.
    """
    single = texts < 0
    rows, goal = columns(features, logs), np.asarray(wrong, dtype=float)
    turn = np.cumsum(single) % 2
    first, second = single & (turn == 0), single & (turn == 1)
    checks = range(len(NAMES) - 5)
    weights = logistic(rows[first], goal[first], balanced(goal[first]), checks)
    slope, offset = _platt((rows @ weights)[second], goal[second])
    odds = slope * (rows @ weights) + offset
    right = np.sort(sigmoid(odds[second & (goal == 0)]))
    threshold, unsure = (float(np.quantile(right, 1 - share)) for share in (FALSE_FLAGS, 2 * FALSE_FLAGS))
    wholes = np.array([joined(odds[texts == number]) for number in range(len(text_wrong))])
    whole_slope, whole_offset = _platt(wholes, text_wrong) if len(wholes) else (1.0, 0.0)
    whole_threshold = (
        _best_threshold(sigmoid(whole_slope * wholes + whole_offset), text_wrong)
        if len(wholes)
        else threshold
    )
    return Decision(
        tuple(map(float, weights)),
        slope,
        offset,
        threshold,
        unsure,
        whole_slope,
        whole_offset,
        whole_threshold,
    )


def _platt(raw: Array, wrong: Array) -> tuple[float, float]:
    """Platt's scaling (1999): slope and offset that make a score's log-odds true on balanced rows."""
    goal = np.asarray(wrong, dtype=float)
    slope, offset = logistic(np.column_stack([raw, np.ones(len(raw))]), goal, balanced(goal))
    return float(slope), float(offset)


def _best_threshold(chances: Array, wrong: Array) -> float:
    """Where recall and the share of true texts left alone add up to most."""
    goal = np.asarray(wrong, dtype=float)
    steps = np.unique(np.quantile(chances, np.linspace(0.02, 0.98, 97)))
    gains = [((chances >= t) & (goal > 0)).sum() / max(goal.sum(), 1) - ((chances >= t) & (goal == 0)).sum() / max((1 - goal).sum(), 1) for t in steps]  # fmt: skip
    return float(steps[int(np.argmax(gains))])
