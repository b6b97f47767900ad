"""Left, right, both: is this side said of this part of the body?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.terms import Term, terms

_SIDE = re.compile(
    r"\b(?:(?P<left>left(?:-sided|-hand(?:ed)?)?|l(?=\s+(?:knee|hip|shoulder|arm|leg|eye|ear|foot|hand)))|(?P<right>right(?:-sided|-hand(?:ed)?)?)"
    r"|(?P<both>bilateral(?:ly)?|both(?=\s+(?:of\s+)?(?:my\s+|the\s+|his\s+|her\s+|your\s+)?\w+s\b)|(?:on|in)\s+both\s+sides))\b",
    re.IGNORECASE,
)
_NO_SIDE_BEFORE = re.compile(r"(?:\ball|\balright|that'?s|that is|you'?re|is that|be|exactly|was|were|had|has|have|just|who|she|he|they|i|we|is)\s+$", re.IGNORECASE)  # fmt: skip
_NO_SIDE_AFTER = re.compile(r"\s*(?:[.,?!;]|$|now\b|away\b|after\b|before\b|then\b|there\b|here\b|about\b|when\b|the\b|my\b|his\b|her\b|a\b|it\b|for\b|at\b|on\b|up\b|over\b|as\b|him\b|me\b|us\b|them\b)", re.IGNORECASE)  # fmt: skip
_SAID_OF_A_SIDE = re.compile(r"\b(?:the|my|your|his|her|on|in|to|from)\s+(?:the\s+)?$", re.IGNORECASE)
_REACH, _AHEAD, _BEHIND = 3, 35, 25
"""Content words, and characters, in which the part of the body is looked for that a side is said of."""
_PLACES = frozenset(("lower", "upper", "low", "side", "hand", "medi", "later", "anteri", "posteri", "middl"))
_OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Side:
    """A side and the terms it may be said of, as they stand around it; ``head`` is the likeliest."""

    side: str
    of: frozenset[str]
    head: frozenset[str]
    start: int
    end: int


def sides(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    claimed = list(read_sides(sentence.text, sentence.start, terms(sentence.text)))
    if not claimed:
        return []
    held = record.once("sides", lambda: _held(record))
    lines = [record.lines[n] for n in evidence]
    near = [side for side in held if any(line.start <= side.start < line.end for line in lines)]
    return [finding for each in claimed if (finding := _judged(each, held, near))]


def _judged(claimed: Side, held: list[Side], near: list[Side]) -> Finding | None:
    if claimed.side == "both":
        return _judged_both(claimed, held)
    same = [s for s in held if s.side in {claimed.side, "both"}]
    if any(s.of & claimed.head and s.side == claimed.side for s in same):
        return None
    if both := [s for s in same if s.of & claimed.head]:
        return Finding(Category.SIDE, How.ELSEWHERE, claimed.start, claimed.end, _places(both))
    opposite = [s for s in held if s.side == _OPPOSITE[claimed.side] and s.of & claimed.head]
    if opposite:
        return Finding(Category.SIDE, How.CONTRADICTED, claimed.start, claimed.end, _places(opposite))
    if any(s in near for s in same):
        return None
    rivals = [s for s in near if s.side == _OPPOSITE[claimed.side]]
    if not same:
        how = How.CONTRADICTED if rivals else How.ABSENT
        return Finding(Category.SIDE, how, claimed.start, claimed.end, _places(rivals))
    return Finding(Category.SIDE, How.ELSEWHERE, claimed.start, claimed.end, _places(rivals))


def _judged_both(claimed: Side, held: list[Side]) -> Finding | None:
    """ "Clear bilaterally" may stand for "lungs are clear"; "both knees" may not stand for the left one."""
    if any(s.side == "both" for s in held):
        return None
    named = [s for s in held if s.of & claimed.head]
    if len({s.side for s in named}) > 1:
        return None
    how = How.CONTRADICTED if named else How.ELSEWHERE
    return Finding(Category.SIDE, how, claimed.start, claimed.end, _places(named))


def _places(held: list[Side]) -> tuple[tuple[int, int], ...]:
    return tuple((side.start, side.end) for side in held[:3])


def _held(record: Record) -> list[Side]:
    return [
        side
        for line, found in zip(record.lines, record.terms, strict=True)
        for side in read_sides(
            line.text, line.start, [Term(t.form, t.start - line.start, t.end - line.start) for t in found]
        )
    ]


def read_sides(text: str, offset: int, found: list[Term]) -> Iterator[Side]:
    """Every side of a line; "all right", "left the house" and the like are none. ``found`` are the line's terms."""
    for match in _SIDE.finditer(text):
        side = str(match.lastgroup)
        before, after = text[max(0, match.start() - 14) : match.start()], text[match.end() : match.end() + 10]
        if match.group().lower() in {"left", "right"} and _is_no_side(before, after):
            continue
        following = [
            t.form for t in found if match.end() <= t.start <= match.end() + _AHEAD and t.form not in _PLACES
        ]
        preceding = [
            t.form
            for t in found
            if match.start() - _BEHIND <= t.end <= match.start() and t.form not in _PLACES
        ]
        head = frozenset(following[:1] or preceding[-1:])
        of = frozenset([*following[:_REACH], *preceding[-2:]])
        yield Side(side, of, head, match.start() + offset, match.end() + offset)


def _is_no_side(before: str, after: str) -> bool:
    if _SAID_OF_A_SIDE.search(before):
        return bool(re.match(r"\s*(?:now|away|thing|direction|track|way)\b", after, re.IGNORECASE))
    return bool(_NO_SIDE_BEFORE.search(before) or _NO_SIDE_AFTER.match(after))
