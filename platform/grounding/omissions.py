"""What a record holds, and a summary of it should too, but does not: allergies, medication, abnormal measures, follow-up.

Each is a line of the record to look at. Precision goes before recall: a list of twenty that are none is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from grounding.checks.medications import read_drugs
from grounding.checks.polarity import line_stands
from grounding.evidence import Record
from grounding.quantities import DOSES, Quantity, held
from grounding.scopes import Stand
from grounding.terms import terms

MOST = 12
MOST_OF_A_KIND = 4


class Kind(StrEnum):
    """In the order in which a reader should hear of them."""

    ALLERGY = "allergy"
    MEDICATION = "medication"
    ABNORMAL = "abnormal result"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True)
class Omission:
    """``line`` counts the record's lines from 0; ``about`` names what is missing: a drug, a measure, or ""."""

    kind: Kind
    line: int
    about: str = ""


NORMAL: dict[str, tuple[tuple[float, float], ...]] = {
    r"(?:blood pressure|\bbp\b)": ((90, 139),),
    r"(?:heart rate|pulse|\bhr\b)": ((50, 100),),
    r"(?:temperature|\btemp\b)": ((35.5, 38.0), (96, 100.4)),
    r"(?:oxygen|o2|spo2|pulse ox\w*|\bsats?\b)[\w ]{0,20}?": ((93, 100),),
    r"(?:hemoglobin a1c|\ba1c|hba1c)": ((3.5, 6.5),),
    r"(?:blood sugar|glucose)": ((70, 180),),
    r"potassium": ((3.5, 5.2),),
    r"creatinine": ((0.4, 1.3),),
    r"(?:hemoglobin|haemoglobin)(?! a1c)": ((11.5, 17.5),),
}
"""Adults' usual ranges, wide on purpose (Mayo Clinic Laboratories' reference values, rounded outwards); the first number of a
blood pressure. A temperature may be in either scale."""
_MEASURES = {name: re.compile(name, re.IGNORECASE) for name in NORMAL}
_REACH = 30
"""Characters between a measure's name and its number."""
_ALLERGY = re.compile(r"\ballerg(?:y|ies|ic)\b", re.IGNORECASE)
_NOT_TAKEN = re.compile(
    r"\b(?:stop(?:ped|ping)?|discontinue\w*|used to|in the past|instead of|allerg\w+|avoid\w*|if (?:you|we|it)|ran out)\b",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(
    r"\b(?:follow[ -]?up (?:with|in|on|appointment)|come back (?:to see|and see|in (?:an?|one|two|three|four|six|\d+)\b)|see you (?:again |back )?in|return in"
    r"|refer(?:ral)? (?:you |her |him )?to|(?:'ll|will|going to|want to|like to) (?:go ahead and )?(?:order|schedule|refer|repeat|get (?:an?|some)))\b",
    re.IGNORECASE,
)


def omissions(record: Record, summary: str) -> tuple[Omission, ...]:
    """What ``summary`` leaves out, the gravest first, ``MOST`` at most. An empty summary leaves out everything."""
    words = {term.form for term in terms(summary)}
    numbers = held(summary)
    found = [
        *list(_allergies(record, summary))[:1],
        *list(_medications(record, summary))[:MOST_OF_A_KIND],
        *list(_abnormal(record, numbers))[:MOST_OF_A_KIND],
        *list(_follow_ups(record, words, numbers))[:MOST_OF_A_KIND],
    ]
    return tuple(found[:MOST])


def _allergies(record: Record, summary: str) -> Iterator[Omission]:
    """Of all that is said of allergies, the last: the answer comes after the question."""
    if _ALLERGY.search(summary):
        return
    told = {name for name, *_ in read_drugs(summary)}
    for number in reversed(range(len(record.lines))):
        text = record.lines[number].text
        if _ALLERGY.search(text) and "?" not in text:
            named = [name for name, *_ in read_drugs(text)]
            if not (named and set(named) <= told):
                yield Omission(Kind.ALLERGY, number, ", ".join(dict.fromkeys(named)))


def _medications(record: Record, summary: str) -> Iterator[Omission]:
    """Drugs that are taken or given; of several lines about one, the first that tells its dose."""
    told = {name for name, *_ in read_drugs(summary)}
    lines: dict[str, list[int]] = {}
    for number, line in enumerate(record.lines):
        for name, start, _ in read_drugs(line.text):
            if name not in told and _is_taken(record, number, line.start + start):
                lines.setdefault(name, []).append(number)
    for name, numbers in lines.items():
        with_dose = [n for n in numbers if any(q.unit in DOSES for q in record.quantities[n])]
        if with_dose or len(numbers) > 1:
            yield Omission(Kind.MEDICATION, (with_dose or numbers)[0], name)


def _is_taken(record: Record, number: int, start: int) -> bool:
    if _NOT_TAKEN.search(record.lines[number].text):
        return False
    return all(stand is Stand.AFFIRMED for term, stand in line_stands(record, number) if term.start == start)


def _abnormal(record: Record, told: list[Quantity]) -> Iterator[Omission]:
    for number, line in enumerate(record.lines):
        for name, pattern in _MEASURES.items():
            for match in pattern.finditer(line.text):
                value = _value_behind(record, number, line.start + match.end())
                if value and _is_outside(value, NORMAL[name]) and not _is_told(value, told):
                    yield Omission(Kind.ABNORMAL, number, match.group().strip().lower())


def _value_behind(record: Record, number: int, place: int) -> Quantity | None:
    behind = (q for q in record.quantities[number] if place <= q.start <= place + _REACH)
    return next(behind, None)


def _is_outside(value: Quantity, ranges: tuple[tuple[float, float], ...]) -> bool:
    """Far outside is another thing's number: a year, a date, a dose."""
    number = float(value.value)
    near = any(low / 3 <= number <= high * 3 for low, high in ranges)
    return near and not any(low <= number <= high for low, high in ranges)


def _is_told(value: Quantity, told: list[Quantity]) -> bool:
    return any(set(value.readings) & set(each.readings) for each in told)


def _follow_ups(record: Record, words: set[str], told: list[Quantity]) -> Iterator[Omission]:
    """What the clinician says is to come; told where half its words are, or its number."""
    for number, line in enumerate(record.lines):
        if (record.dialogue and line.speaker != "doctor") or not _FOLLOW_UP.search(line.text):
            continue
        own = {term.form for term in record.terms[number]}
        times = [q for q in record.quantities[number] if q.unit]
        if "?" in line.text or 2 * len(own & words) >= len(own) or any(_is_told(q, told) for q in times):
            continue
        yield Omission(Kind.FOLLOW_UP, number)
