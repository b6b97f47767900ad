"""How often: "once daily", "b.i.d.", "every six hours", "at bedtime" are read as one of a few schedules."""

import re
from collections.abc import Sequence

from grounding.checks.medications import drugs_of, read_drugs
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece

_N = r"(?:one|two|three|four|five|six|eight|twelve|\d{1,2})"
_VALUES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "twelve": 12}
_EACH = r"(?:a|an|per|each|every)"
_FIXED = {
    r"(?:twice|two times) (?:a week|weekly|per week|each week)": "2/week",
    r"three times (?:a week|weekly|per week|each week)": "3/week",
    r"twice (?:a day|daily|per day|each day|every day)|two times (?:a day|daily|per day)|\bb\.? ?i\.? ?d\b\.?|morning and (?:night|evening)": "2/day",
    r"three times (?:a day|daily|per day)|thrice daily|\bt\.? ?i\.? ?d\b\.?|with (?:each|every) meal": "3/day",
    r"four times (?:a day|daily|per day)|\bq\.? ?i\.? ?d\b\.?": "4/day",
    r"every other day|\bq\.? ?o\.? ?d\b\.?|alternate days": "1/2day",
    r"at bedtime|before bed|nightly|\bq\.? ?h\.? ?s\b\.?|(?:every|each|at) night|every evening|once (?:a|per|each) night": "night",
    r"every morning|each morning": "morning",
    r"once (?:a|per|each|every) week|once weekly|\bweekly\b|every week\b": "1/week",
    r"once (?:a|per|each|every) month|once monthly|\bmonthly\b|every month\b": "1/month",
    r"once (?:a|per|each) year|once yearly|\byearly\b|annually|every year\b": "1/year",
    r"as needed|\bp\.? ?r\.? ?n\b\.?|when needed|if needed": "needed",
    r"once (?:a|per|each|every) day|once daily|one time (?:a|per) day|every day\b|each day\b|\bdaily\b|per day\b|(?<!of )a day\b|\bq\.? ?d\b\.?|q\.? ?day": "1/day",
}  # fmt: skip
_PATTERN = re.compile(
    "|".join(f"(?P<f{n}>{pattern})" for n, pattern in enumerate(_FIXED))
    + rf"|(?P<times>\b(?P<count>{_N}|several|couple of) times (?:(?:a|per|each) (?P<span>day|week|month|year)\b|(?P<daily>daily)\b))"
    + rf"|(?P<hours>\b(?:every|q\.?) ?(?P<low>{_N})(?: ?(?:to|-) ?{_N})? ?(?P<unit>hours?|hrs?|h\b|weeks?|months?|days?))",
    re.IGNORECASE,
)
# Said of the same schedule, or of one that holds it: "at bedtime" is once a day.
_WITHIN = {"night": {"1/day", "night, not taken"}, "morning": {"1/day", "morning, not taken"}, "1/day": {"night", "morning"}, "2/day": {"every 12 hour"}, "3/day": {"every 8 hour"}, "4/day": {"every 6 hour"}}  # fmt: skip

_TAKEN = re.compile(
    r"\b(?:tak(?:e|es|en|ing)|took|us(?:e|es|ed|ing)|pills?|tablets?|caps(?:ule)?s?|doses?|dosage|drops?|sprays?|puffs?|inject\w*|appl(?:y|ied|ies)|insulin"
    r"|inhaler|medic\w+|prescri\w+|start\w*|give[ns]?|milligrams?|mgs?|units?|micrograms?|mcgs?)\b|\d ?mg\b",
    re.IGNORECASE,
)
"""Words of a line about something taken. "Does it hurt at night?" is no schedule of a drug."""


def schedules(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    claimed = _read(sentence.text, sentence.start)
    if not claimed:
        return []
    near = [found for n in _around(record, evidence) for found in _line(record, n)]
    everywhere = {schedule for n in range(len(record.lines)) for schedule, *_ in _line(record, n)}
    results = []
    for schedule, start, end in claimed:
        own = _of_the_drug(sentence.text[: start - sentence.start], record)
        if own and schedule != "needed" and not any(_meet(schedule, other) for other, *_ in own):
            places = tuple((first, last) for _, first, last in own)[:3]
            results.append(Finding(Category.FREQUENCY, How.CONTRADICTED, start, end, places))
            continue
        if any(_meet(schedule, other) for other, *_ in near):
            continue
        rivals = tuple((first, last) for other, first, last in near if other != "needed")[:3]
        if schedule == "needed":  # a doctor's to add, and seldom said
            how = How.ELSEWHERE
        elif any(_meet(schedule, other) for other in everywhere):
            how = How.CONTRADICTED if rivals else How.ELSEWHERE
        else:
            how = How.CONTRADICTED if rivals else How.ABSENT
        results.append(Finding(Category.FREQUENCY, how, start, end, rivals))
    return results


def counts(text: str) -> list[tuple[int, int]]:
    """Where the numbers of its schedules stand. The second of "every 6 to 8 hours" is in no schedule, and not among them."""
    return [match.span("low") if match["hours"] else match.span() for match in _PATTERN.finditer(text)]


def _around(record: Record, evidence: Sequence[int]) -> list[int]:
    """The evidence and the lines beside it: how often is often the answer in the next line."""
    wanted = {n + step for n in evidence for step in (-1, 0, 1)}
    return sorted(wanted & set(range(len(record.lines))))


def _of_the_drug(before: str, record: Record) -> list[tuple[str, int, int]]:
    """How often the record says to take the drug that was named last; empty where its lines leave any doubt.

    That is the schedules between its name and the next drug's, on its own line, if there is one wherever it is dosed.
    """
    named = read_drugs(before)
    if not named:
        return []
    drugs = drugs_of(record)
    found: list[tuple[str, int, int]] = []
    for n, line in enumerate(record.lines):
        within = [each for each in drugs if line.start <= each[1] < line.end]
        for at, (name, start, end) in enumerate(within):
            if name != named[-1][0]:
                continue
            until = within[at + 1][1] if at + 1 < len(within) else line.end
            if not at and any(first < start for _, first, _ in _line(record, n)):
                return []  # "twice a day you take metformin"
            found += [each for each in _line(record, n) if end <= each[1] < until and each[0] != "needed"]
    return found


def _line(record: Record, number: int) -> list[tuple[str, int, int]]:
    line = record.lines[number]

    def read() -> list[tuple[str, int, int]]:
        found = _read(line.text, line.start)
        if _TAKEN.search(line.text):
            return found
        times = ("night", "morning")
        return [(f"{each}, not taken" if each in times else each, start, end) for each, start, end in found]

    return record.once(("schedules", number), read)


def _read(text: str, offset: int) -> list[tuple[str, int, int]]:
    """(schedule, start, end) of each mention."""
    return [
        (_schedule(match), match.start() + offset, match.end() + offset) for match in _PATTERN.finditer(text)
    ]


def _schedule(match: re.Match[str]) -> str:
    if match["times"]:
        return f"{_number(match['count'])}/{(match['span'] or 'day').lower()}"
    if match["hours"]:
        unit = match["unit"].lower()
        return f"every {_number(match['low'])} {'hour' if unit[0] == 'h' else unit.rstrip('s')}"
    return next(value for n, value in enumerate(_FIXED.values()) if match[f"f{n}"])


def _number(word: str) -> str:
    return str(_VALUES.get(word.lower(), word.lower()))


def _meet(one: str, other: str) -> bool:
    return one == other or other in _WITHIN.get(one, ()) or one in _WITHIN.get(other, ())
