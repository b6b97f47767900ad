"""Numbers, with their units, and placeholders in a summary that its record does not hold: a cheap factual alarm.

It reads digits, and number words up to the thousands as they are spoken ("one thirty over eighty" holds 130). What is
held is taken generously, so an alarm is mostly right: sums, conversions and rounding in the summary raise it too. It
misses a number that stands in the record for something else.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

_SMALL_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_SMALL_WORDS.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS.split(), start=2)}
_SCALES = {"hundred": 100, "thousand": 1000}
_NUMBER_WORDS = {*_SMALL, *_TENS, *_SCALES}
_IMPLIED = {
    "a": "1",
    "an": "1",
    "one": "1",
    "once": "1",
    "single": "1",
    "first": "1",
    "couple": "2",
    "both": "2",
    "twice": "2",
    "second": "2",
    "third": "3",
    "half": "0.5",
    "dozen": "12",
}
"""Words that hold a number without claiming one."""
_UNITS = {
    spelling: unit
    for unit, spellings in {
        "mg": "mg milligram milligrams",
        "mcg": "mcg µg ug microgram micrograms",
        "g": "g gram grams",
        "kg": "kg kilo kilos kilogram kilograms",
        "ml": "ml cc milliliter milliliters millilitre millilitres",
        "l": "l liter liters litre litres",
        "cm": "cm centimeter centimeters centimetre centimetres",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "lb": "lb lbs pound pounds",
        "units": "unit units",
        "percent": "% percent",
        "minutes": "minute minutes min mins",
        "hours": "hour hours hr hrs",
        "days": "day days",
        "weeks": "week weeks",
        "months": "month months",
        "years": "year years yr yrs",
    }.items()
    for spelling in spellings.split()
}
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")
_ENUMERATOR = re.compile(r"(^|\n|[.;]\s)\s*\d{1,2}[.)](?=\s+\D)")
_AND = re.compile(r"\b(hundred|thousand) and\b")
_TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-zµ]+|%")


def novel_numbers(source: str, summary: str) -> list[str]:
    """What the summary claims and the record does not hold, such as "25 mg" or "[DATE_2]", once each, in order.

    A number whose unit differs from every unit that the record gives it counts as well.
    """
    shown = set(_PLACEHOLDER.findall(source))
    novel = [each for each in _PLACEHOLDER.findall(summary) if each not in shown]
    held = _held(source)
    for readings, unit in _numbers(summary):
        units = held.get(readings[0])
        if units is None or (unit and "" not in units and unit not in units):
            novel.append(f"{readings[0]} {unit}".strip())
    return list(dict.fromkeys(novel))


def _held(text: str) -> dict[str, set[str]]:
    """Every number that can be read in the text → the units that follow it; "" where there is none."""
    units: dict[str, set[str]] = {}
    for readings, unit in _numbers(text):
        for number in readings:
            units.setdefault(number, set()).add(unit)
    tokens = _tokens(text)
    for at, word in enumerate(tokens):
        if word in _IMPLIED:
            units.setdefault(_IMPLIED[word], set()).add(_unit(tokens, at + 1))
    return units


def _numbers(text: str) -> Iterator[tuple[list[str], str]]:
    """(readings, unit or ""): a number in digits has one reading; a run of number words several, the likeliest first."""
    tokens = _tokens(text)
    at = 0
    while at < len(tokens):
        end = _run_end(tokens, at)
        if tokens[at][0].isdigit():
            yield [_plain(tokens[at])], _unit(tokens, at + 1)
        elif end > at and tokens[at:end] != ["one"]:  # Alone it is mostly a pronoun.
            yield _readings(tokens[at:end]), _unit(tokens, end)
        at = max(end, at + 1)


def _run_end(tokens: list[str], at: int) -> int:
    """Where a run of number words that begins at ``at`` ends; "point" belongs to it between two of them."""
    end = at
    while end < len(tokens) and (
        tokens[end] in _NUMBER_WORDS or (tokens[end] == "point" and at < end and _is_number(tokens, end + 1))
    ):
        end += 1
    return end


def _is_number(tokens: list[str], at: int) -> bool:
    return at < len(tokens) and tokens[at] in _NUMBER_WORDS


def _readings(words: list[str]) -> list[str]:
    """ "one thirty" → 130, 1, 30: the parts in a row, then each part and shorter row."""
    if "point" in words:
        at = words.index("point")
        decimals = "".join(str(value) for value in _parts(words[at + 1 :]))
        return [_plain(f"{_readings(words[:at])[0]}.{decimals}")]
    parts = [str(value) for value in _parts(words)]
    count = len(parts)
    spans = [(start, end) for start in range(count) for end in range(start + 1, count + 1)]
    spans.sort(key=lambda span: span[0] - span[1])
    return ["".join(parts[start:end]) for start, end in spans]


def _parts(words: list[str]) -> list[int]:
    """The numbers in a run of number words: "nineteen ninety eight" → 19, 98; "two hundred five" → 205."""
    parts: list[int] = []
    before = ""
    for word in words:
        joins = before in _SCALES or (before in _TENS and 0 < _SMALL.get(word, 0) < 10)
        if word in _SCALES:
            parts = [*parts[:-1], max(parts[-1] if parts else 1, 1) * _SCALES[word]]
        elif joins:
            parts[-1] += _SMALL.get(word, _TENS.get(word, 0))
        else:
            parts.append(_SMALL.get(word, _TENS.get(word, 0)))
        before = word
    return parts


def _tokens(text: str) -> list[str]:
    bare = _ENUMERATOR.sub(r"\1 ", _PLACEHOLDER.sub(" ", text)).lower()
    return _TOKEN.findall(_AND.sub(r"\1", bare))


def _plain(digits: str) -> str:
    return format(Decimal(digits.replace(",", "")).normalize(), "f")


def _unit(tokens: list[str], at: int) -> str:
    return _UNITS.get(tokens[at], "") if at < len(tokens) else ""
