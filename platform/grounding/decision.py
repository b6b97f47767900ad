"""How the signals are joined: a logistic decision, its calibration and its thresholds, all fitted on the project's own held-out rows."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


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
    whole_threshold: float

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> "Decision":
        return cls(**{**card, "weights": tuple(card["weights"])})

    def to_card(self) -> dict[str, Any]:
        return asdict(self)

    def log_odds(self, features: Array, logs: Array) -> Array:
        """Calibrated log-odds that a sentence is not borne out, (sentences,). ``logs``: log-probabilities, (sentences, 3)."""
        raw = columns(features, logs) @ np.array(self.weights)
        return np.asarray(self.slope * raw + self.offset)

    def whole(self, odds: Array) -> float:
        """The probability that anything in a text of such sentences is wrong; a single sentence's is its own."""
        return float(sigmoid(np.array([of_text(odds)]))[0]) if len(odds) else 0.0


def unread(count: int) -> Array:
    """What stands for the cross-encoder's log-probabilities where there is none: no opinion, (count, 3)."""
    return np.full((count, 3), -np.log(3.0))


def columns(features: Array, logs: Array) -> Array:
    """(sentences, len(NAMES) + 3)."""
    against = np.clip(np.logaddexp(logs[:, 1], logs[:, 2]) - logs[:, 0], -8, 8)
    kind = np.clip(logs[:, 1] - logs[:, 2], -5, 5) * (against > 0)
    return np.column_stack([features, against, kind, np.ones(len(features))])


def of_text(odds: Array) -> float:
    """The log-odds that anything in a text is wrong, of those of its sentences: the worst one's, as many times as there are sentences.

    Every sentence is one more chance of an error, and none makes up for another.
    """
    return float(odds.max() + np.log(len(odds)))


def sigmoid(odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
