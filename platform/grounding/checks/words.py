"""Words of substance that the record does not hold in any form: a problem, a test, a plan that was never spoken of."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.terms import Term, terms

_ALIKE = 0.84
_SHARE = 0.6
"""A sentence most of whose content the record lacks is an addition."""
_PREFIX = 5


def unknown_words(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    content = [term for term in terms(sentence.text) if term.form[0].isalpha()]
    unknown = [term for term in content if not is_known(term, record)]
    if not content or len(unknown) < _SHARE * len(content):
        return []
    start, end = unknown[0].start + sentence.start, unknown[-1].end + sentence.start
    return [Finding(Category.ADDITION, How.ABSENT, start, end)]


def is_known(term: Term, record: Record) -> bool:
    """Whether the record holds the word, or one so like it that it is another form or spelling."""
    if term.form in record.where:
        return True
    return len(term.form) >= _PREFIX and record.once(
        ("known", term.form), lambda: _is_alike(term.form, record)
    )


def _is_alike(form: str, record: Record) -> bool:
    return any(_alike(form, word) for word in record.where if word[:2] == form[:2])


@lru_cache(20_000)
def _alike(one: str, other: str) -> bool:
    if len(other) < _PREFIX:
        return False
    shared = min(len(one), len(other)) - 1
    return one[:shared] == other[:shared] or SequenceMatcher(None, one, other).ratio() >= _ALIKE
