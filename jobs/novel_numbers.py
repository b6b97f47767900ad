"""Numbers, with their units, and placeholders in a summary that its record does not hold: a cheap factual alarm.

What is held is taken generously ("one thirty over eighty" holds 130), so an alarm is mostly right: sums, conversions
and rounding in the summary raise it too. It misses a number that stands in the record for something else.
"""

from grounding.quantities import PLACEHOLDER, Quantity, held, quantities


def novel_numbers(source: str, summary: str) -> list[str]:
    """What the summary claims and the record does not hold, such as "25 mg" or "[DATE_2]", once each, in order.

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
    return list(dict.fromkeys(novel))


def _unit(quantity: Quantity) -> str:
    """An age is told in years here: "54-year-old" and "54 years" say the same."""
    return "year" if quantity.is_age else quantity.unit
