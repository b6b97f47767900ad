"""What a step costs in time and memory, fitted on a few real ones and added up over the plan of a whole run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from jobs.stages.batches import Batch, split_batch
from jobs.stages.packing import Row, pack

FLOAT = 4
MARGIN = 1.15
"""On what is extrapolated: an allocator never fits as tightly as the sum of its blocks."""


@dataclass(frozen=True)
class Work:
    """How much there is to do in one pass through the model, or in a step of several."""

    tokens: int
    attention: int
    """Squares of the rows' lengths, added up."""
    answers: int
    """Places whose next token is learned: the output layer runs there alone."""
    widths: tuple[int, ...]
    """Of each pass. A CPU's matrix kernels are prepared anew for each new one."""

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.tokens + other.tokens,
            self.attention + other.attention,
            self.answers + other.answers,
            self.widths + other.widths,
        )


def passes(rows: list[Row], batch: Batch, tokens_at_once: int) -> list[Work]:
    """The passes through the model that make up one step."""
    lengths = [len(rows[index]["input_ids"]) for index in batch]
    return [
        work_of(pack([rows[batch[place]] for place in part])) for part in split_batch(lengths, tokens_at_once)
    ]


def work_of(packed: dict) -> Work:
    shared, *own = packed["rows"].tolist()
    width = packed["input_ids"].shape[1]
    return Work(width, sum((shared + length) ** 2 for length in own), len(packed["targets"]), (width,))


def step_work(rows: list[Row], plan: list[Batch], tokens_at_once: int) -> list[Work]:
    """The work of each step of the plan."""
    return [_sum(passes(rows, batch, tokens_at_once)) for batch in plan]


def probe_steps(works: Sequence[Work], count: int = 4) -> list[int]:
    """Steps worth trying: from the lightest to the heaviest, evenly by tokens, and the one with most answers."""
    order = sorted(range(len(works)), key=lambda i: (works[i].tokens, works[i].attention))
    picked = {order[round(part * (len(order) - 1) / (count - 1))] for part in range(count)}
    picked.add(max(range(len(works)), key=lambda i: works[i].answers))
    return sorted(picked, key=lambda i: works[i].tokens)


def fit_seconds(works: Sequence[Work], seconds: Sequence[float]) -> np.ndarray:
    """Seconds a token, a squared token of attention, an answer, a new width and a step; none below zero.

    The first step pays for all firsts and is not fitted; its width is known from then on. Least squares with no negative part (Lawson and Hanson 1974, chapter 23), by trying every set of parts: there are
    31 of them.
    """
    features, wanted = _features(works)[1:], np.array(seconds[1:])
    scale = np.maximum(features.max(axis=0), 1e-12)
    best, least = np.zeros(features.shape[1]), float(wanted @ wanted)
    for count in range(1, features.shape[1] + 1):
        for chosen in map(list, combinations(range(features.shape[1]), count)):
            found = np.linalg.lstsq(features[:, chosen] / scale[chosen], wanted, rcond=None)[0]
            error = float(((features[:, chosen] / scale[chosen] @ found - wanted) ** 2).sum())
            if (found >= 0).all() and error < least * 0.999:
                best, least = np.zeros(features.shape[1]), error
                best[chosen] = found / scale[chosen]
    return best


def predict_seconds(fitted: np.ndarray, works: Sequence[Work]) -> np.ndarray:
    """Of each step, in their order."""
    return _features(works) @ fitted


def _features(works: Iterable[Work]) -> np.ndarray:
    seen: set[int] = set()
    rows = []
    for work in works:
        new = set(work.widths) - seen
        seen |= new
        rows.append([work.tokens, work.attention, work.answers, len(new), 1.0])
    return np.array(rows, dtype=float)


def _sum(works: list[Work]) -> Work:
    whole, *others = works
    for other in others:
        whole += other
    return whole


@dataclass(frozen=True)
class Memory:
    """What a training holds, from one small pass measured on this model."""

    held_bytes: float
    """The model with its adapters, their gradients and the optimizer's moments."""
    token_bytes: float
    """Kept of each token for the way back."""
    layers: int
    hidden_size: int
    vocabulary: int

    def need(self, work: Work, recompute: bool) -> float:
        """Bytes at the peak of one pass."""
        # Recomputing keeps what goes into each layer, and at any time one layer's own.
        token = (
            self.token_bytes / self.layers + self.layers * self.hidden_size * FLOAT
            if recompute
            else self.token_bytes
        )
        # Logits, their softmax and their gradient.
        logits = 3 * work.answers * self.vocabulary * FLOAT
        return self.held_bytes + MARGIN * (token * work.tokens + logits)


@dataclass(frozen=True)
class Way:
    """How a step's rows go through the model."""

    tokens_at_once: int
    recompute: bool


def choose_way(memory: Memory, rows: list[Row], plan: list[Batch], limit_bytes: float) -> tuple[Way, float]:
    """The quickest way whose heaviest pass stays within the limit, and its peak; the leanest where none does."""
    longest = max(len(row["input_ids"]) for row in rows)
    fullest = max(sum(len(rows[index]["input_ids"]) for index in batch) for batch in plan)
    parts = sorted({0, max(longest, fullest // 2), longest}, key=lambda size: -(size or fullest))
    for recompute in (False, True):
        for tokens_at_once in parts:
            way = Way(tokens_at_once if tokens_at_once < fullest else 0, recompute)
            heaviest = max(
                memory.need(work, recompute)
                for batch in plan
                for work in passes(rows, batch, way.tokens_at_once)
            )
            if heaviest <= limit_bytes:
                return way, heaviest
    return way, heaviest
