"""The written forms of dates: which part of a text says what, and how the same part says something else.

Knows nothing of shifts. Every reader raises ValueError for a form that it does not understand.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
    "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
]  # fmt: skip
_ORDINALS += [f"twenty-{word}" for word in _ORDINALS[:9]] + ["thirtieth", "thirty-first"]
_SMALL = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def _cardinal(number: int) -> str:
    """Up to 99, in words."""
    if number < 20:
        return _SMALL[number - 1]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_SMALL[ones - 1]}" if ones else "")


_CARDINALS = [_cardinal(number) for number in range(1, 100)]


def _any_of(words: Sequence[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\-", r"[\s-]").replace(r"\ ", r"\s+") for word in longest_first)


_MONTH = "|".join(f"{month}|{month[:3]}{'t?' if month == 'September' else ''}" for month in MONTHS)
_CENTURIES = {"nineteen": 1900, "eighteen": 1800, "twenty": 2000}
_FLAGS = re.VERBOSE | re.IGNORECASE
_TIME = r"(?P<time> (?:T|(?<![^\W\d_])at\s+)? \d{1,2}:\d\d (?::\d\d(?:\.\d+)?)? (?:\s?[ap]\.?m\b\.?)? (?:Z|\s?[+-]\d\d:?\d\d)? )"
_FILLER = r"""(?P<filler> [\s,.;:()–—/&-]+ | \b(?:of|the|at|on|in|and|to|through|thru|until|from|between|day|early|late|mid|middle|beginning|end|
              around|about|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)\b )"""
_IN_DIGITS = re.compile(
    rf"""
      (?P<ymd> (?P<y1>(?:1[89]|20)\d\d) (?P<s1>\s?[-/.]\s?) (?P<m1>\d{{1,2}}) (?: (?P=s1) (?P<d1>\d{{1,2}}) )? (?!\d) )
    | (?P<dmy> (?P<a2>\d{{1,2}}) (?P<s2>\s?[-/.]\s?) (?P<b2>\d{{1,2}}) (?: (?P=s2) (?P<y2>(?:1[89]|20)\d\d|\d\d) )? (?![\d]) )
    | (?P<my> (?P<m3>\d{{1,2}}) (?P<s3>\s?[-/]\s?) (?P<y3>(?:1[89]|20)\d\d) (?!\d) )
    | (?P<packed> (?:1[89]|20)\d{{6}} (?:\d{{4}}|\d{{6}})? (?!\d) )
    | {_TIME} | {_FILLER}
    """,
    _FLAGS,
)
_IN_WORDS = re.compile(
    rf"""
      {_TIME}
    | (?P<month> \b(?:{_MONTH})\b\.? )
    | (?P<century> \b(?:two\s+thousand(?:\s+(?:and\s+)?(?P<after>{_any_of(_CARDINALS)}))?
                   | (?P<hundreds>eighteen|nineteen|twenty)[\s-]+(?:hundred|(?:oh?[\s-])?(?P<rest>{_any_of(_CARDINALS)})))\b )
    | (?P<ordinal> \b(?:{_any_of(_ORDINALS)})\b )
    | (?P<cardinal> \b(?:{_any_of(_CARDINALS[:31])})\b )
    | (?P<year> \b(?:1[89]|20)\d\d\b | ['’]\d\d\b | (?<=[A-Za-z.][-/])\d\d$ )
    | (?P<day> \b\d{{1,2}}(?:\s?(?:st|nd|rd|th))?\b )
    | {_FILLER}
    """,
    _FLAGS,
)


_A_MONTH = re.compile(rf"\b(?:{_MONTH})\b", re.IGNORECASE)
_KINDS = (
    "ymd",
    "dmy",
    "my",
    "packed",
    "time",
    "month",
    "century",
    "ordinal",
    "cardinal",
    "year",
    "day",
    "filler",
)


@dataclass(frozen=True)
class Token:
    """``kind`` is one of ``_KINDS``."""

    kind: str
    match: re.Match[str]

    @property
    def text(self) -> str:
        return self.match.group()


def tokens(value: str) -> list[Token]:
    """The whole text in parts. Numbers beside a month's name are days and years, never dates of their own."""
    pattern = _IN_WORDS if _A_MONTH.search(value) else _IN_DIGITS
    found, at = [], 0
    while at < len(value):
        match = pattern.match(value, at)
        if match is None or not match.group():
            raise ValueError
        groups = match.groupdict()
        kind = next(name for name in _KINDS if groups.get(name) is not None)
        found.append(Token(kind, match))
        at = match.end()
    return found


def padded(number: int, *written: str) -> str:
    """With a leading zero where the parts of the date as written have one, or are all of two digits."""
    is_padded = any(part.startswith("0") for part in written) or all(len(part) == 2 for part in written)
    return f"{number:02d}" if is_padded else str(number)


def month_number(word: str) -> int:
    return next(i for i, month in enumerate(MONTHS, start=1) if month[:3].lower() == word[:3].lower())


def month_like(number: int, like: str) -> str:
    month, bare = MONTHS[number - 1], like.rstrip(".")
    if bare.lower() in {"may", *(m.lower() for m in MONTHS)}:
        return cased(month, bare) + like[len(bare) :]
    return cased(month[:3], bare) + (like[len(bare) :] if month != "May" else "")


def day_of(token: Token) -> int:
    word = "-".join(token.text.lower().split())
    if token.kind == "ordinal":
        return _ORDINALS.index(word) + 1
    if token.kind == "cardinal":
        return _CARDINALS.index(word) + 1
    return int(re.match(r"\d+", token.text)[0])  # type: ignore[index]


def day_like(number: int, token: Token) -> str:
    if token.kind in {"ordinal", "cardinal"}:
        word = (_ORDINALS if token.kind == "ordinal" else _CARDINALS)[number - 1]
        return cased(word.replace("-", " ") if " " in token.text else word, token.text)
    digits, suffix = re.match(r"(\d+)(.*)", token.text, re.DOTALL).groups()  # type: ignore[union-attr]
    if suffix:
        ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        suffix = suffix[:-2] + cased(ending, suffix.strip())
    return (f"{number:02d}" if digits.startswith("0") else str(number)) + suffix


def year_of_digits(digits: str) -> int:
    """Two digits are of this century up to 35, of the last one above."""
    number = int(digits[-2:])
    return int(digits) if len(digits) == 4 else number + (2000 if number <= 35 else 1900)


def year_like(year: int, like: str) -> str:
    return str(year) if len(like) == 4 else f"{year % 100:02d}"


def year_of(token: Token) -> int:
    if token.kind == "year":
        return year_of_digits(token.text.lstrip("'’"))
    m = token.match
    rest = m["after"] or m["rest"]
    base = _CENTURIES[m["hundreds"].lower()] if m["hundreds"] else 2000
    return base + (_CARDINALS.index("-".join(rest.lower().split())) + 1 if rest else 0)


def year_in_words_or_digits(year: int, token: Token) -> str:
    if token.kind == "year":
        mark = token.text[0] if token.text[0] in "'’" else ""
        return mark + year_like(year, token.text.lstrip("'’"))
    century, rest = divmod(year, 100)
    if century == 20 and (not token.match["hundreds"] or rest < 10):
        joined = " and " if " and " in token.text.lower() else " "
        words = "two thousand" + (joined + _cardinal(rest) if rest else "")
    elif rest == 0:
        words = f"{_cardinal(century)} hundred"
    else:
        words = f"{_cardinal(century)} {'oh ' if rest < 10 else ''}{_cardinal(rest)}"
    return cased(words, token.text)


def cased(made: str, like: str) -> str:
    if like.isupper():
        return made.upper()
    return made.lower() if like.islower() else made[:1].upper() + made[1:]
