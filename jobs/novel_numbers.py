"""Numbers, with their units, and placeholders in a summary that its record does not hold: a cheap factual alarm.

What is held is taken generously ("one thirty over eighty" holds 130), so an alarm is mostly right: sums, conversions
and rounding in the summary raise it too. It misses a number that stands in the record for something else.
"""

import re

from grounding.quantities import DATE, PLACEHOLDER, Quantity, held, quantities

_DIGITS = re.compile(r"\d+")
_CODED = re.compile(rf"{DATE.pattern}|[A-Za-z]-?\d+")
"""Dates, and codes such as L5 or A1c: their digits are no quantities, and must stand in the record all the same."""


def novel_numbers(source: str, summary: str) -> list[str]:
    """What the summary claims and the record does not hold, such as "25 mg", "L5" or "[DATE_2]", once each.

    A number whose unit differs from every unit that the record gives it counts as well.
    """
    shown = set(PLACEHOLDER.findall(source))
    novel = [each for each in PLACEHOLDER.findall(summary) if each not in shown]
    units: dict[str, set[str]] = {}
    for known in held(source):
        for reading in known.readings:
            units.setdefault(reading, set()).add(_unit(known))
    for claimed in quantities(summary):
        unit, given = _unit(claimed), units.get(claimed.value)
        if given is None or (unit and "" not in given and unit not in given):
            novel.append(summary[claimed.start : claimed.end])
    digits = {int(each) for each in _DIGITS.findall(PLACEHOLDER.sub("", source))}
    novel += _unheld_codes(summary, digits | {int(each) for each in units if each.isdigit()})
    return list(dict.fromkeys(novel))


def _unheld_codes(summary: str, held_numbers: set[int]) -> list[str]:
    return [
        code
        for code in _CODED.findall(summary)
        if not held_numbers.issuperset(map(int, _DIGITS.findall(code)))
    ]


def _unit(quantity: Quantity) -> str:
    """An age is told in years here: "54-year-old" and "54 years" say the same."""
    return "year" if quantity.is_age else quantity.unit
