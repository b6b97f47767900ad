"""Names of drugs: is this one in the record, under its generic or its brand name, or as a dictation may have heard it?"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.word_lists import lines
from privacy import lexicon

_WORD = re.compile(r"[A-Za-z][A-Za-z-]{3,}")
_ALIKE = 0.8


@cache
def classes() -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Classes of drugs; each drug by its names, the generic one first."""
    return tuple(
        tuple(tuple(drug.split("=")) for drug in line.split(":")[1].split()) for line in lines("drug_classes")
    )


@cache
def _generic() -> dict[str, str]:
    """Every known name → the name it is compared by."""
    known = {name: name for name in lexicon.words("drugs")}
    return known | {name: drug[0] for drugs in classes() for drug in drugs for name in drug}


@cache
def _class_of() -> dict[str, int]:
    return {drug[0]: number for number, drugs in enumerate(classes()) for drug in drugs}


def medications(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    claimed = read_drugs(sentence.text)
    if not claimed:
        return []
    held = drugs_of(record)
    heard = record.once("words", lambda: {word.lower() for word in _WORD.findall(record.source)})
    known = {name for name, *_ in held}
    results = []
    for name, start, end in claimed:
        if name in known or _was_heard(sentence.text[start:end].lower(), heard):
            continue
        rivals = tuple((first, last) for other, first, last in held if _one_class(name, other))[:3]
        how = How.CONTRADICTED if rivals else How.ABSENT
        results.append(
            Finding(Category.MEDICATION, how, sentence.start + start, sentence.start + end, rivals)
        )
    return results


def read_drugs(text: str) -> list[tuple[str, int, int]]:
    """(generic name, start, end) of every drug that is named."""
    return [
        (known, match.start(), match.end())
        for match in _WORD.finditer(text)
        if (known := _generic().get(match.group().lower()))
    ]


def drugs_of(record: Record) -> list[tuple[str, int, int]]:
    """Every drug that the record names, read once."""
    return record.once("drugs", lambda: read_drugs(record.source))


def _one_class(name: str, other: str) -> bool:
    return name in _class_of() and _class_of()[name] == _class_of().get(other)


def _was_heard(name: str, words: set[str]) -> bool:
    """A transcript spells drugs by ear; a known other drug is no misspelling of this one."""
    return any(
        word[0] == name[0]
        and abs(len(word) - len(name)) <= 3
        and word not in _generic()
        and SequenceMatcher(None, name, word).ratio() >= _ALIKE
        for word in words
    )
