"""Ways to reach someone: telephone, fax, email, web address, IP address."""

import ipaddress
import re

from privacy.kinds import Kind
from privacy.rules import Rule, RuleRecognizer, rule

_EXTENSION = r"(?:\s*,?\s*(?:ext\.?|extension|x)\s*\d{1,6})?"
_US = rf"(?:\+?1[\s.-]?)?(?:\(\d{{3}}\)[\s.-]?|\d{{3}}[\s.-])\d{{3}}[\s.-]\d{{4}}{_EXTENSION}"
_LOOSE = rf"(?:\+|00)?\(?\d[\d\s().-]{{4,18}}\d{_EXTENSION}"
_FREE = r"(?<![\w.+#/-])(?<!\d[ ])"
_END = r"(?!\w|-\d|\.\d)"
_BETWEEN = r"(?:\s*(?:number|no|num|nbr|line|is|was|at|on|me|him|her|us|them|back|please|currently|now)\b\.?|[\s:#=()-])*?"
_PHONE_CUE = r"\b(?:tele(?:phone)?s?|tel|ph|phones?|mobile|cell(?:\s?phone)?|pager|beeper|call(?:ed|ing)?|call\s+back|callback|contact|desk|office|home|work|text(?:ed)?|reach(?:ed)?|whatsapp|hotline|dial|emergency)\b\.?"
_FAX_CUE = r"\b(?:fax(?:ed)?|facsimile|f:)"
_TLD = r"(?:com|org|net|edu|gov|mil|int|info|biz|io|co|us|uk|ca|de|fr|it|es|nl|se|no|dk|fi|pl|cz|hu|ch|at|be|pt|br|mx|au|nz|in|ie|ru|eu|me|health|care|clinic|med|doctor|app|online|site|example|test|local)"


def _enough_digits(match: re.Match[str]) -> bool:
    return 7 <= sum(map(str.isdigit, match["phi"])) <= 18


def _is_ip(match: re.Match[str]) -> bool:
    try:
        ipaddress.ip_address(match["phi"])
    except ValueError:
        return False
    return True


def _no_version(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 12) : match.start()].casefold()
    return _is_ip(match) and not re.search(r"(?:version|firmware|v|rev)\.?\s*$", before)


RULES: tuple[Rule, ...] = (
    rule(Kind.EMAIL, r"(?<![\w.+-])[\w.+'-]{1,64}\s?@\s?(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,24}\b", score=1.0),
    rule(
        Kind.EMAIL,
        r"(?<![\w.])[\w.]{1,64}(?:\s+dot\s+[\w]{1,64})?\s+at\s+[\w-]{1,64}\s+dot\s+(?:com|org|net|edu|gov)\b",
        score=0.95,
        flags=re.IGNORECASE,
    ),
    rule(
        Kind.FAX,
        rf"{_FAX_CUE}{_BETWEEN}(?P<phi>{_LOOSE}){_END}",
        score=0.97,
        flags=re.IGNORECASE,
        check=_enough_digits,
    ),
    rule(
        Kind.PHONE,
        rf"{_PHONE_CUE}{_BETWEEN}(?P<phi>{_LOOSE}){_END}",
        score=0.9,
        flags=re.IGNORECASE,
        check=_enough_digits,
    ),
    rule(Kind.PHONE, rf"{_FREE}{_US}{_END}", score=0.92, flags=re.IGNORECASE),
    # +46 (0)157 548 89, 001-253-366-9781
    rule(
        Kind.PHONE,
        rf"(?<![\w.#/-])(?P<phi>(?:\+\d|00\d)[\d\s().-]{{6,18}}\d{_EXTENSION}){_END}",
        score=0.85,
        check=_enough_digits,
    ),
    # (99) 645-791, 0490 75 40 81, 21 253 109 8211: three or more groups, as numbers outside the US are written
    rule(
        Kind.PHONE,
        rf"{_FREE}(?:\(\d{{2,4}}\)\s?|0\d{{1,4}}[ .-])\d{{2,4}}(?:[ .-]\d{{2,5}}){{1,3}}{_END}",
        score=0.7,
        check=_enough_digits,
    ),
    rule(
        Kind.PHONE,
        rf"{_FREE}\d{{2,3}}(?:([ .-])\d{{2,4}})(?:\2\d{{2,4}}){{1,3}}{_END}(?!\s*(?:mg|mcg|ml|units|cells|mm|cm|kg))",
        score=0.6,
        check=_enough_digits,
    ),
    rule(
        Kind.PHONE,
        rf"{_FREE}(?:\d{{3}}\ \d{{4}}|\d{{2,4}}\ \d{{6,7}}|\d{{4}}\ \d{{4}}){_END}(?!\s*(?:mg|mcg|ml|units|cells|mm|cm|kg|hours|h\b))",
        score=0.55,
    ),
    rule(
        Kind.PHONE,
        rf"{_FREE}\d{{3}}-\d{{4}}{_EXTENSION}{_END}(?!\s*(?:mg|mcg|ml|units|cells|mm|cm|kg|calories|kcal))",
        score=0.6,
    ),
    rule(Kind.URL, r"\b(?:https?|ftp)://[^\s<>\"'\]]{0,2000}[\w/]", score=1.0, flags=re.IGNORECASE),
    rule(Kind.URL, r"(?<![@\w])www\.[^\s<>\"'\]]{0,2000}[\w/]", score=1.0, flags=re.IGNORECASE),
    rule(
        Kind.URL,
        rf"(?<![@\w./-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,4}}{_TLD}\b(?:/[^\s<>\"'\])]*[\w/])?(?!\.?\w)",
        score=0.8,
        check=lambda m: (
            "/" in m["phi"]
            or bool(re.search(r"\.(?:com|org|net|edu|gov|mil|info|io|health|clinic|care)$", m["phi"]))
        ),
    ),
    rule(Kind.IP, r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w:]|\.\d)", score=0.98, check=_no_version),
    rule(
        Kind.IP, r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])", score=0.98, check=_is_ip
    ),
)


def build() -> RuleRecognizer:
    return RuleRecognizer("contacts", RULES)
