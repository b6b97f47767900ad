"""Ages over 89, and nothing younger: 45 CFR 164.514(b)(2)(i)(C)."""

import re

from privacy.kinds import Kind
from privacy.rules import Rule, RuleRecognizer, rule

_OVER_89 = r"(?:9\d|1[01]\d|12[0-5])"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_SPOKEN = rf"(?:ninety(?:[\s-](?:{_ONES}))?|(?:a|one)[\s-]hundred(?:[\s-]and)?(?:[\s-](?:{_ONES}|ten|eleven|twelve))?)"

_NO_UNIT = r"(?!\s*(?:%|percent|mg|mcg|kg|lbs?|pounds|mmhg|beats|bpm|degrees|minutes|mins?|seconds|hours|days|weeks|months|miles|feet|ml|cc|units|over|on\s+room|out\s+of|to\s+\d|/|\.\d|-\d|°|times|calories|grams|milli|dollars))"

RULES: tuple[Rule, ...] = (
    rule(
        Kind.AGE,
        rf"""(?<![\d./:-]) (?P<phi> (?:{_OVER_89}|\b{_SPOKEN}) )
             [\s-]* (?: y[./]?o\b | yrs?[\s.-]*old | years?[\s-]*old | year[\s-]old | y/o | (?:yrs?|years?)[\s-]+of[\s-]+age )""",
        score=0.95,
        flags=re.IGNORECASE,
        check=lambda m: m["phi"].casefold() != "ninety",
    ),
    rule(
        Kind.AGE,
        rf"""\b (?: aged? | age\s+(?:is|of|at\s+\w+) | age\s*[:=] | turn(?:s|ed|ing) | (?:i\ am|i'm|he's|she's|he\ is|she\ is) )
             \s+ (?: now\s+ | almost\s+ | about\s+ )? (?P<phi>{_OVER_89}|{_SPOKEN}) \b
             (?! \s*(?: % | percent | mg | mcg | kg | lbs? | pounds | mmhg | beats | bpm | degrees | minutes | days | weeks | over | /\d | \.\d ) )""",
        score=0.9,
        flags=re.IGNORECASE,
        check=lambda m: m["phi"].casefold() != "ninety",
    ),
    rule(
        Kind.AGE,
        rf"(?<![\w./-]) (?P<phi>{_OVER_89}) \s* (?:[MF]\b | (?:male|female|man|woman|gentleman|lady)\b)",
        score=0.9,
    ),
    rule(
        Kind.AGE, r"\b(?:his|her|their)\s+(?:early\s+|mid[\s-]*|late\s+)?(?P<phi>90'?s|nineties)\b", score=0.9
    ),
    # Rose Miller (92); M.Y., 93, man; this woman of 94; "And your age?" "Patient: 93."
    rule(Kind.AGE, rf"[A-Za-z.]\s?\((?P<phi>{_OVER_89})\)", score=0.8),
    rule(
        Kind.AGE,
        rf"(?i:[A-Za-z.]\s?,\s(?P<phi>{_OVER_89})\s?,)",
        score=0.8,
    ),
    rule(Kind.AGE, rf"\b(?i:man|woman|lady|gentleman|patient)\s+of\s+(?P<phi>{_OVER_89})\b", score=0.85),
    rule(
        Kind.AGE,
        rf"(?i:\b(?:your\s+age|how\s+old)\b[^\n?]{{0,30}}\?\s*[^\n:]{{0,20}}:\s*(?:i['’]?m\s+|i\s+am\s+)?(?P<phi>{_OVER_89}))\b",
        score=0.9,
    ),
    # "lived to be 94", "you look great for ninety-two", "my mom is 96 and still drives"
    rule(
        Kind.AGE,
        rf"\b(?:(?:lived|made\s+it|got|going|up)\s+to(?:\s+be)?|(?:look|looks|looking|doing|great|good|well|spry|sharp|fit)\s+for|turning|"
        rf"(?:mom|mother|dad|father|grandmother|grandfather|grandma|grandpa|aunt|uncle|wife|husband|sister|brother|neighbou?r|she|he|i|who)(?:\s+is|['’]s|['’]m|\s+am|\s+was)(?:\s+(?:now|already|almost|only|about|still))?)"
        rf"\s+(?P<phi>{_OVER_89}|{_SPOKEN})\b{_NO_UNIT}",
        score=0.75,
        flags=re.IGNORECASE,
        check=lambda m: (
            (m["phi"].casefold() != "ninety" and "hundred" not in m["phi"].casefold())
            or bool(re.search(r"(?:lived|made)\b|\band\b", m.group(), re.IGNORECASE))
        ),
    ),
    rule(
        Kind.AGE,
        rf"\b(?:turn(?:s|ed|ing)|(?:lived|made\s+it)\s+to(?:\s+be)?)\s+(?P<phi>ninety)\b{_NO_UNIT}",
        score=0.8,
        flags=re.IGNORECASE,
    ),
    rule(Kind.AGE, r"\b(?P<phi>centenarian|nonagenarian)s?\b", score=0.8, flags=re.IGNORECASE),
)


def build() -> RuleRecognizer:
    return RuleRecognizer("ages", RULES)
