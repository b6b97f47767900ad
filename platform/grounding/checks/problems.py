"""Problems, symptoms, tests, operations and clinics by name: does the record speak of the one that the sentence names?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.scopes import Stand, scopes
from grounding.terms import TOKEN, stem, terms
from grounding.word_lists import lines

_PASSED_OVER = frozenset(["my", "his", "her", "your", "their", "our", "the", "a", "an"])
"""Words that may stand within a name: "catch my breath"."""
_LISTS = ("problems", "procedures")
_LINES_APART = 1


class Told(IntEnum):
    """How far a record speaks of what is named."""

    NOWHERE = 0
    HINTED = 1
    NAMED = 2


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a sentence, at ``start`` to ``end`` of its text, and how far the record speaks of the thing."""

    group: str
    start: int
    end: int
    told: Told
    denied: bool


@dataclass(frozen=True)
class _Group:
    """A line of the lists: names of one thing, words that hint at it, and what it is a kind of."""

    names: tuple[str, ...]
    hints: tuple[str, ...]
    wider: tuple[str, ...]


Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """First stem → (all stems, the groups they name), the longest first; and the names of one word as they are written."""

    phrases: Mapping[str, Sequence[tuple[Phrase, Sequence[str]]]]
    words: Mapping[str, Sequence[str]]


def problems(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    """What the sentence affirms and the record speaks of in no word."""
    return [
        Finding(
            Category.ADDITION, How.ABSENT, each.start + sentence.start, each.end + sentence.start, named=True
        )
        for each in named(sentence, record)
        if each.told is Told.NOWHERE and not each.denied
    ]


def named(sentence: Piece, record: Record) -> list[Named]:
    """Every name in the sentence once; where words name several things, the one that the record speaks of most."""
    denied = [scope for scope in scopes(sentence.text) if scope.stand is Stand.DENIED]
    best: dict[tuple[int, int], Named] = {}
    for group, start, end in groups_in(sentence.text):
        told = max(_told(record).get(group, Told.NOWHERE), _words_told(sentence.text[start:end], record))
        is_denied = any(scope.start <= start < scope.end for scope in denied)
        if (start, end) not in best or best[start, end].told < told:
            best[start, end] = Named(group, start, end, told, is_denied)
    return list(best.values())


def groups_in(text: str) -> list[tuple[str, int, int]]:
    """(group, start, end) of every problem, test, operation or clinic that a text names, in order; the longest name at a place.

    A group is called by the first name of its line in ``words/problems.txt`` or ``procedures.txt``.
    """
    return list(_read(text, _table(0)))


@cache
def kin(group: str) -> frozenset[str]:
    """The group, what it is a kind of, and its own kinds."""
    return frozenset((group, *_above(group), *(each for each in _wider() if group in _above(each))))


def _told(record: Record) -> dict[str, Told]:
    return record.once("problems", lambda: _read_told(record.source))


def _read_told(source: str) -> dict[str, Told]:
    """Group → how far it is spoken of. A diabetes bears out type 2 diabetes, and the other way round."""
    found = {group: Told.HINTED for group, *_ in _read(source, _table(1))}
    for group in {group for group, *_ in groups_in(source)}:
        found |= dict.fromkeys(kin(group), Told.NAMED)
    return found


def _words_told(name: str, record: Record) -> Told:
    """Whether the record holds all words of a name: side by side they name it, far apart they hint at it."""
    forms = [term.form for term in terms(name)]
    places = [record.where.get(form, set()) for form in forms]
    if not forms or not all(places):
        return Told.NOWHERE
    near = [
        {line + step for line in each for step in range(-_LINES_APART, _LINES_APART + 1)} for each in places
    ]
    return Told.NAMED if set.intersection(places[0], *near[1:]) else Told.HINTED


def _read(text: str, table: Table) -> Iterator[tuple[str, int, int]]:
    tokens = [
        (match.group(), match.start(), match.end())
        for match in TOKEN.finditer(text)
        if match.group().lower() not in _PASSED_OVER
    ]
    forms = [stem(word) for word, *_ in tokens]
    at = 0
    while at < len(tokens):
        length, groups = _longest(tokens[at][0], forms, at, table)
        for group in groups:
            yield group, tokens[at][1], tokens[at + length - 1][2]
        at += length or 1


def _longest(word: str, forms: Sequence[str], at: int, table: Table) -> tuple[int, Sequence[str]]:
    """How many words from ``at`` on are a name, and the groups it names."""
    for phrase, groups in table.phrases.get(forms[at], ()):
        if tuple(forms[at : at + len(phrase)]) == phrase:
            return len(phrase), groups
    found = table.words.get(word) or table.words.get(word.lower()) or ()
    return int(bool(found)), found


@cache
def _table(column: int) -> Table:
    """Of the names (0), or of the words that hint at them (1)."""
    phrases: dict[Phrase, dict[str, None]] = {}
    words: dict[str, dict[str, None]] = {}
    for group in _groups():
        for name in (group.names, group.hints)[column]:
            spelled = [match.group() for match in TOKEN.finditer(name) if match.group() not in _PASSED_OVER]
            if len(spelled) > 1:
                phrases.setdefault(tuple(map(stem, spelled)), {})[group.names[0]] = None
            for form in _inflected(spelled[0]) if len(spelled) == 1 else ():
                words.setdefault(form, {})[group.names[0]] = None
    by_first: dict[str, list[tuple[Phrase, Sequence[str]]]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        by_first.setdefault(phrase[0], []).append((phrase, tuple(phrases[phrase])))
    return Table(by_first, {word: tuple(groups) for word, groups in words.items()})


def _inflected(word: str) -> tuple[str, ...]:
    """A single word is not compared by its stem, by which a bite is a bit; an abbreviation only as it stands."""
    if word.isupper():
        return (word, f"{word}s")
    base = word.removesuffix("e")
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}es"
    return (word, f"{word}s", plural, f"{base}ed", f"{base}ing")


@cache
def _groups() -> tuple[_Group, ...]:
    return tuple(_group(line) for each in _LISTS for line in lines(each))


def _group(line: str) -> _Group:
    rest, _, wider = line.partition("<")
    names, _, hints = rest.partition("~")
    return _Group(*(tuple(filter(None, map(str.strip, part.split(",")))) for part in (names, hints, wider)))


@cache
def _wider() -> dict[str, tuple[str, ...]]:
    return {group.names[0]: group.wider for group in _groups()}


def _above(group: str) -> frozenset[str]:
    direct = _wider().get(group, ())
    return frozenset(direct).union(*(_above(each) for each in direct))
