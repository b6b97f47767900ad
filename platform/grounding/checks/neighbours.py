"""What a number is said of: the words around it in the sentence, and how near the record's numbers stand to the same words."""

import math
import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from grounding.evidence import Record
from grounding.quantities import Quantity
from grounding.terms import terms

_JOINED = re.compile(
    r"[\s,]*(?:/|-|over|out of|to|or|by|x|and)[\s,]*(?:(?:about|maybe|like|even|um|uh)[\s,]+)*", re.IGNORECASE
)
_CLAUSE = re.compile(r"[,;.]\s|\s(?:and|but)\s")
_HALF = 40
"""At so many characters a word counts half."""
_WEAK = frozenset(("last", "past", "next", "approximat", "around", "level"))


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers that are said as one: "130/80", "two to three weeks". Mostly a single one."""

    members: tuple[Quantity, ...]

    @property
    def start(self) -> int:
        return self.members[0].start

    @property
    def end(self) -> int:
        return self.members[-1].end


class Placed(Protocol):
    """Whatever stands somewhere in a text."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Around:
    """A word that a number is said of, with its weight, and whether it stands before the number."""

    form: str
    weight: float
    before: bool


def groups(found: Sequence[Quantity], text: str, offset: int = 0) -> Iterator[Group]:
    """``found`` in the order of ``text``, which begins at ``offset``."""
    run: list[Quantity] = []
    for each in sorted(found, key=lambda q: (q.start, -q.end)):
        if run and each.start < run[-1].end:
            continue  # the "one" of "one twenty"
        if run and not _JOINED.fullmatch(text, run[-1].end - offset, each.start - offset):
            yield Group(tuple(run))
            run = []
        run.append(each)
    if run:
        yield Group(tuple(run))


def around(group: Placed, text: str, record: Record) -> list[Around]:
    """The record's words among those of the number's clause; of the whole sentence where the clause has none."""
    last = [match.end() for match in _CLAUSE.finditer(text, 0, group.start)]
    following = _CLAUSE.search(text, group.end)
    near = _weighted(
        group, text, record, last[-1] if last else 0, following.start() if following else len(text)
    )
    return near or _weighted(group, text, record, 0, len(text))


def _weighted(group: Placed, text: str, record: Record, first: int, last: int) -> list[Around]:
    found: dict[str, Around] = {}
    for term in terms(text):
        inside = first <= term.start and term.end <= last and not group.start <= term.start < group.end
        if inside and term.form[0].isalpha() and term.form not in _WEAK and term.form in record.where:
            weight = math.log(1 + len(record.lines) / len(record.where[term.form]))
            found.setdefault(term.form, Around(term.form, weight, term.start < group.start))
    return list(found.values())


def nearness(words: Sequence[Around], group: Placed, record: Record) -> float:
    """From 0 to 1: how near the record's ``group`` stands to the words, on the same side of them."""
    total = sum(each.weight for each in words)
    near = sum(each.weight / (1 + _distance(each, group, record) / _HALF) for each in words)
    return near / total if total else 0.0


def _distance(word: Around, group: Placed, record: Record) -> float:
    places = record.once("places", lambda: _places(record))[word.form]
    at = bisect(places, (group.start, 0))
    before = group.start - places[at - 1][1] if at else math.inf
    after = places[at][0] - group.end if at < len(places) else math.inf
    # "Blood pressure 130 over 80 heart rate 72": the heart rate is what follows, though 80 is as near.
    if word.before:
        return min(max(before, 0), 3 * (max(after, 0) + 6))
    return min(1.5 * max(before, 0), max(after, 0))


def _places(record: Record) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for line in record.terms:
        for term in line:
            found.setdefault(term.form, []).append((term.start, term.end))
    return found
