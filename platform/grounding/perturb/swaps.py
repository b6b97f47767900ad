"""Small changes that a reader overlooks: another number, unit, month, side."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from grounding.evidence import Record
from grounding.quantities import UNITS

_CALENDAR = (
    (
        "January",
        "February",
        "March",
        "April",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_UNIT_GROUPS = (("mg", "mcg", "g"), ("minutes", "hours", "days", "weeks", "months", "years"), ("tablet", "puff", "drop"),
                ("kg", "pounds"), ("cm", "mm"), ("ml", "mg"), ("mL", "mg"), ("mmHg", "bpm"), ("inches", "feet"))  # fmt: skip


def number_like(written: str, rng: Random, record: Record) -> str:
    """Another number of the same size; now and then one that the record holds for something else."""
    whole, _, decimals = written.replace(",", "").partition(".")
    held = sorted(
        {
            q.value
            for line in record.quantities
            for q in line
            if len(q.value) == len(written) and q.value != written
        }
    )
    if held and rng.random() < 0.2:
        return rng.choice(held)
    value = int(whole or 0)
    if decimals:
        return f"{value + rng.choice((-2, -1, 1, 2)) if value > 2 else value + rng.choice((1, 2))}.{decimals}"
    candidates = {
        value * 2,
        value * 10,
        value + rng.choice((1, 2, 3)),
        value + 10,
        value // 2,
        value - 1,
        value * 5,
    }
    if value >= 100:
        candidates |= {value + 20, value - 15, value + 7}
        candidates -= {value + 1, value + 2, value + 3, value - 1}
    return str(rng.choice(sorted(each for each in candidates if each > 0 and each != value)))


def other_unit(text: str, unit: str, rng: Random) -> str | None:
    """ "5 mg" → "5 mcg". None for a unit that has no like."""
    for group in _UNIT_GROUPS:
        others = [each for each in group if UNITS[each.lower()] != unit]
        if any(UNITS[each.lower()] == unit for each in group) and others:
            return re.sub(r"[A-Za-zµ%]+$", rng.choice(others), text)
    return None


def other_calendar_word(text: str, rng: Random, record: Record) -> str | None:
    """Another month, weekday or year, that the record does not hold."""
    choices = [
        (match.start(), match.end(), other)
        for names in _CALENDAR
        for match in re.finditer(r"\b(?:" + "|".join(names) + r")\b", text)
        for other in names
        if other != match.group() and other.lower() not in record.source.lower()
    ]
    choices += [
        (match.start(), match.end(), str(int(match.group()) + step))
        for match in re.finditer(r"\b(?:19|20)\d\d\b", text)
        for step in (-3, -2, -1, 1, 2)
        if str(int(match.group()) + step) not in record.source
    ]
    if not choices:
        return None
    start, end, other = rng.choice(choices)
    return text[:start] + other + text[end:]


def other_of(text: str, table: Mapping[str, Sequence[str]], rng: Random) -> str | None:
    """A word of the table → one of those that stand for something else; the case of the first letter stays."""
    pattern = r"\b(?:" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")(?!\w)"
    found = list(re.finditer(pattern, text, re.IGNORECASE))
    if not found:
        return None
    match = rng.choice(found)
    other = rng.choice(table[match.group().lower()])
    other = other[0].upper() + other[1:] if match.group()[0].isupper() else other
    return text[: match.start()] + other + text[match.end() :]
