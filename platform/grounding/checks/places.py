"""Which part of the body hurts, swells or is hurt: is it the one that the record tells of?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.scopes import Stand, scopes
from grounding.word_lists import lines

_COMPLAINTS = (
    "pain pains painful ache aches aching achy hurt hurts hurting sore soreness discomfort tender tenderness cramp cramps "
    "cramping headache headaches backache stomachache toothache earache lumbago migraine sciatica",
    "swelling swollen swell swells edema effusion puffy",
    "injury injured fracture fractured broke broken sprain sprained strain strained laceration bruise bruised bruising",
    "numbness numb tingling tingle tingles paresthesia paresthesias",
    "rash rashes itching itchy lesion lesions blister blisters",
)
"""Words for what can be said of a part of the body; those of a line are near enough to be taken for one another."""
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_BETWEEN = frozenset(["joint", "muscle", "muscles", "wall", "area", "region", "bone", "soft", "tissue", "left", "right", "bilateral", "upper", "lower", "mid", "medial", "lateral", "anterior", "posterior"])  # fmt: skip
_OF = frozenset(["in", "of", "to", "at", "on", "over", "around", "along", "down", "across", "into", "the", "a", "his", "her", "my", "your", "their", "both", "and", "is", "are", "was", "feels", "very"])  # fmt: skip
_REACH = 5
"""Words between a complaint and the part it is said of."""


@dataclass(frozen=True, slots=True)
class Said:
    """A complaint of a part of the body, placed at the word for the part."""

    part: str
    kind: int
    start: int
    end: int


def places(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    """Only of a part that the record does not name at all: contradicted where it tells the same complaint of another.

    Of 676 such complaints in the notes of ACI-Bench and MTS-Dialog train, none is found.
    """
    denied = [scope for scope in scopes(sentence.text) if scope.stand is Stand.DENIED]
    found = []
    for each in complaints(sentence.text):
        if any(scope.start <= each.start < scope.end for scope in denied) or _is_told_of(each.part, record):
            continue
        others = [held for held in _held(record) if held.kind == each.kind]
        where = tuple((held.start, held.end) for held in others[:3])
        how = How.CONTRADICTED if others else How.ABSENT
        start, end = each.start + sentence.start, each.end + sentence.start
        found.append(Finding(Category.SIDE, how, start, end, where))
    return found


def is_part(word: str) -> bool:
    """Whether it names a part of the body."""
    return word.lower() in _parts()


def complaints(text: str) -> Iterator[Said]:
    """ "knee pain", "pain in his left knee", "her knee hurts"; a word such as "headache" is both."""
    words = [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(text)]
    for at, (word, start, end) in enumerate(words):
        if (part := _parts().get(word)) is None:
            continue
        if word in _kinds():
            yield Said(part, _kinds()[word], start, end)
            continue
        for step in (1, -1):
            if (kind := _next_to(words, at, step)) is not None:
                yield Said(part, kind, start, end)
                break


def _next_to(words: Sequence[tuple[str, int, int]], at: int, step: int) -> int | None:
    """The kind of the nearest complaint on that side, if only small words and neighbouring parts stand between."""
    for distance in range(1, _REACH + 1):
        place = at + step * distance
        if not 0 <= place < len(words):
            return None
        word = words[place][0]
        if word in _kinds():
            return _kinds()[word]
        if word not in _BETWEEN and word not in _OF:
            return None
    return None


def _is_told_of(part: str, record: Record) -> bool:
    """The record names it, a part of it, or what it is a part of."""
    named = record.once("parts", lambda: _named(record))
    return any(_is_within(each, part) or _is_within(part, each) for each in named)


def _named(record: Record) -> frozenset[str]:
    words = (match.group().lower() for match in _WORD.finditer(record.source))
    return frozenset(part for word in words if (part := _parts().get(word)))


def _held(record: Record) -> list[Said]:
    return record.once(
        "complaints",
        lambda: [
            Said(each.part, each.kind, each.start + line.start, each.end + line.start)
            for line in record.lines
            for each in complaints(line.text)
        ],
    )


def _is_within(part: str, whole: str) -> bool:
    return part == whole or any(_is_within(above, whole) for above in _wholes().get(part, ()))


@cache
def _kinds() -> dict[str, int]:
    return {word: kind for kind, group in enumerate(_COMPLAINTS) for word in group.split()}


@cache
def _parts() -> dict[str, str]:
    """Word → the part of the body that it names."""
    found: dict[str, str] = {}
    for line in lines("places"):
        names = [name.strip() for name in line.partition("<")[0].split(",")]
        found |= dict.fromkeys(names, names[0])
    return found


@cache
def _wholes() -> dict[str, tuple[str, ...]]:
    split = [line.partition("<") for line in lines("places")]
    return {
        names.split(",")[0].strip(): tuple(whole.strip() for whole in wholes.split(",") if whole.strip())
        for names, _, wholes in split
    }
