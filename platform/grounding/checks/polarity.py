"""Negation and certainty: what the sentence affirms, does the record deny it, or only suspect it?

Phrases are compared, not words: "no extra heart sounds" is not denied by a record that speaks of heart sounds.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.scopes import Stand, stands
from grounding.terms import Term, terms
from grounding.told import stands_in

_BETWEEN = re.compile(
    r"[,;:./()]|\b(?:and|or|nor|with|to|for|from|by|that|which|is|are|was|were|has|have|had|during|after|before|due|as|about|her|his|the|any|no|not|without|denies|reports)\b",
    re.IGNORECASE,
)
EMPTY = frozenset(
    [
        "recent",
        "issu",
        "symptom",
        "seem",
        "problem",
        "new",
        "signific",
        "extra",
        "normal",
        "brother",
        "sister",
        "mother",
        "father",
        "morn",
        "day",
        "week",
        "month",
        "year",
        "visit",
        "famili",
        "member",
        "need",
        "question",
        "concern",
        "chang",
        "work",
        "help",
        "low",
        "lower",
        "extremiti",
        "upper",
        "leg",
        "arm",
        "pelvi",
        "stool",
        "flexion",
        "extens",
        "effect",
        "sound",
        "time",
        "sign",
        "area",
    ]
)
"""Stems whose polarity says little: they stand in denied and affirmed sentences alike."""

_SHARE = 0.75
"""A line speaks of a phrase when it holds this share of its words: both of two, all of three."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    terms: tuple[Term, ...]
    stand: Stand

    @property
    def forms(self) -> frozenset[str]:
        return frozenset(term.form for term in self.terms)


def polarity(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    near = {n + step for n in evidence for step in (-1, 0, 1)}
    found = [
        (phrase, disagreement)
        for phrase in _phrases(sentence.text)
        if (disagreement := _disagreement(phrase, record, near))
    ]
    return [
        Finding(
            category,
            how,
            phrase.terms[0].start + sentence.start,
            phrase.terms[-1].end + sentence.start,
            places,
        )
        for phrase, (category, how, places) in found
    ]


def _phrases(text: str) -> Iterator[_Phrase]:
    """Neighbouring content words that stand alike, with nothing but blanks and small words between them."""
    run: list[Term] = []
    last: Stand | None = None
    for term, stand in stands(text, terms(text)):
        if run and (stand is not last or _BETWEEN.search(text, run[-1].end, term.start)):
            yield from _phrase(run, last)
            run = []
        run.append(term)
        last = stand
    yield from _phrase(run, last)


def _phrase(run: list[Term], stand: Stand | None) -> Iterator[_Phrase]:
    kept = tuple(term for term in run if term.form[0].isalpha())
    if stand is not None and any(term.form not in EMPTY for term in kept):
        yield _Phrase(kept, stand)


def _disagreement(
    phrase: _Phrase, record: Record, near: set[int]
) -> tuple[Category, How, tuple[tuple[int, int], ...]] | None:
    """None where the record agrees, or says nothing of the whole phrase."""
    numbers = set(record.holding(phrase.forms, _SHARE))
    told = [(n, *_place_and_stand(phrase, record, n)) for n in numbers]
    told = [each for each in told if each[2] is not Stand.ASKED]
    denied = phrase.stand is Stand.DENIED
    if not told:
        return None
    places = tuple(place for _, place, _ in told)[:3]
    if not any((stand is Stand.DENIED) == denied for *_, stand in told):
        whole = near & set(record.holding(phrase.forms, 1.0))
        return Category.NEGATION, How.LIKELY if whole else How.ELSEWHERE, places
    if phrase.stand is Stand.AFFIRMED and all(stand is not Stand.AFFIRMED for *_, stand in told):
        return Category.CERTAINTY, How.LIKELY if len(phrase.forms) > 1 else How.ELSEWHERE, places
    if phrase.stand is Stand.DOUBTED and all(stand is Stand.AFFIRMED for *_, stand in told):
        return Category.CERTAINTY, How.ELSEWHERE, places
    return None


def _place_and_stand(phrase: _Phrase, record: Record, number: int) -> tuple[tuple[int, int], Stand]:
    """Where a line holds the phrase, and how: denied if any of its words is."""
    held = [(term, stand) for term, stand in line_stands(record, number) if term.form in phrase.forms]
    all_stands = {stand for _, stand in held}
    stand = next(
        each for each in (Stand.DENIED, Stand.DOUBTED, Stand.ASKED, Stand.AFFIRMED) if each in all_stands
    )
    return (held[0][0].start, held[-1][0].end), stand


def line_stands(record: Record, number: int) -> list[tuple[Term, Stand]]:
    """The terms of a record's line with how they stand, a question's by its answer."""
    return record.once(("stands", number), lambda: stands_in(record, number, record.terms[number]))
