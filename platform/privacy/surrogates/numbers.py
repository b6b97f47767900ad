"""Made-up numbers, codes and addresses of the net: the way of writing stays.

What has a check digit fails it, and what has a range kept for fiction lies in it, so that none is somebody's.
"""

import re
from collections.abc import Callable

from privacy.kinds import Kind
from privacy.recognizers import checksums
from privacy.surrogates.keyed import Chooser, NoSurrogate, folded

_SSN = re.compile(r"\d{3}([- ]?)\d{2}\1\d{4}")
_EXTENSION = re.compile(r"\s*(?:x|ext\.?|extension)\s*\d+\s*$", re.IGNORECASE)
_HEX = re.compile(
    r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)
_FILE = re.compile(r"(?P<stem>.+)(?P<suffix>\.[a-z0-9]{2,4})", re.IGNORECASE)
_HOST_ENDINGS = ("example.org", "example.com", "example.net")
_DOCUMENTATION_NETS = ("192.0.2", "198.51.100", "203.0.113")
OVER_89 = "over 89"
"""What 45 CFR 164.514(b)(2)(i)(C) lets an age over 89 become."""


def code(chooser: Chooser, kind: Kind, value: str) -> str:
    """A number or code of the same letters-and-digits pattern. Raises NoSurrogate for one without a digit."""
    if kind in {Kind.PHONE, Kind.FAX}:
        return phone(chooser, value)
    if not any(map(str.isdigit, value)) and not _FILE.fullmatch(value):
        raise NoSurrogate(kind)
    build = _builder(chooser, kind, value)
    return chooser.make(kind, value, lambda attempt: _none_real(build(attempt)))


def _builder(chooser: Chooser, kind: Kind, value: str) -> Callable[[int], str]:
    if _SSN.fullmatch(value):
        return lambda attempt: _ssn(chooser.like("SSN", folded(value), attempt), value)
    if _HEX.fullmatch(value):
        return lambda attempt: _hex(chooser, kind, value, attempt)
    if kind is Kind.PHOTO and (file := _FILE.fullmatch(value)):
        return lambda attempt: chooser.like(kind, file["stem"], attempt) + file["suffix"]
    return lambda attempt: chooser.like(kind, value, attempt)


def _ssn(drawn: str, value: str) -> str:
    """Area 9xx with a group below 50: neither a social security number nor a taxpayer's (both are never issued)."""
    made = iter(f"9{drawn[1:3]}{int(drawn[3]) % 5}{drawn[4:]}")
    return "".join(next(made) if c.isdigit() else c for c in value)


def _hex(chooser: Chooser, kind: Kind, value: str, attempt: int) -> str:
    drawn = (f"{chooser.number(kind, f'{value}{i}', 16, attempt):x}" for i in range(len(value)))
    is_upper = value == value.upper()
    return "".join(
        c if not c.isalnum() else made.upper() if is_upper else made
        for c, made in zip(value, drawn, strict=True)
    )


def _none_real(made: str) -> str:
    """The code, or nothing where its check digit holds, so that it could be somebody's."""
    plain = re.sub(r"[^0-9A-Za-z]", "", made).upper()
    is_real = (
        (plain.isdigit() and len(plain) >= 12 and checksums.luhn(plain))
        or (plain.isdigit() and checksums.npi(plain))
        or (re.fullmatch(r"[A-Z][A-Z9]\d{7}", plain) and checksums.dea(plain))
        or (re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", plain) and checksums.vin(plain))
        or (re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}", plain) and checksums.iban(plain))
    )
    return "" if is_real else made


def phone(chooser: Chooser, value: str) -> str:
    """555-01xx, the lines kept for fiction, behind an area code drawn at random; shorter numbers by their pattern."""
    main = _EXTENSION.sub("", value)
    places = [i for i, c in enumerate(main) if c.isalnum()] if any(map(str.isdigit, main)) else []
    if len(places) < 3:
        raise NoSurrogate("phone")
    plain, extension = folded(main), value[len(main) :]

    def build(attempt: int) -> str:
        made = dict(zip(places, _line(chooser, plain, len(places), attempt), strict=True))
        rest = re.sub(r"\d+", lambda m: chooser.like("extension", m.group(), attempt), extension)
        return "".join(made.get(i, c) for i, c in enumerate(main)) + rest

    return chooser.make("phone", folded(value), build)


def _line(chooser: Chooser, plain: str, length: int, attempt: int) -> str:
    if length < 7:
        return "".join(str(chooser.number(f"line{i}", plain, 10, attempt)) for i in range(length))
    area = "".join(str(2 + chooser.number(f"area{i}", plain, 8, attempt)) for i in range(length - 7))
    if length == 11 and plain.startswith("1"):
        area = f"1{area[1:]}"
    return f"{area}55501{chooser.number('line', plain, 100, attempt):02d}"


def email(chooser: Chooser, value: str, word: Callable[[str], str]) -> str:
    """``word`` gives a name's stand-in, so that the address still goes with its owner."""
    local, _, host = value.partition("@")
    ending = _HOST_ENDINGS[chooser.number("host", host.lower(), len(_HOST_ENDINGS))]

    def build(attempt: int) -> str:
        made = "".join(
            word(part) if part.isalpha() and len(part) > 2 else chooser.like("email", part, attempt)
            for part in re.findall(r"[^\W\d_]+|[\W\d_]+", local)
        )
        return f"{made}{attempt or ''}@{ending}"

    return chooser.make("email", value.lower(), build)


def url(chooser: Chooser, value: str) -> str:
    scheme = match.group() if (match := re.match(r"[a-z]+://", value, re.IGNORECASE)) else ""
    www = "www." if value[len(scheme) :].lower().startswith("www.") else ""
    host, slash, _ = value[len(scheme) :].partition("/")
    ending = _HOST_ENDINGS[chooser.number("host", host.lower(), len(_HOST_ENDINGS))]
    site = chooser.like("site", "aaaaaa" if not slash else folded(host)[:6].ljust(6, "a"))

    def build(attempt: int) -> str:
        page = f"/{chooser.number('page', value, 16**6, attempt):06x}" if slash else ""
        name = site if not attempt else f"{site}{attempt}"
        return f"{scheme}{www}{name}.{ending}{page}"

    return chooser.make("url", value.lower(), build)


def ip(chooser: Chooser, value: str) -> str:
    """From the nets kept for documents: RFC 5737 and RFC 3849."""
    if ":" in value:
        return chooser.make(
            "ip",
            value.lower(),
            lambda attempt: f"2001:db8::{chooser.number('ip', value.lower(), 1 << 16, attempt):x}",
        )

    def build(attempt: int) -> str:
        number = chooser.number("ip", value, 254 * len(_DOCUMENTATION_NETS), attempt)
        return f"{_DOCUMENTATION_NETS[number // 254]}.{number % 254 + 1}"

    return chooser.make("ip", value, build)


def age(value: str) -> str:
    """Every age over 89 alike. Raises NoSurrogate for a younger one that a reviewer marked."""
    if (number := re.search(r"\d+", value)) and int(number.group()) < 90:
        raise NoSurrogate("age")
    return f"person {OVER_89}" if "arian" in value.lower() else OVER_89
