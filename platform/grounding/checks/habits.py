"""Tobacco and alcohol: now, once or never? Nearly every note says so, in words that the patient did not use ("nonsmoker")."""

import re
from collections.abc import Iterator, Mapping, Sequence

from grounding.checks.people import names_relative
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.scopes import Stand
from grounding.told import answer_to

_SMOKING = r"smok(?:e[drs]?|ing)|tobacco|cigarettes?|cigars?|nicotine"
_DRINKING = r"alcohol(?:ic)?|drink(?:s|er|ing)?|beers?|wine|liquor|etoh"
_TOPICS = {
    topic: re.compile(rf"\b(?:non-?)?(?:{words})\b", re.IGNORECASE)
    for topic, words in {"tobacco": _SMOKING, "alcohol": _DRINKING}.items()
}
_STATES = {
    "never": r"\bnever\b|\blife-?long non-?",
    "once": r"\b(?:quit|quitting|stopped|gave (?:it |them )?up|former(?:ly)?|ex-?|used to|previous(?:ly)?|in the past|remote|any ?more|ago|sober|dry for)\b|\bex-?smoker",
    "unclear": r"\b(?:history|prior|unknown|abuse|smoked|drank|milk|water|fluids?|coffee|soda|juice|rubbing|pregnan\w+|second-?hand)\b",
    "no": r"\b(?:no|not|denie[sd]|denying|without|negative|doesn'?t|don'?t|n't)\b|\bnon-?(?=smok|drink|cig|etoh|alc)",
}
_FOUND = {state: re.compile(pattern, re.IGNORECASE) for state, pattern in _STATES.items()}
_TO_COME = re.compile(
    r"\b(?:to|on|try(?:ing)?|tried|attempt\w*|consider\w*|about|help\w*(?: (?:her|him|me|you|them))?)\s+(?:to\s+)?(?:quit\w*|stop\w*)",
    re.IGNORECASE,
)
""" "Working on quitting": not yet."""
_CLAUSE = re.compile(
    r"[.;?!]|\bbut\b|(?:,(?: and)?|\band\b)\s*(?=(?:he|she|they|i|we|you|is|are|quit|no|denies \w|does|drinks?|smokes?|occasional(?:ly)?|social(?:ly)?|former|current(?:ly)?)\b)",
    re.IGNORECASE,
)
"""A denial reaches over a list, and not to another verb."""
_WRONG: Mapping[str, frozenset[frozenset[str]]] = {
    "now": frozenset(map(frozenset, (["once"], ["never"], ["no"], ["once", "no"], ["never", "no"]))),
    "never": frozenset(map(frozenset, (["now"], ["once"], ["once", "no"], ["now", "once"]))),
    "no": frozenset(map(frozenset, (["now"],))),
    "once": frozenset(map(frozenset, (["now"], ["never"], ["never", "no"]))),
}
"""What a sentence says, and all that the record says, where the two cannot both be."""
Told = dict[str, list[tuple[str, tuple[int, int]]]]


def habits(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    told = record.once("habits", lambda: _told(record))
    results = []
    for topic, state, start, end in _read(sentence.text):
        held = told.get(topic, [])
        if frozenset(each for each, _ in held) in _WRONG[state]:
            place = start + sentence.start, end + sentence.start
            results.append(
                Finding(Category.NEGATION, How.CONTRADICTED, *place, tuple(p for _, p in held)[:3])
            )
    return results


def _read(text: str) -> Iterator[tuple[str, str, int, int]]:
    """(topic, state, start, end) of each mention of which it is clear."""
    for topic, pattern in _TOPICS.items():
        for match in pattern.finditer(text):
            before = [each.end() for each in _CLAUSE.finditer(text, 0, match.start())]
            after = _CLAUSE.search(text, match.end())
            clause = text[before[-1] if before else 0 : after.start() if after else len(text)]
            if (state := _state(clause)) != "unclear":
                yield topic, state, *match.span()


def _state(clause: str) -> str:
    if names_relative(clause):
        return "unclear"
    told = _TO_COME.sub("", clause)
    return next((state for state, pattern in _FOUND.items() if pattern.search(told)), "now")


def _told(record: Record) -> Told:
    """Of each topic all that the record says, a question by its answer."""
    found: Told = {}
    for number, line in enumerate(record.lines):
        following = record.lines[number + 1] if number + 1 < len(record.lines) else None
        for topic, state, start, end in _read(line.text):
            for each in _states_here(state, answer_to(record, number), following):
                found.setdefault(topic, []).append((each, (line.start + start, line.start + end)))
    return found


def _states_here(state: str, asked: Stand | None, following: Piece | None) -> list[str]:
    """None where a question is answered by other words than yes or no, unless they tell of once or never."""
    if asked is None or following is None:
        return [state] if asked is None else []
    said = _state(following.text)
    if said in {"once", "never"}:
        return [said]
    return {Stand.DENIED: ["no"], Stand.AFFIRMED: ["now"]}.get(asked, [])
