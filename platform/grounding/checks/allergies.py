"""Allergies: does the sentence say there are none, or name one, as the record does?"""

import re
from collections.abc import Iterator, Sequence

from grounding.checks.words import is_known
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.scopes import Stand
from grounding.terms import terms
from grounding.told import answer_to

_ALLERGY = re.compile(r"\ballerg(?:y|ies|ic)\b", re.IGNORECASE)
_NONE = re.compile(
    r"\bnkd?a\b|\b(?:no|denie[sd](?: any)?|without|not have(?: any)?|n't have(?: any)?|negative for)\s+(?:known\s+|any\s+|other\s+)?(?:(?:drug|medication|medicine|food|latex|seasonal)\s+)?allerg(?:y|ies)\b|\bnot allergic\b|\ballerg(?:y|ies)\W{1,3}(?:none|no)\b",
    re.IGNORECASE,
)
_TO = re.compile(
    r"\ballerg(?:y|ies|ic)\s+(?:reactions?\s+)?to\s+(?P<what>[^.;:,()]+)|\ballerg(?:y|ies):\s*(?!no)(?P<list>[^.;:,()]+)",
    re.IGNORECASE,
)
_LITTLE = frozenset(
    term.form
    for term in terms(
        "any medications drug drugs known other foods food some certain allergy allergies seasonal"
    )
)
Place = tuple[int, int]


def allergies(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    if not _ALLERGY.search(sentence.text) and not _NONE.search(sentence.text):
        return []
    some, none = record.once("allergies", lambda: _told(record))
    if (match := _NONE.search(sentence.text)) and some and not none:
        place = match.start() + sentence.start, match.end() + sentence.start
        return [Finding(Category.NEGATION, How.CONTRADICTED, *place, tuple(some)[:3])]
    return [] if match else list(_unheard(sentence, record))


def _unheard(sentence: Piece, record: Record) -> Iterator[Finding]:
    """Something that the record holds in no form is said to be what the patient cannot bear."""
    for match in _TO.finditer(sentence.text):
        name = "what" if match["what"] else "list"
        named = [term for term in terms(match[name]) if term.form not in _LITTLE]
        if named and not any(is_known(term, record) for term in named):
            start, end = (place + sentence.start for place in match.span(name))
            yield Finding(Category.ADDITION, How.ABSENT, start, end, named=True)


def _told(record: Record) -> tuple[list[Place], list[Place]]:
    """Where the record tells of an allergy, and where it says that there is none; a question by its answer."""
    some: list[Place] = []
    none: list[Place] = []
    for number, line in enumerate(record.lines):
        if not _ALLERGY.search(line.text) and not _NONE.search(line.text):
            continue
        following = record.lines[number + 1] if number + 1 < len(record.lines) else None
        asked = answer_to(record, number)
        if asked is None:
            (none if _NONE.search(line.text) else some).append((line.start, line.end))
        elif following is not None and following.speaker != line.speaker:
            (none if asked is Stand.DENIED else some).append((following.start, following.end))
    return some, none
