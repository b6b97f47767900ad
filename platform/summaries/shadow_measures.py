"""Two texts about one record in figures: how long each is, and how much of it the record bears out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grounding.detector import get_detector

_WORD = re.compile(r"[^\W_]+")
# Shorter words, "with" apart, say little about what was made up.
LEAST_LETTERS = 4
# Name and words of what is counted; of all but the length, less is better.
MEASURES = {
    "words": "Words",
    "unheld_words": "Words that the record does not hold",
    "flagged": "Sentences that the check flags",
}


def measure(source: str, text: str) -> dict[str, int]:
    """Counts of the scrubbed ``text`` against its scrubbed ``source``; no words."""
    judged = get_detector().judge(source, text)
    return {
        "words": len(_WORD.findall(text)),
        "unheld_words": len(_telling(text) - _telling(source)),
        "sentences": len(judged.sentences),
        "flagged": judged.flagged_sentences,
    }


def _telling(text: str) -> set[str]:
    words = _WORD.findall(text.lower())
    return {word for word in words if len(word) >= LEAST_LETTERS or word.isdigit()}


@dataclass(frozen=True)
class Row:
    """A measure over all pairs: both means, and of how many records the candidate has less, as much, or more."""

    label: str
    draft: float
    candidate: float
    less: int
    same: int
    more: int


def table(pairs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """``pairs``: measures of {"draft", "candidate"} for each record that both wrote about."""
    both = [(pair["draft"], pair["candidate"]) for pair in pairs]
    return [_row(name, label, both) for name, label in MEASURES.items()] if both else []


def _row(name: str, label: str, both: Sequence[tuple[Mapping[str, int], Mapping[str, int]]]) -> Row:
    changes = [candidate[name] - draft[name] for draft, candidate in both]
    return Row(
        label=label,
        draft=sum(draft[name] for draft, _ in both) / len(both),
        candidate=sum(candidate[name] for _, candidate in both) / len(both),
        less=sum(change < 0 for change in changes),
        same=sum(change == 0 for change in changes),
        more=sum(change > 0 for change in changes),
    )
