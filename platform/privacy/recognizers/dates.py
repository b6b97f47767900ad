"""Dates finer than a year, written or spoken. Bare years, weekdays and "last Tuesday" are not identifiers."""

import re

from privacy.kinds import Kind
from privacy.rules import Rule, RuleRecognizer, rule

_LONG = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
MONTH = rf"(?:{_LONG}|(?:{_SHORT})\b\.?)"
_CLEAR_MONTH = "(?:January|February|April|June|July|August|September|October|November|December)"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:\s?(?:st|nd|rd|th))?"
_YEAR = r"(?:(?:1[89]|20)\d\d|['’]\d\d)"
_WEEKDAY = r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\.?,?\s+)"
_ORDINAL = (
    r"(?:twenty|thirty)[\s-](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|twentieth|"
    r"nineteenth|eighteenth|seventeenth|sixteenth|fifteenth|fourteenth|thirteenth|twelfth|eleventh|tenth|ninth|"
    r"eighth|seventh|sixth|fifth|fourth|third|second|first"
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_SMALL = rf"(?:(?:{_TENS})(?:[\s-](?:{_ONES}))?|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|(?:oh?[\s-])?(?:{_ONES}))"
_SPOKEN_YEAR = rf"(?:two\s+thousand(?:\s+(?:and\s+)?{_SMALL})?|(?:nineteen|twenty)[\s-]+(?:hundred|{_SMALL}))"
_ANY_YEAR = rf"(?:{_YEAR}|{_SPOKEN_YEAR})"
_TIME = r"(?:(?:T|,?\s+(?:at\s+)?)\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\s?[+-]\d\d:?\d\d)?)"
_M = r"(?:1[0-2]|0?[1-9])"
_D = r"(?:3[01]|[12]\d|0?[1-9])"
_FREE = r"(?<![\w/.,+-])(?<!\d[ ])"  # not the tail of a longer number, fraction or version
_END = r"(?![\w/]|[.,-]\d)"

# "3/5" is a date only where something says so: it may as well be strength, pain, a murmur or half a tablet.
_CUE = (
    r"(?:\b(?:on|since|from|until|till|dated?|by|before|after|as\ of|of|between|through|starting|beginning|due|seen|"
    r"visit|admitted|admit|admission|discharged?|d/c|dob|d\.o\.b\.?|born|birth|birthday|exam|follow[\s-]?up|f/u|"
    r"appointment|appt|scheduled|performed|collected|drawn|received|signed|filed|seen\ on|lmp|onset|refill(?:ed)?|"
    r"expires?|effective|last\ (?:seen|visit|dose|period|menstrual\ period)))"
    r"\s*[:=,(-]?\s*(?:was\s+|is\s+|on\s+|the\s+)?"
)
_NOT_A_DATE = (
    r"(?!\s*(?:%|percent|pain|strength|motor|in\ (?:all|strength|severity|intensity)|on\ (?:a|the)\ (?:pain|scale)|scale|"
    r"(?:holo|pan)?systolic|diastolic|murmur|tablets?|tabs?|pills?|caps(?:ules)?|cup|inch|mile|strips?|dose|"
    r"reflex|pulses?|bilateral|throughout|power|sibs?|ejection|mg|ml|tsp|teaspoon|pack|ppd|hour|of\ (?:a|an|the)\b|positive|negative|points?))"
)


def _either_order(match: re.Match[str]) -> bool:
    first, second = (int(part) for part in re.split(r"\D+", match["phi"])[:2])
    return 1 <= min(first, second) <= 12 and max(first, second) <= 31


RULES: tuple[Rule, ...] = (
    # March 3rd, 2021; Sept. 1-3; Monday, May 3
    rule(
        Kind.DATE,
        rf"""\b{_WEEKDAY}? {MONTH} \s* (?:the\s+)? {_DAY} (?:\s?(?:-|–|to|through|and|&)\s?{_DAY})? (?![\d/:]|\.\d|\s?(?:mg|mcg|ml|percent|%))
             (?: (?:,\s*|\s+|\s*,?\s*of\s+|-)? {_YEAR}\b )? {_TIME}?""",
        score=0.95,
        flags=re.IGNORECASE,
        check=lambda m: (
            not re.match(r"(?:may|mar|march|sat|sun|dec)\b", m["phi"])
            or bool(re.search(r"(?:st|nd|rd|th)\b|\d{4}", m["phi"]))
        ),
    ),
    # 3rd of March 2021; 5 Jan 2021; 12-Mar-2020
    rule(
        Kind.DATE,
        rf"""(?<![\w/.,-]) {_WEEKDAY}? (?:the\s+)? {_DAY} (?:\s+of\s+|\s*[-/]?\s*) {MONTH} (?: [\s,]*(?:of\s+|[-/]\s*)? {_YEAR} | -\d\d )? \b {_TIME}?""",
        score=0.94,
        flags=re.IGNORECASE,
        check=lambda m: not re.search(r"\d\s*(?:may|march|mar|dec|sat|sun)$", m["phi"]),
    ),
    # the third of May; May third, two thousand nine
    rule(
        Kind.DATE,
        rf"\b(?:the\s+)?(?:{_ORDINAL})\s+(?:day\s+)?of\s+(?:{_LONG})(?:,?\s+(?:of\s+)?{_ANY_YEAR})?\b",
        score=0.95,
        flags=re.IGNORECASE,
    ),
    rule(
        Kind.DATE,
        rf"\b{_WEEKDAY}?(?:{_LONG})\s+(?:the\s+)?(?:{_ORDINAL}|{_SMALL})(?:,?\s+(?:of\s+)?{_ANY_YEAR})?\b",
        score=0.95,
        flags=re.IGNORECASE,
        check=lambda m: not re.match(r"(?:may|march)\s+(?!the\b)(?!\w*(?:st|nd|rd|th)\b)", m["phi"]),
    ),
    # May 2021; August of two thousand eight; Sept '19
    rule(
        Kind.DATE,
        rf"\b(?:{MONTH}(?:\s*,?\s*of\s+|\s*,\s*|\s+|[-/]){_ANY_YEAR}|{MONTH}\s*(?:-|–|to|through|and)\s*{MONTH}\s+{_YEAR})\b",
        score=0.93,
        flags=re.IGNORECASE,
    ),
    # in March, since mid-January, last August: a month is an element of a date
    rule(
        Kind.DATE,
        rf"\b(?:in|since|until|till|during|by|from|of|after|before|around|about|last|this|next|past|previous|early|late|mid|middle\ of|end\ of|beginning\ of)(?:\s+(?:the\s+)?(?:early|late|mid|end\ of|beginning\ of|middle\ of))?[\s-]+(?P<phi>{_LONG})\b(?!\s+(?:[A-Z]|be\b|have\b|not\b|need\b))",
        score=0.7,
    ),
    rule(
        Kind.DATE,
        rf"\b(?P<phi>{_CLEAR_MONTH.lower()})\b",
        score=0.6,
        check=lambda m: (
            not re.match(r"\s+(?:\w+\s)?(?:decision|appearance)", m.string[m.end() : m.end() + 20])
        ),
    ),
    rule(
        Kind.DATE,
        rf"\b(?P<phi>{_CLEAR_MONTH})\b(?!\s+[A-Z][a-z])(?<!\bDr\.\s)",
        score=0.5,
        check=lambda m: m["phi"] not in {"April", "June", "August"},
    ),
    # 2021-05-03, 2021/5/3, 2021-05-03T10:00
    rule(Kind.DATE, rf"{_FREE}(?:1[89]|20)\d\d([-/.]){_M}(\2){_D}{_TIME}?(?![\d/])", score=0.95),
    # 3/5/2021, 12-12-2022, 31.12.21
    rule(
        Kind.DATE,
        rf"{_FREE}\d{{1,2}}\s?([-/.])\s?\d{{1,2}}\s?\2\s?(?:(?:1[89]|20)\d\d|\d\d){_TIME}?(?![\w/-])",
        score=0.95,
        check=_either_order,
    ),
    # 05/2021
    rule(Kind.DATE, rf"{_FREE}{_M}[/-](?:19|20)\d\d{_END}", score=0.85),
    # 05/03 (two digits each); 3/5 where something says so
    rule(
        Kind.DATE, rf"{_FREE}(?:0[1-9]/(?:0[1-9]|[12]\d|3[01])|1[0-2]/0[1-9]){_END}{_NOT_A_DATE}", score=0.8
    ),
    rule(
        Kind.DATE,
        rf"{_CUE}(?P<phi>{_M}[/]{_D}(?:\s?[-–]\s?{_M}/{_D})?){_END}{_NOT_A_DATE}",
        score=0.8,
        flags=re.IGNORECASE,
    ),
    rule(
        Kind.DATE,
        rf"\b(?:dob|birth|born|date|dated|admitted|discharged|expires?|exp)\b\W{{0,4}}(?:on\s+|is\s+|of\s+)?(?P<phi>{_M}[-.]{_D}){_END}",
        score=0.7,
        flags=re.IGNORECASE,
    ),
    # 20210503, 202105031230 as HL7 writes them
    rule(
        Kind.DATE,
        r"(?<![\w.-])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?(?![\w-]|\.\d)",
        score=0.6,
    ),
    # on the 15th
    rule(
        Kind.DATE,
        r"\b(?:on|since|until|by|from|before|after)\s+the\s+(?P<phi>(?:3[01]|[12]?\d)(?:st|nd|rd|th))(?=\s*(?:[.,;:)?!]|$|of\s+(?:this|last|next|the)\s+month|at\s+\d))",
        score=0.7,
    ),
    # Holidays with a day of their own
    rule(
        Kind.DATE,
        r"\b(?:on|since|before|after|until|around|by)\s+(?P<phi>Christmas(?:\s+(?:Day|Eve))?|New\s+Year['’]?s(?:\s+(?:Day|Eve))?|Halloween|Valentine['’]?s(?:\s+Day)?|Thanksgiving(?:\s+Day)?|Independence\s+Day|Labor\s+Day|Memorial\s+Day|Veterans\s+Day|St\.?\s+Patrick['’]?s\s+Day|Easter(?:\s+Sunday)?)\b",
        score=0.7,
    ),
)


def build() -> RuleRecognizer:
    return RuleRecognizer("dates", RULES)
