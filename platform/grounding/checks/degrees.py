"""How much, how often, how sure: "severe" of what the record calls mild, "constant" of now and then, "proven" of likely."""

import re
from collections.abc import Sequence

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.told import words

_LITTLE = (
    r"mild(?:ly)?|slight(?:ly)?|minimal(?:ly)?|(?:a )?little(?: bit)?|a bit|a touch|trace|faint(?:ly)?|not (?:too|that|very|so) (?:bad|severe|big|much)",
    r"occasional(?:ly)?|intermittent(?:ly)?|sometimes|(?:every )?(?:once in a while|now and (?:then|again))|on and off|off and on|com(?:es?|ing) and go(?:es|ing)?|from time to time|at times"
    r"|periodic(?:ally)?|episod\w+|here and there|certain times",
    r"possibl[ey]|probabl[ey]|likely|suspect\w*|suspicio\w+|concern(?:ed|ing)? (?:for|about)|rule out|presum\w+|apparent(?:ly)?|maybe|perhaps|may(?: be| have)?|might|could(?: be)?|i think|thinks?"
    r"|consistent with|suggest\w*|seems?|appears?|looks? like|questionable|potential(?:ly)?|differential|not sure",
)
_MUCH = (
    r"severe(?:ly)?|marked(?:ly)?|profound(?:ly)?|extreme(?:ly)?|intense(?:ly)?|excruciating|massive|terribl[ey]|horribl[ey]|awful(?:ly)?|significant(?:ly)?|bad|badly|serious(?:ly)?|very|really",
    r"constant(?:ly)?|persistent(?:ly)?|persists?|continuous(?:ly)?|continual(?:ly)?|all the time|always|nonstop|unremitting|never goes away|all day|chronic",
    r"definite(?:ly)?|certainly|proven|confirm\w*|diagnos\w+|established|without a doubt|undoubtedly|knows?|known",
)
"""As the record may put it, by kind."""
_CLAIMS_LITTLE = (
    r"mild(?:ly)?|slight(?:ly)?|minimal(?:ly)?",
    r"occasional|intermittent(?:ly)?|sometimes",
    r"(?!)",
)
_CLAIMS_MUCH = (
    r"severe(?:ly)?|marked(?:ly)?|profound(?:ly)?|extreme(?:ly)?|intense(?:ly)?|excruciating",
    r"constant(?:ly)?|persistent(?:ly)?|continuous(?:ly)?",
    r"definite(?:ly)?|certainly|proven|(?<!patient )(?<!he )confirmed|diagnosed with|undoubtedly",
)
"""As a sentence puts it that can be held to it."""
_MUST_BE_SAID = re.compile(r"marked(?:ly)?|definite(?:ly)?|certainly|proven|undoubtedly", re.IGNORECASE)
"""Of these it is enough that nobody says anything like it."""
_NEAR, _AHEAD = 60, 40
"""Characters between such a word and what it is said of, in the record and in the sentence."""


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


_KINDS = [
    (_pattern(claim), _pattern(like), _pattern(other))
    for claims, likes, others in ((_CLAIMS_LITTLE, _LITTLE, _MUCH), (_CLAIMS_MUCH, _MUCH, _LITTLE))
    for claim, like, other in zip(claims, likes, others, strict=True)
]


def degrees(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    return [
        Finding(Category.CERTAINTY, How.CONTRADICTED, sentence.start + match.start(), sentence.start + match.end(), told)
        for claim, like, other in _KINDS
        for match in claim.finditer(sentence.text)
        if (told := _otherwise(match, sentence.text, record, like, other)) is not None
    ]  # fmt: skip


def _otherwise(
    match: re.Match[str], text: str, record: Record, like: re.Pattern[str], other: re.Pattern[str]
) -> tuple[tuple[int, int], ...] | None:
    """The record's opposite words near what is spoken of, where the like of ``match`` stands near it nowhere; None: it is as said."""
    near = [(max(0, at - _NEAR), at + _NEAR) for at in _places(_said_of(match, text), record)]
    if not near or any(like.search(record.source, *each) for each in near):
        return None
    found = tuple(told.span() for each in near if (told := other.search(record.source, *each)))
    return found[:3] if found or _MUST_BE_SAID.fullmatch(match.group()) else None


def _said_of(match: re.Match[str], text: str) -> str:
    """The word that follows; where none does, the last but one before it."""
    content = [term for term in words(text) if not match.start() <= term.start < match.end()]
    after = [term.form for term in content if match.end() <= term.start < match.end() + _AHEAD]
    before = [term.form for term in content if match.start() - _AHEAD <= term.start < match.start()]
    near = after[:1] or before[-2:]
    return near[0] if near else ""


def _places(form: str, record: Record) -> list[int]:
    return [
        term.start
        for n in sorted(record.where.get(form, ()))
        for term in record.terms[n]
        if term.form == form
    ]
