"""Numbers as they are written or spoken, with their units and what they count: a dose, a duration, an age, a measure.

"one thirty over eighty" holds 130 and 80; a number in words is read in every way it can be heard, the likeliest first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_SMALL = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    w: 10 * v
    for v, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SCALES = {"hundred": 100, "thousand": 1000}
_NUMBER_WORDS = {*_SMALL, *_TENS, *_SCALES}
_IMPLIED = {
    "a": "1", "an": "1", "one": "1", "once": "1", "single": "1", "first": "1", "couple": "2", "both": "2", "twice": "2",
    "pair": "2", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "few": "3", "half": "0.5", "dozen": "12",
}  # fmt: skip
"""Words that hold a number without claiming one."""
UNITS = {
    spelling: unit
    for unit, spellings in {
        "mg": "mg mgs milligram milligrams",
        "mcg": "mcg µg ug microgram micrograms",
        "g": "g gram grams gm",
        "ml": "ml cc ccs milliliter milliliters millilitre millilitres",
        "units": "unit units iu",
        "puff": "puff puffs",
        "tablet": "tablet tablets tab tabs capsule capsules cap caps pill pills",
        "drop": "drop drops",
        "kg": "kg kgs kilo kilos kilogram kilograms",
        "l": "l liter liters litre litres",
        "cm": "cm centimeter centimeters centimetre centimetres",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "m": "meter meters metre metres",
        "inch": "inch inches in",
        "foot": "feet foot ft",
        "mile": "mile miles",
        "lb": "lb lbs pound pounds",
        "oz": "oz ounce ounces",
        "%": "% percent",
        "mmhg": "mmhg",
        "bpm": "bpm",
        "degree": "degree degrees °",
        "pack": "pack packs ppd",
        "minute": "minute minutes min mins",
        "hour": "hour hours hr hrs",
        "day": "day days",
        "week": "week weeks wk wks",
        "month": "month months mo mos",
        "year": "year years yr yrs",
    }.items()
    for spelling in spellings.split()
}
DOSES = frozenset(("mg", "mcg", "g", "ml", "units", "puff", "tablet", "drop"))
TIMES = frozenset(("minute", "hour", "day", "week", "month", "year"))
PLACEHOLDER = re.compile(r"\[[A-Z][A-Z_]*_\d+\]")
DATE = re.compile(
    r"\b\d{1,4}[/-]\d{1,2}[/-]\d{2,4}\b|\b\d{1,2}/(?:19|20)\d\d\b|\b0\d/\d\d\b|(?<=\d)[:.]00\b(?=\s*[ap]\.?m)",
    re.IGNORECASE,
)
"""Dates, and the minutes of a full hour."""
_ENUMERATOR = re.compile(r"(?:^|\n|(?<=[.;]\s))\s*\d{1,2}[.)](?=\s+\D)")
_TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\w)\.\d+|[a-zµ°]+|%", re.IGNORECASE)

_CODE = re.compile(r"[A-Za-z]-?$|\bq\.?$", re.IGNORECASE)
"""Before the number of a code, such as L5, A1c, COVID-19 or q.2h."""
_APART = re.compile(r"[,;.]\s+")
_AGE_BEFORE = re.compile(r"\b(?:aged?|age of|age is|turned|turning)\s*$", re.IGNORECASE)
_AGE_AFTER = re.compile(r"[\s-]*(?:old|o\b|/o)", re.IGNORECASE)
_SHORT_AGE = re.compile(r"\s*y\.?/?o\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """``readings`` are what the number may be, the likeliest first; ``unit`` is "" where none follows."""

    readings: tuple[str, ...]
    unit: str
    start: int
    end: int
    implied: bool = False
    """By a word that mostly claims no number, such as "a", "first" or "few"."""

    @property
    def value(self) -> str:
        return self.readings[0]

    @property
    def is_year(self) -> bool:
        """Of the calendar, which the check of dates reads."""
        return not self.unit and re.fullmatch(r"(?:19|20)\d\d", self.value) is not None

    @property
    def is_age(self) -> bool:
        return self.unit == "age"


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    start: int
    end: int
    apart: bool = False
    """A comma or full stop stands before it: the HR of "88, HR 76" is no hour."""


def quantities(text: str) -> list[Quantity]:
    """Every number a text claims. Placeholders, list numbers and codes such as "L5" or "A1c" are none."""
    return list(_numbers(_tokens(text), text))


def held(text: str) -> list[Quantity]:
    """Every number that can be heard in a record, implied ones too ("a tablet", "twice")."""
    tokens = _tokens(text)
    implied = [
        _implied(tokens, at)
        for at, token in enumerate(tokens)
        if token.word in _IMPLIED and not _is_rate(tokens, at)
    ]
    return [*_numbers(tokens, text), *implied, *_and_a_half(tokens)]


def _is_rate(tokens: list[_Token], at: int) -> bool:
    """The "a day" of "twice a day" and of "two pills a day" lasts no day."""
    if tokens[at].word not in {"a", "an"} or _unit(tokens, at + 1)[0] not in TIMES or not at:
        return False
    before = tokens[at - 1].word
    return before in {"once", "twice", "time", "times"} or (before in UNITS and UNITS[before] not in TIMES)


def _implied(tokens: list[_Token], at: int) -> Quantity:
    """Placed over its unit, too: what the record says instead of "5 months" is "a month", not "a"."""
    token = tokens[at]
    is_half_a = token.word == "half" and at + 1 < len(tokens) and tokens[at + 1].word in {"a", "an"}
    unit, after = _unit(tokens, at + 1 + is_half_a)
    return Quantity((_IMPLIED[token.word],), unit, token.start, after if unit else token.end, True)


def _and_a_half(tokens: list[_Token]) -> Iterator[Quantity]:
    """ "a pack and a half", "two and a half hours"."""
    for at in range(3, len(tokens)):
        if [token.word for token in tokens[at - 2 : at + 1]] != ["and", "a", "half"]:
            continue
        unit = UNITS.get(tokens[at - 3].word, "")
        whole = tokens[at - 4 if unit else at - 3]
        value = whole.word if whole.word.isdigit() else _IMPLIED.get(whole.word) or _SMALL.get(whole.word)
        if value is None and unit:  # "about year and a half"
            value, whole = 1, tokens[at - 3]
        if value is not None:
            end = tokens[at].end
            yield Quantity((_plain(f"{value}.5"),), unit or _unit(tokens, at + 1)[0], whole.start, end)


def _tokens(text: str) -> list[_Token]:
    """Words and numbers in small letters. What is no number is blanked out, so that places stay."""
    bare = PLACEHOLDER.sub(lambda match: "\u2013" * len(match.group()), text)
    bare = DATE.sub(lambda match: " " * len(match.group()), bare)
    bare = _ENUMERATOR.sub(lambda match: " " * len(match.group()), bare)
    tokens, before = [], 0
    for match in _TOKEN.finditer(bare):
        word = match.group().lower()
        apart, before = _APART.fullmatch(bare, before, match.start()) is not None, match.end()
        if word[0].isdigit() and _CODE.search(bare, max(0, match.start() - 2), match.start()):
            continue
        tokens.append(_Token(word, *match.span(), apart))
    return _without_and(_spelled_units(tokens))


def _spelled_units(tokens: list[_Token]) -> list[_Token]:
    """ "five m g" is dictation's way to write mg."""
    joined: list[_Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if (
            last
            and (last.word, token.word) in {("m", "g"), ("m", "l"), ("c", "c"), ("mm", "hg")}
            and token.start - last.end <= 2
        ):
            joined[-1] = _Token(last.word + token.word, last.start, token.end)
        else:
            joined.append(token)
    return joined


def _without_and(tokens: list[_Token]) -> list[_Token]:
    """ "two hundred and five" is one number."""
    return [
        token
        for at, token in enumerate(tokens)
        if not (token.word == "and" and 0 < at < len(tokens) - 1 and tokens[at - 1].word in _SCALES and tokens[at + 1].word in _NUMBER_WORDS)
    ]  # fmt: skip


def _numbers(tokens: list[_Token], text: str) -> Iterator[Quantity]:
    at = 0
    while at < len(tokens):
        end = _run_end(tokens, at)
        run = tokens[at:end]
        if tokens[at].word[0].isdigit() or tokens[at].word[0] == ".":
            end = at + 1
            yield _quantity([_plain(tokens[at].word)], tokens, at, end, text)
        elif run and (
            [token.word for token in run] != ["one"]
            or _unit(tokens, end)[0]
            or (end < len(tokens) and tokens[end].word in {"plus", "over", "out"})
        ):  # alone mostly a pronoun
            yield _quantity(
                [*_with_full_stop(run, text), *_readings([token.word for token in run])],
                tokens,
                at,
                end,
                text,
            )
        at = max(end, at + 1)


def _with_full_stop(run: list[_Token], text: str) -> list[str]:
    """ "ninety eight . seven" is how dictation writes 98.7."""
    for at in range(1, len(run)):
        if text[run[at - 1].end : run[at].start].strip() == ".":
            whole, decimals = ([token.word for token in part] for part in (run[:at], run[at:]))
            return [_plain(f"{_readings(whole)[0]}.{''.join(map(str, _parts(decimals)))}")]
    return []


def _quantity(readings: list[str], tokens: list[_Token], at: int, end: int, text: str) -> Quantity:
    unit, after = _unit(tokens, end)
    if not unit and (unit := _unit_of_range(tokens, end, text)):
        after = tokens[end - 1].end
    last = tokens[end - 1].end
    if unit == "year" and _AGE_AFTER.match(text, after):
        unit = "age"
    elif not unit and (short := _SHORT_AGE.match(text, last)):
        unit, after = "age", short.end()
    elif not unit and _AGE_BEFORE.search(text, max(0, tokens[at].start - 12), tokens[at].start):
        unit, after = "age", last
    return Quantity(tuple(dict.fromkeys(readings)), unit, tokens[at].start, after if unit else last)


def _unit(tokens: list[_Token], at: int) -> tuple[str, int]:
    """The unit at ``at`` and where it ends in the text; one "more" or "of" may stand between."""
    if at >= len(tokens):
        return "", tokens[-1].end if tokens else 0
    word = tokens[at].word
    if tokens[at].apart:
        return "", tokens[at].end
    if (
        word in {"more", "full", "whole", "to", "or"}
        and at + 1 < len(tokens)
        and tokens[at + 1].word in UNITS
    ):
        at, word = at + 1, tokens[at + 1].word
    unit = UNITS.get(word, "")
    if word == "in" or (word in {"m", "l", "g"} and tokens[at].start - tokens[at - 1].end > 1):
        unit = ""
    return unit, tokens[at].end


def _unit_of_range(tokens: list[_Token], at: int, text: str) -> str:
    """ "6 to 8 hours", "2-3 days": the first number has the unit of the second."""
    if at < len(tokens) and tokens[at].word in {"to", "or"}:
        at += 1
    elif at >= len(tokens) or text[tokens[at - 1].end : tokens[at].start] != "-":
        return ""
    end = at + 1 if at < len(tokens) and tokens[at].word[0].isdigit() else _run_end(tokens, at)
    return _unit(tokens, end)[0] if end > at else ""


def _run_end(tokens: list[_Token], at: int) -> int:
    """Where a run of number words that begins at ``at`` ends; "point" belongs to it before one of them."""
    end = at
    while end < len(tokens) and (
        tokens[end].word in _NUMBER_WORDS
        or (tokens[end].word == "point" and end + 1 < len(tokens) and tokens[end + 1].word in _NUMBER_WORDS)
    ):  # fmt: skip
        end += 1
    return end


def _readings(words: list[str]) -> list[str]:
    """ "one thirty" → 130, 1, 30: the parts in a row, then each part and shorter row."""
    if "point" in words:
        at = words.index("point")
        decimals = "".join(str(value) for value in _parts(words[at + 1 :]))
        if not at:  # "point five" of a stone; perhaps "at this point five of them"
            return [_plain(f"0.{decimals}"), *_readings(words[1:])]
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


def _plain(digits: str) -> str:
    return format(Decimal(digits.replace(",", "")).normalize(), "f")
