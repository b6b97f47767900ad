"""Calendar words: months, weekdays, years, written dates, "yesterday", and the placeholders that stand for identifiers."""

import re
from collections.abc import Sequence

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTH = "|".join(
    f"{m[:3]}(?:{m[3:]})?" if m != "september" else "sept?(?:ember)?" for m in _MONTHS if m != "may"
)
_DAY = "|".join(_DAYS)
_SHORT = [month[:3] for month in _MONTHS]
_BEFORE_MAY = ("in", "since", "until", "till", "by", "of", "early", "late", "last", "next", "mid", "around")
_MAY = "|".join((r"May\b(?=\s+(?:\d|the|of))", *(rf"(?<=\b{word}[ -])May\b" for word in _BEFORE_MAY)))
"""The month, not the verb: before a day or a year, or after what no verb follows."""
_PATTERN = re.compile(
    rf"(?P<placeholder>\[[A-Z][A-Z_]*_\d+\])|\b(?:(?P<month>(?:{_MONTH})\b\.?|{_MAY})|(?P<weekday>{_DAY})s?\b"
    r"|(?P<numeric>\d{1,4}[/-]\d{1,2}[/-]\d{2,4}|\d{1,2}/(?:19|20)\d\d)\b|(?P<year>(?:19|20)\d\d)\b(?!\s*(?:mg|mcg|ml|units|steps|calor))"
    r"|(?P<relative>yesterday|tonight|tomorrow|last (?:night|week|month|year|summer|winter|spring|fall)|next (?:week|month|year))\b)",
    re.IGNORECASE,
)

_BIRTH = re.compile(r"\b(?:birth|dob|born)\b[^.\n]{0,12}$", re.IGNORECASE)
"""Before a date that is no other's rival."""


def dates(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    claimed = read_dates(sentence.text, sentence.start)
    if not claimed:
        return []
    held = record.once("dates", lambda: read_dates(record.source, 0))
    known = record.once("known dates", lambda: _known(held, record))
    results = []
    for kind, values, start, end in claimed:
        if values <= known or (kind == "relative" and not any(k == kind for k, *_ in held)):
            continue
        rivals = _rivals(kind, values - known, held, record)
        if kind == "placeholder":
            results.append(Finding(_category(values), How.ABSENT, start, end))
        else:
            results.append(
                Finding(Category.DATE, How.CONTRADICTED if rivals else How.ABSENT, start, end, rivals)
            )
    return results


def _rivals(
    kind: str, missing: frozenset[str], held: list[tuple[str, frozenset[str], int, int]], record: Record
) -> tuple[tuple[int, int], ...]:
    """The places of what the record names instead; of a year also where one was spoken: "two thousand and three"."""
    named = [(first, last) for other, _, first, last in held if other == kind]
    if any(each.startswith("year") for each in missing):
        named += [(q.start, q.end) for line in record.quantities for q in line if q.is_year]
    return tuple(place for place in named if not _BIRTH.search(record.source[: place[0]]))[:3]


def _category(values: frozenset[str]) -> Category:
    placeholder = next(iter(values))
    if placeholder.startswith("[NAME"):
        return Category.PERSON
    return Category.AGE if placeholder.startswith("[AGE") else Category.DATE


def _known(held: list[tuple[str, frozenset[str], int, int]], record: Record) -> frozenset[str]:
    """Every part of a date in the record, and every number, which may be a day or a year that was spoken."""
    spoken = {reading for line in record.quantities for q in line for reading in q.readings}
    years = {f"year {each}" for each in spoken} | {
        f"year {century}{each}" for each in spoken for century in (19, 20)
    }
    days = {f"day {each}" for each in spoken}
    return frozenset().union(*(values for _, values, *_ in held), years, days)


def read_dates(text: str, offset: int) -> list[tuple[str, frozenset[str], int, int]]:
    """(kind, comparable parts, start, end)."""
    found = []
    for match in _PATTERN.finditer(text):
        kind = str(match.lastgroup)
        found.append((kind, _parts(kind, match[kind]), match.start() + offset, match.end() + offset))
    return found


def _parts(kind: str, text: str) -> frozenset[str]:
    if kind == "placeholder":
        return frozenset((text,))
    if kind == "month":
        return frozenset((f"month {_SHORT.index(text[:3].lower()) + 1}",))
    if kind == "year":
        return frozenset((f"year {text}",))
    return _numeric(text) if kind == "numeric" else frozenset((text.lower(),))


def _numeric(text: str) -> frozenset[str]:
    """ "04/24/2021", "2021-04-24" and "4/2021" as month, day and year; the month first, as charts here write it."""
    parts = re.split(r"[/-]", text)
    if len(parts[0]) == 4:
        parts = [*parts[1:], parts[0]]
    month, *day, year = parts
    year = year if len(year) == 4 else f"{19 if int(year) > 40 else 20}{year}"
    return frozenset((f"month {int(month)}", *(f"day {int(each)}" for each in day), f"year {year}"))
