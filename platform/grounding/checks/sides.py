"""Left, right, both: is this side said of this part of the body?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grounding.checks.neighbours import around, nearness
from grounding.checks.places import is_part
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.terms import Term, terms

_SIDE = re.compile(
    r"\b(?:(?P<left>left(?:-sided|-hand(?:ed)?)?|l(?=\s+(?:knee|hip|shoulder|arm|leg|eye|ear|foot|hand)))|(?P<right>right(?:-sided|-hand(?:ed)?)?)"
    r"|(?P<both>bilateral(?:ly)?|both(?=\s+(?:of\s+)?(?:my\s+|the\s+|his\s+|her\s+|your\s+)?(?:\w+s|feet)\b)|(?:on|in)\s+both\s+sides))\b",
    re.IGNORECASE,
)
_NO_SIDE_BEFORE = re.compile(r"(?:\ball|\balright|that'?s|that is|you'?re|is that|be|exactly|was|were|had|has|have|just|who|she|he|they|i|we|is)\s+$", re.IGNORECASE)  # fmt: skip
_NO_SIDE_AFTER = re.compile(r"\s*(?:[.,?!;]|$|now\b|away\b|after\b|before\b|then\b|there\b|here\b|about\b|when\b|the\b|my\b|his\b|her\b|a\b|it\b|for\b|at\b|on\b|up\b|over\b|as\b|him\b|me\b|us\b|them\b)", re.IGNORECASE)  # fmt: skip
_FOLLOWING = re.compile(r"\s+(?:upper\s+|lower\s+)?(?!back\b)(\w+)", re.IGNORECASE)
"""The word that a side stands before; "right back" is a time."""
_SAID_OF_A_SIDE = re.compile(r"\b(?:the|my|your|his|her|on|in|to|from)\s+(?:the\s+)?$", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(left|right)\b[^.;]{0,40}\b(?:than|versus|compared (?:to|with)|in comparison (?:to|with))\s+(?:on\s+)?(?:the\s+)?\1\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"\b(?:than|versus|compared|comparison)\b", re.IGNORECASE)
_PAIRED = re.compile(
    r"\s+(?:upper\s+|lower\s+)?(?:legs|arms|knees|hips|shoulders|elbows|wrists|hands|feet|ankles|ears|eyes|breasts|lungs|kidneys|extremities|thighs|calves)\b",
    re.IGNORECASE,
)
_DOUBTED, _PROVEN, _FAR = 0.1, 0.22, 0.4
"""How much nearer the other side must stand; and how near this one, where it is not said of this part at all."""
_REACH, _AHEAD, _BEHIND = 3, 35, 25
"""Content words, and characters, in which the part of the body is looked for that a side is said of."""
_PLACES = frozenset(("lower", "upper", "low", "side", "hand", "medi", "later", "anteri", "posteri", "middl"))
_OPPOSITE = {"left": "right", "right": "left"}
Places = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Side:
    """A side and the terms it may be said of, as they stand around it; ``head`` is the likeliest."""

    side: str
    of: frozenset[str]
    head: frozenset[str]
    start: int
    end: int


def sides(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    claimed = list(read_sides(sentence.text, 0, terms(sentence.text)))
    if not claimed:
        return []
    held = record.once("sides", lambda: _held(record))
    found = [
        (each, disagreement) for each in claimed if (disagreement := _judged(each, held, sentence, record))
    ]
    return [
        *(Finding(Category.SIDE, how, each.start + sentence.start, each.end + sentence.start, places) for each, (how, places) in found),
        *_compared_with_itself(sentence),
    ]  # fmt: skip


def _compared_with_itself(sentence: Piece) -> Iterator[Finding]:
    """ "Left worse than left" """
    for match in _COMPARED.finditer(sentence.text):
        start, end = (place + sentence.start for place in match.span(1))
        yield Finding(Category.SIDE, How.CONTRADICTED, start, end)


def _judged(claimed: Side, held: list[Side], sentence: Piece, record: Record) -> tuple[How, Places] | None:
    if claimed.side == "both":
        return _judged_both(claimed, held)
    same = [s for s in held if s.side == claimed.side]
    both = [s for s in held if s.side == "both" and s.of & claimed.head]
    opposite = [s for s in held if s.side == _OPPOSITE[claimed.side]]
    of_it = [s for s in same if s.of & claimed.head]
    if not of_it and both:
        return How.CONTRADICTED, _places(both)
    rivals = [s for s in opposite if s.of & claimed.head]
    if not of_it and rivals:
        return How.CONTRADICTED, _places(rivals)
    if _is_one_of_two(claimed, sentence.text):
        return How.CONTRADICTED, _places(opposite)
    if not same:
        return (How.CONTRADICTED if opposite else How.ABSENT), _places(opposite)
    if _COMPARES.search(sentence.text):
        return None
    nearer = _nearer(claimed, of_it or same, [*(rivals or opposite), *both], sentence, record)
    return (How.ELSEWHERE, nearer[1]) if nearer and not of_it else nearer


def _is_one_of_two(claimed: Side, text: str) -> bool:
    """ "The left knees": nobody has two of them on one side."""
    return bool(_PAIRED.match(text, claimed.end))


def _nearer(
    claimed: Side, same: list[Side], others: list[Side], sentence: Piece, record: Record
) -> tuple[How, Places] | None:
    """Both sides are named: which one stands nearer to what the sentence says of this one?"""
    words = around(claimed, sentence.text, record)
    ranked = sorted(others, key=lambda each: -nearness(words, each, record))
    near = max(nearness(words, each, record) for each in same)
    if near < _FAR and not any(each.of & claimed.head for each in same):
        return How.ELSEWHERE, _places(ranked)
    if not words or not others:
        return None
    ahead = nearness(words, ranked[0], record) - near
    if ahead < _DOUBTED:
        return None
    return (How.CONTRADICTED if ahead >= _PROVEN else How.ELSEWHERE), _places(ranked)


def _judged_both(claimed: Side, held: list[Side]) -> tuple[How, Places] | None:
    """ "Clear bilaterally" may stand for "lungs are clear"; "both knees" may not stand for the left one."""
    if any(s.side == "both" for s in held):
        return None
    named = [s for s in held if s.of & claimed.head]
    if len({s.side for s in named}) > 1:
        return None
    return (How.CONTRADICTED if named else How.ELSEWHERE), _places(named)


def _places(held: list[Side]) -> Places:
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
        before, after = text[max(0, match.start() - 14) : match.start()], text[match.end() : match.end() + 30]
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
    if (following := _FOLLOWING.match(after)) and is_part(following.group(1)):
        return False  # "has left knee pain"
    if _SAID_OF_A_SIDE.search(before):
        return bool(re.match(r"\s*(?:now|away|thing|direction|track|way)\b", after, re.IGNORECASE))
    return bool(_NO_SIDE_BEFORE.search(before) or _NO_SIDE_AFTER.match(after))
