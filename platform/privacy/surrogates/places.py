"""Made-up addresses and institutions: the kind of street, clinic or company stays, and the state; its name does not."""

import re
from functools import cache
from pathlib import Path

from privacy.surrogates.keyed import Chooser, NoSurrogate, folded
from privacy.zip3 import allowed_prefix

_WORDS = Path(__file__).parent / "words"
_PART = re.compile(
    r"""(?P<zip> (?<!\d)\d{5}(?:-\d{4})?(?!\w) ) | (?P<number> \d+(?P<ordinal>st|nd|rd|th)? ) | (?P<word> [^\W\d_]+(?:['’][^\W\d_]+)* )""",
    re.VERBOSE | re.IGNORECASE,
)
_JOINED = re.compile(r"\.?[ -]")
_ACRONYM = re.compile(r"[A-Z]{2,4}")
_CODES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC "
    "SD TN TX UT VT VA WA WV WI WY DC PR"
).replace(" ", "|")
_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|"
    "Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|"
    "Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|"
    "Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|"
    "Wyoming"
)
# Before it a comma, since New York and Washington are towns as well; a code of two letters may follow a blank.
_STATE = re.compile(
    rf"(?:(?<=,)|(?<=,[ \n]))(?:{_STATES})(?=[\s,.]*(?:\d|$|,|\n))|(?<=[\s,])(?:{_CODES})(?=[\s,.]*(?:\d|$|,|\n))"
)


def place(chooser: Chooser, value: str) -> str:
    """Raises NoSurrogate where the value holds no word."""
    parts = _parts(value)
    if not parts:
        return _named_anew(chooser, value)
    made, done = [], 0
    for start, end, kind in parts:
        made += [value[done:start], _stand_in(chooser, kind, value[start:end], is_whole=len(parts) == 1)]
        done = end
    return "".join([*made, value[done:]])


def _named_anew(chooser: Chooser, value: str) -> str:
    """ "General Hospital" may be the only one for miles: of words that many share, the last one stays."""
    words = value.split()
    if not folded(value):
        raise NoSurrogate("place")
    name = _cased(chooser.pick("place", folded(value), _names()), value)
    return f"{name} {words[-1]}" if len(words) > 1 else name


def _parts(value: str) -> list[tuple[int, int, str]]:
    """What has to change: ZIP codes, numbers, and names, of which words side by side are one."""
    parts: list[tuple[int, int, str]] = []
    states = [range(*match.span()) for match in _STATE.finditer(value)]
    for match in _PART.finditer(value):
        if match["word"] and (
            folded(match.group()) in _generic() or any(match.start() in state for state in states)
        ):
            continue
        is_zip = match["zip"] and (match.start() or match.end() == len(value))
        kind = "name" if match["word"] else "zip" if is_zip else "number"
        if (
            kind == "name"
            and parts
            and parts[-1][2] == "name"
            and _JOINED.fullmatch(value[parts[-1][1] : match.start()])
        ):
            parts[-1] = (parts[-1][0], match.end(), kind)
        else:
            parts.append((match.start(), match.end(), kind))
    return parts


def _stand_in(chooser: Chooser, kind: str, value: str, *, is_whole: bool) -> str:
    if kind == "zip":
        return (
            chooser.make("zip", value, lambda attempt: _zip(chooser, value, attempt))
            if is_whole
            else _zip(chooser, value)
        )
    if kind == "number":
        return _number(chooser, value)
    if _ACRONYM.fullmatch(value):
        return chooser.make("acronym", value, lambda attempt: chooser.like("acronym", value, attempt))
    return _cased(chooser.pick("place", folded(value), _names()), value)


def _cased(name: str, like: str) -> str:
    return name.upper() if like.isupper() else name.lower() if like.islower() else name


def _zip(chooser: Chooser, value: str, attempt: int = 0) -> str:
    """Another code of the same three first digits where 45 CFR 164.514(b)(2)(i)(B) lets them stand."""
    last, plus = value[3:5], value[5:]
    other = (int(last) + 1 + chooser.number("zip", value, 99, attempt)) % 100
    return f"{allowed_prefix(value)}{other:02d}{chooser.like('zip+4', plus, attempt)}"


def _number(chooser: Chooser, value: str) -> str:
    digits = value.rstrip("stndrhSTNDRH")
    least = 10 ** (len(digits) - 1)
    number = least + chooser.number("number", digits, 9 * least)
    if number == int(digits):
        number = least if number == 10 * least - 1 else number + 1
    suffix = value[len(digits) :]
    if suffix:
        ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        suffix = ending.upper() if suffix.isupper() else ending
    return f"{number}{suffix}"


@cache
def _names() -> tuple[str, ...]:
    lines = (_WORDS / "places.txt").read_text(encoding="utf-8").splitlines()
    return tuple(name for line in lines if not line.startswith("#") for name in line.split())


@cache
def _generic() -> frozenset[str]:
    lines = (_WORDS / "generic.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(folded(word) for line in lines if not line.startswith("#") for word in line.split())
