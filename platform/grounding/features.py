"""What is known of a sentence besides the cross-encoder's reading: the checks' findings, and how much of it the record holds."""

import math
from collections.abc import Sequence

from grounding.checks import findings
from grounding.checks.polarity import line_stands
from grounding.checks.turned import is_denied_too, leads
from grounding.checks.words import is_known
from grounding.clauses import worst_unknown
from grounding.evidence import Record
from grounding.findings import Category, Finding, How, proof
from grounding.pieces import Piece, claims
from grounding.scopes import Stand, scopes
from grounding.terms import terms

_CHECKED = tuple(each for each in Category if each is not Category.ADDITION)
PROVEN = "proven"
"""The column that tells what is flagged whatever its probability."""
NAMES = (
    *(f"{category}:sure" for category in _CHECKED),
    *(f"{category}:doubt" for category in _CHECKED),
    "unknown share", "unknown words", "unknown clause", "unlike evidence", "no evidence", "words",
    "denied, not there", "not denied, there", "denied, told", "denied, surely told", "told, denied", PROVEN,
)  # fmt: skip
"""The columns of ``features``."""


def read(sentence: Piece, record: Record) -> tuple[list[int], list[Finding], list[float]]:
    """The evidence lines of a sentence, what the checks find in it, and its features (len(NAMES) numbers)."""
    evidence = record.evidence(claims(sentence))
    found = findings(sentence, record, evidence)
    return evidence, found, features(sentence, record, evidence, found)


def features(
    sentence: Piece, record: Record, evidence: Sequence[int], found: Sequence[Finding]
) -> list[float]:
    sure = {finding.category for finding in found if finding.how is not How.ELSEWHERE}
    doubt = {finding.category for finding in found if finding.how is How.ELSEWHERE}
    content = [term for term in terms(sentence.text) if term.form[0].isalpha()]
    unknown = sum(not is_known(term, record) for term in content)
    near = {term.form for n in evidence for term in record.terms[n]}
    unlike = sum(term.form not in near for term in content)
    count = max(len(content), 1)
    return [
        *(float(category in sure) for category in _CHECKED),
        *(float(category in doubt) for category in _CHECKED),
        unknown / count,
        min(unknown, 6) / 3,
        worst_unknown(sentence, record),
        unlike / count,
        float(not evidence),
        math.log1p(len(sentence.text.split())) - 2,
        *_turned(sentence, record, evidence),
        *leads(sentence, record),
        float(bool(proof(found))),
    ]


def _turned(sentence: Piece, record: Record, evidence: Sequence[int]) -> tuple[float, float]:
    """Whether the sentence denies something where the line most like it does not, and the other way round."""
    wanted = {term.form for term in terms(sentence.text)}
    shared = {n: sum(term.form in wanted for term in record.terms[n]) for n in evidence}
    if not shared or max(shared.values()) < 2:
        return 0.0, 0.0
    best = max(shared, key=lambda n: (shared[n], -n))
    held = [stand for term, stand in line_stands(record, best) if term.form in wanted]
    here = any(scope.stand is Stand.DENIED for scope in scopes(sentence.text))
    there = Stand.DENIED in held or any(
        scope.stand is Stand.DENIED for scope in scopes(record.lines[best].text)
    )
    return float(here and not there and not is_denied_too(sentence, record)), float(there and not here)
