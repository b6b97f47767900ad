"""Negations turned round, beyond doubt: the sentence denies what the record tells and denies nowhere, or tells what the record denies.

What speaks for the sentence is read generously, what speaks against it strictly (grounding.told).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grounding.checks.polarity import EMPTY
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.quantities import quantities
from grounding.terms import Term, stem
from grounding.told import Told, told, words

_DENIES = re.compile(
    r"\b(?:no(?! longer\b|\.)|(?<!or )not(?! only\b| just\b)|never|without|denie[sd]|deny|denying|unaware of|negative for|absence of|nor|neither|free of|cannot|\w+n['’]t)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[;:]|\.(?=\s|$)|\b(?:but|however|except|although|though|yet|because|since|which|who|that|until|otherwise|besides|when|while|if|as well as|after|before"
    r"|due to|secondary to)\b|,?\s+and\s+(?=(?:he|she|they|the patient|we|i|it|denies|reports|has|had|is|was|will|takes|states)\b)",
    re.IGNORECASE,
)
"""Where the reach of a denial ends."""
_ASSERTS = re.compile(
    r"\b(?:reports|reported|endorses|endorsed|complain(?:s|ed) of|positive for|admits(?: to)?|known|significant for|presents? with|experienc\w+|suffers? from|has had|has been having"
    r"|ha[sd]|having|there (?:is|are|was|were)|does|did|with|states?(?: that)?|notes?)\b",
    re.IGNORECASE,
)
"""After such words something is told outright."""
_ITEM = re.compile(
    r"[,;:./()]|\b(?:and|or|nor|but|with|to|for|from|that|which|who|during|after|before|due|as|because|when|while|if|although|however|on|in|at|of)\b",
    re.IGNORECASE,
)
_IS_A = re.compile(r"\s+(?:an?|the)\s+(?:[\w-]+,?\s+){0,3}", re.IGNORECASE)
""" "not a pleasant 59-year-old": an age is never denied."""
_EFFECTS = frozenset(map(stem, ("better", "help", "helped", "benefit", "resolved", "prevent", "response")))
"""That a treatment does not do this is seldom said with these words; "better" stands for relief and improvement (words/same.txt)."""
_HABITS = frozenset(("tobacco", "alcohol"))
"""Now, once or never: read by checks/habits.py."""
_MARGIN, _SURELY, _FAR_AHEAD = 0.1, 0.1, 0.4
_MOST, _AHEAD = 0.5, 0.3


@dataclass(frozen=True, slots=True)
class Denial:
    """What a sentence denies from ``start`` to ``end``: the words after the cue, and those of the whole clause."""

    start: int
    end: int
    denied: tuple[Term, ...]
    clause: tuple[Term, ...]
    age: bool

    @property
    def forms(self) -> set[str]:
        return {term.form for term in self.clause}

    @property
    def denied_forms(self) -> set[str]:
        return {term.form for term in self.denied}


def turned(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    return [*_denied_though_told(sentence, record), *_told_though_denied(sentence, record)]


def _denied_though_told(sentence: Piece, record: Record) -> Iterator[Finding]:
    for denial in denials(sentence.text):
        if denial.age or _is_told(denial, told(record)):
            line = told(record).share(denial.forms, told(record).not_denied, 2)[1]
            yield _finding(sentence, denial.start, denial.end, record, line)


def _is_told(denial: Denial, held: Told) -> bool:
    """The record holds more of it without a "no" anywhere near than with one; or surely tells it, and does not deny its first word
    even possibly; or tells far more of it than it denies, and surely denies no word of it.

    The rarest of the words denied must not stand near a "no" each time: "no edema of the legs" where the legs are told of.
    """
    denied = denial.denied_forms
    known = [form for form in denied if form in held.weights]
    if any(term.form in _EFFECTS for term in denial.denied[:2]) or denied & _HABITS:
        return False
    if known and max(known, key=lambda form: (held.weights[form], form)) not in held.not_denied:
        return False
    if held.told_more(denial.forms) >= _MARGIN:
        return held.told_more(denied) >= 0
    surely = held.surely_told_more(denial.forms)
    first = {term.form for term in denial.denied[:1]}
    if not any(form in held.denied or form in held.maybe_denied for form in first) and surely >= _SURELY:
        return True
    return (
        surely >= _FAR_AHEAD
        and held.told_more(denial.forms) >= -_MARGIN
        and not any(form in held.denied for form in denied)
    )


def denials(text: str) -> Iterator[Denial]:
    content = words(text)
    ages = [each for each in quantities(text) if each.is_age]
    for cue in _DENIES.finditer(text):
        first = max((stop.end() for stop in _CLAUSE.finditer(text, 0, cue.start())), default=0)
        last = _end_of_clause(text, cue.end() + 1)
        clause = tuple(term for term in content if first <= term.start < last)
        denied = tuple(term for term in clause if term.start >= cue.end())
        age = any(_IS_A.fullmatch(text, cue.end(), each.start) for each in ages if each.start > cue.end())
        if clause and text[cue.end() : last].strip(" ."):
            yield Denial(cue.start(), (denied or clause)[-1].end, denied, clause, age)


def _end_of_clause(text: str, at: int) -> int:
    stop = _CLAUSE.search(text, at)
    return stop.start() if stop else len(text)


def _told_though_denied(sentence: Piece, record: Record) -> Iterator[Finding]:
    held = told(record)
    for item in assertions(sentence.text):
        forms = {term.form for term in item}
        denied, line = held.share(forms, held.denied)
        if denied >= _MOST and -held.surely_told_more(forms) >= _AHEAD:
            yield _finding(sentence, item[0].start, item[-1].end, record, line)


def assertions(text: str) -> Iterator[tuple[Term, ...]]:
    """What is told outright, item by item of a list: what the patient has, reports, is positive for."""
    denied = [(cue.start(), _end_of_clause(text, cue.end() + 1)) for cue in _DENIES.finditer(text)]
    outright = [(cue.end(), _end_of_clause(text, cue.end())) for cue in _ASSERTS.finditer(text)]
    run: list[Term] = []
    for term in words(text):
        if not _is_within(term, outright) or _is_within(term, denied):
            continue
        if run and _ITEM.search(text, run[-1].end, term.start):
            yield from _item(run)
            run = []
        run.append(term)
    yield from _item(run)


def _is_within(term: Term, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= term.start < end for start, end in spans)


def _item(run: list[Term]) -> Iterator[tuple[Term, ...]]:
    if any(term.form not in EMPTY and term.form[0] != "#" for term in run):
        yield tuple(run)


def leads(sentence: Piece, record: Record) -> tuple[float, float, float]:
    """How far ahead the record is, from 0 to 1: in telling what the sentence denies, read generously and strictly; in denying what it tells."""
    held = told(record)
    denied = [each for each in denials(sentence.text) if held.told_more(each.denied_forms) >= 0]
    items = [{term.form for term in item} for item in assertions(sentence.text)]
    return (
        max((max(held.told_more(each.forms), 0.0) for each in denied), default=0.0),
        max((max(held.surely_told_more(each.forms), 0.0) for each in denied), default=0.0),
        max((max(-held.surely_told_more(forms), 0.0) for forms in items), default=0.0),
    )


def is_denied_too(sentence: Piece, record: Record) -> bool:
    """Of each thing that the sentence denies the record holds a word near a "no"."""
    held = told(record)
    return all(
        any(form in held.maybe_denied for form in each.denied_forms) for each in denials(sentence.text)
    )


def _finding(sentence: Piece, start: int, end: int, record: Record, line: int) -> Finding:
    place = record.lines[line]
    return Finding(
        Category.NEGATION,
        How.CONTRADICTED,
        sentence.start + start,
        sentence.start + end,
        ((place.start, place.end),),
    )
