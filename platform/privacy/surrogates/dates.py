"""Dates moved by a patient's own number of weeks: intervals, weekdays and the way of writing stay.

Whole weeks keep "Monday, May 3" a Monday. From 5 to 47 of them, so that every written month changes, a month that
stands without a day (taken as its 15th) among them. A date without a year is taken to lie in an ordinary one.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from privacy.surrogates import date_forms as forms
from privacy.surrogates.date_forms import Token
from privacy.surrogates.keyed import Chooser, NoSurrogate

LEAST_WEEKS, MOST_WEEKS = 5, 47
_ANCHOR_YEAR, _LEAP_YEAR = 2023, 2024
_MID_MONTH = 15
_HOLIDAYS = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "new year's eve": (12, 31),
    "new year's day": (1, 1), "new year's": (1, 1), "halloween": (10, 31), "valentine's day": (2, 14),
    "valentine's": (2, 14), "independence day": (7, 4), "veterans day": (11, 11), "st. patrick's day": (3, 17),
    "st patrick's day": (3, 17),
}  # fmt: skip


_FORMS = {(1, 0), (1, 1), (1, 2), (2, 0), (2, 2)}
"""Months and days that one span may hold: a month, a day, two days of one month, two months, two days."""


class DateShift:
    """One patient's shift, always into the past."""

    def __init__(self, chooser: Chooser) -> None:
        weeks = LEAST_WEEKS + chooser.number("weeks", "", MOST_WEEKS - LEAST_WEEKS + 1)
        self._shift = timedelta(weeks=-weeks)

    @property
    def days(self) -> int:
        return self._shift.days

    def surrogate(self, value: str) -> str:
        """The date as it was written, earlier. Raises NoSurrogate where a part of it is not understood."""
        try:
            if holiday := _HOLIDAYS.get(" ".join(value.lower().replace("’", "'").split())):
                return self._holiday(value, *holiday)
            tokens = forms.tokens(value)
            worded = _Worded(tokens, self)
            return "".join(worded.rewritten.get(id(t)) or self._alone(t) for t in tokens)
        except (ValueError, OverflowError):
            pass  # no such day, or a form that two readings fit
        raise NoSurrogate("date")

    def moved(self, year: int | None, month: int, day: int | None) -> date:
        """Raises ValueError for a day that the month does not have."""
        anchor = year or (_LEAP_YEAR if (month, day) == (2, 29) else _ANCHOR_YEAR)
        return date(anchor, month, day or _MID_MONTH) + self._shift

    def _holiday(self, value: str, month: int, day: int) -> str:
        moved = self.moved(None, month, day)
        return forms.cased(f"{forms.MONTHS[moved.month - 1]} {moved.day}", value)

    def _alone(self, token: Token) -> str:
        """Dates in digits, and what stays as it is: the time of day, the weekday, words between."""
        m = token.match
        if token.kind == "ymd":
            moved = self.moved(int(m["y1"]), int(m["m1"]), int(m["d1"]) if m["d1"] else None)
            written = [part for part in (m["m1"], m["d1"]) if part]
            numbers = [moved.month, moved.day][: len(written)]
            return m["s1"].join([str(moved.year), *(forms.padded(number, *written) for number in numbers)])
        if token.kind == "dmy":
            return self._day_and_month(m)
        if token.kind == "my":
            moved = self.moved(int(m["y3"]), int(m["m3"]), None)
            return f"{forms.padded(moved.month, m['m3'])}{m['s3']}{moved.year}"
        if token.kind == "packed":
            moved = self.moved(int(token.text[:4]), int(token.text[4:6]), int(token.text[6:8]))
            return f"{moved:%Y%m%d}{token.text[8:]}"
        return token.text

    def _day_and_month(self, m: re.Match[str]) -> str:
        """Month first, as in the United States, unless only the other order can be, or dots say so."""
        first, second = int(m["a2"]), int(m["b2"])
        day_first = first > 12 or (m["s2"].strip() == "." and second <= 12)
        month, day = (second, first) if day_first else (first, second)
        moved = self.moved(forms.year_of_digits(m["y2"]) if m["y2"] else None, month, day)
        numbers = (moved.day, moved.month) if day_first else (moved.month, moved.day)
        parts = [forms.padded(number, m["a2"], m["b2"]) for number in numbers]
        return m["s2"].join([*parts, forms.year_like(moved.year, m["y2"])] if m["y2"] else parts)


class _Worded:
    """The dates of a text whose months are words: which numbers belong to which, and how they read when moved."""

    def __init__(self, tokens: Sequence[Token], shift: DateShift) -> None:
        self.rewritten: dict[int, str] = {}
        months = [t for t in tokens if t.kind == "month"]
        days = [t for t in tokens if t.kind in {"day", "ordinal", "cardinal"}]
        years = [t for t in tokens if t.kind in {"year", "century"}]
        in_digits = [t for t in tokens if t.kind in {"ymd", "dmy", "my", "packed"}]
        if not months:
            if days or years or not in_digits:
                raise ValueError
            return
        if in_digits or (len(months), len(days)) not in _FORMS or len(years) > len(months):
            raise ValueError
        self._rewrite(months, days, years, shift)

    def _rewrite(self, months: list[Token], days: list[Token], years: list[Token], shift: DateShift) -> None:
        count = max(len(months), len(days))
        written = [forms.year_of(token) for token in years]
        numbers = [forms.month_number(token.text) for token in months]
        moved = []
        for i in range(count):
            month = numbers[min(i, len(numbers) - 1)]
            year = written[min(i, len(written) - 1)] if written else None
            if year and i == 0 and len(written) == 1 and len(numbers) == 2 and numbers[0] > numbers[1]:
                year -= 1  # December 30 to January 3, 2021
            moved.append(shift.moved(year, month, forms.day_of(days[i]) if days else None))
        for i, token in enumerate(months):
            self.rewritten[id(token)] = forms.month_like(moved[i].month, token.text)
        for i, token in enumerate(days):
            self.rewritten[id(token)] = forms.day_like(moved[i].day, token)
        for i, token in enumerate(years):
            self.rewritten[id(token)] = forms.year_in_words_or_digits(
                moved[i if len(years) > 1 else -1].year, token
            )
        if len(months) == 1 and len(days) == 2 and moved[0].month != moved[1].month:
            self._second_month(months[0], days, [day.month for day in moved])

    def _second_month(self, month: Token, days: list[Token], numbers: list[int]) -> None:
        """ "Sept. 1-3" may become "July 30-August 1": the day farther from the month gets a month of its own."""
        leads = month.match.start() < days[0].match.start()
        own, other = (0, 1) if leads else (1, 0)
        self.rewritten[id(month)] = forms.month_like(numbers[own], month.text)
        name, day = forms.month_like(numbers[other], month.text), self.rewritten[id(days[other])]
        self.rewritten[id(days[other])] = f"{name} {day}" if leads else f"{day} {name}"
