"""Dates in the forms people write and say them."""

from datetime import date, timedelta
from random import Random

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second",
    "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first",
)  # fmt: skip
_FULL = (
    "%B {d}, %Y", "%b {d}, %Y", "%B {th}, %Y", "{th} of %B %Y", "{d} %B %Y", "{d} %b %Y", "%m/%d/%Y", "{m}/{d}/%Y", "{m}/{d}/%y", "%Y-%m-%d",
    "%d.%m.%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%b-%Y", "%A, %B {d}, %Y", "%B {d} %Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%b {th} %Y",
    "the {ordinal} of %B, %Y", "%B the {ordinal}, %Y",
)  # fmt: skip
_NO_YEAR = (
    "%B {d}",
    "%B {th}",
    "{m}/{d}",
    "%m/%d",
    "{d} %B",
    "the {ordinal} of %B",
    "%b {d}",
    "{th} of %B",
    "%A, %B {d}",
)


def _day(rng: Random) -> date:
    return date(1930, 1, 1) + timedelta(days=rng.randrange(35_000))


def _written(rng: Random, shape: str) -> str:
    day = _day(rng)
    th = (
        f"{day.day}{'th' if 10 < day.day % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day.day % 10, 'th')}"
    )
    shape = shape.replace("{d}", str(day.day)).replace("{m}", str(day.month)).replace("{th}", th)
    return day.strftime(shape.replace("{ordinal}", _ORDINALS[day.day - 1]))


def full(rng: Random) -> str:
    return _written(rng, rng.choice(_FULL))


def without_year(rng: Random) -> str:
    return _written(rng, rng.choice(_NO_YEAR))


def month_and_year(rng: Random) -> str:
    return _written(rng, rng.choice(("%B %Y", "%b %Y", "%m/%Y", "%B of %Y")))


def month(rng: Random) -> str:
    return _written(rng, "%B")
