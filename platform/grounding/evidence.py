"""The record prepared for checking, and the lines of it that speak to a claim (BM25, Robertson & Zaragoza 2009; numbers weighted)."""

import math
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from grounding.pieces import Piece, is_dialogue, record_lines
from grounding.quantities import Quantity, held
from grounding.terms import Term, terms

T = TypeVar("T")
_K, _B = 1.2, 0.6
_NEIGHBOUR = 0.45
"""A line counts for so much of the line before and after it: an answer means little without its question."""
_NUMBER_WEIGHT = 1.5
WORDS = 90
"""How many words of evidence go with a sentence, at least one line."""


@dataclass(frozen=True)
class Record:
    """A record's lines with their terms and numbers, made once and asked for every sentence. Places are in ``source``."""

    source: str
    lines: Sequence[Piece] = field(init=False)
    _known: dict[Hashable, Any] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", record_lines(self.source))

    @cached_property
    def terms(self) -> list[list[Term]]:
        """Of each line, placed in the source."""
        return [_moved(terms(line.text), line.start) for line in self.lines]

    @cached_property
    def quantities(self) -> list[list[Quantity]]:
        """Of each line. Read in the whole source, since a very long line may be cut within a number."""
        found: list[list[Quantity]] = [[] for _ in self.lines]
        starts = [line.start for line in self.lines]
        for quantity in held(self.source):
            if (at := bisect(starts, quantity.start)) and quantity.start < self.lines[at - 1].end:
                found[at - 1].append(quantity)
        return found

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """What a check reads out of the record, read the first time only."""
        if key not in self._known:
            self._known[key] = read()
        found: T = self._known[key]
        return found

    @cached_property
    def dialogue(self) -> bool:
        return is_dialogue(list(self.lines))

    @cached_property
    def where(self) -> dict[str, set[int]]:
        """Term → the lines that hold it."""
        found: dict[str, set[int]] = {}
        for number, line in enumerate(self.terms):
            for term in line:
                found.setdefault(term.form, set()).add(number)
        return found

    def holding(self, wanted: frozenset[str], share: float = 0.6) -> list[int]:
        """The lines that hold at least ``share`` of the terms."""
        counts = Counter(n for form in wanted for n in self.where.get(form, ()))
        return sorted(n for n, count in counts.items() if count >= share * len(wanted))

    @cached_property
    def _counts(self) -> list[Counter[str]]:
        return [
            Counter([term.form for term in line] + [f"#{value}" for q in numbers for value in q.readings])
            for line, numbers in zip(self.terms, self.quantities, strict=True)
        ]

    @cached_property
    def _postings(self) -> dict[str, dict[int, int]]:
        found: dict[str, dict[int, int]] = {}
        for number, counts in enumerate(self._counts):
            for form, count in counts.items():
                found.setdefault(form, {})[number] = count
        return found

    @cached_property
    def _norms(self) -> list[float]:
        lengths = [sum(counts.values()) for counts in self._counts]
        mean = (sum(lengths) / len(lengths) if lengths else 0) or 1
        return [_K * (1 - _B + _B * length / mean) for length in lengths]

    def scores(self, forms: Sequence[str]) -> list[float]:
        """How much each line says of ``forms`` (terms, and numbers as "#5"), its neighbours' share included."""
        own = [0.0] * len(self.lines)
        for form in dict.fromkeys(forms):
            postings = self._postings.get(form, {})
            weight = math.log(1 + (len(own) - len(postings) + 0.5) / (len(postings) + 0.5))
            weight *= _NUMBER_WEIGHT if form.startswith("#") else 1
            for number, count in postings.items():
                own[number] += weight * count * (_K + 1) / (count + self._norms[number])
        padded = [0.0, *own, 0.0]
        return [
            padded[at + 1] + _NEIGHBOUR * max(padded[at], padded[at + 2]) if any(padded[at : at + 3]) else 0.0
            for at in range(len(own))
        ]

    def evidence(self, claims: Sequence[Piece], words: int = WORDS) -> list[int]:
        """The numbers of the lines that speak to the claims, in the record's order; each claim has its turn."""
        ranked = [self._ranked(claim.text) for claim in claims]
        chosen: list[int] = []
        room = words
        for place in range(max(map(len, ranked), default=0)):
            for ranks in ranked:
                number = ranks[place] if place < len(ranks) else None
                if number is None or number in chosen:
                    continue
                room -= len(self.lines[number].text.split())
                if room < 0 and chosen:
                    return sorted(chosen)
                chosen.append(number)
        return sorted(chosen)

    def _ranked(self, text: str) -> list[int]:
        scores = self.scores(forms(text))
        return [n for n in sorted(range(len(scores)), key=lambda n: (-scores[n], n)) if scores[n] > 0]

    def shown(self, numbers: Sequence[int]) -> str:
        """Lines as the cross-encoder reads them: with who speaks, "..." where lines are left out."""
        parts: list[str] = []
        last, speaker = -1, ""
        for number in numbers:
            line = self.lines[number]
            gap = "... " if number != last + 1 and parts else ""
            who = f"{line.speaker}: " if line.speaker and (line.speaker != speaker or gap) else ""
            parts.append(f"{gap}{who}{line.text}")
            last, speaker = number, line.speaker
        return " ".join(parts)


def forms(text: str) -> list[str]:
    """A claim's terms and numbers as they are looked up."""
    return [term.form for term in terms(text)] + [f"#{q.value}" for q in held(text)]


def _moved(found: list[Term], by: int) -> list[Term]:
    return [Term(term.form, term.start + by, term.end + by) for term in found]
