"""Numbers, doses, units, durations and ages: is this number, with this unit, in the record, and said of this?"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from grounding.checks.medications import drugs_of, read_drugs
from grounding.checks.neighbours import Group, around, groups, nearness
from grounding.checks.schedules import counts
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.quantities import DOSES, TIMES, UNITS, Quantity, quantities

_DOUBTED, _PROVEN = 0.1, 0.22
"""How much nearer to a number's words another number must stand than the same one."""
_UNSPOKEN = frozenset(("", "age", "bpm", "mmhg", "degree", "%", "mg", "mcg", "units"))
"""Units that people leave out: "your blood pressure is 130 over 80", "lisinopril 20"."""
_SPOKEN_APART = 60
"""Characters within which "three, four weeks" gives its first number the unit."""
_SPELLED = re.compile(r"(?:^|[^A-Za-z])[B-HJ-Z] $", re.IGNORECASE)
"""Before the number of a code that is spelled, such as "L five"."""
_IN_ONE = {
    ("day", "week"): 7, ("week", "month"): 4, ("month", "year"): 12, ("hour", "day"): 24, ("mg", "g"): 1000, ("mcg", "mg"): 1000,
}  # fmt: skip
"""How many of the first make one of the second, as people round it."""


def numbers(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    held = record.once("groups", lambda: _groups(record))
    found: list[Finding] = []
    for group in groups(quantities(sentence.text), sentence.text):
        for part in _parts(group, held, sentence.text):
            if finding := _dose_of_another(part.members[0], sentence, record) or _judged(
                part, held, sentence, record
            ):
                found.append(finding)
    return found


def _groups(record: Record) -> list[Group]:
    """The record's numbers; an implied one ("a", "first") counts where a unit follows."""
    every = [q for line in record.quantities for q in line]
    return [_with_unit(group) for group in groups(every, record.source)]


def _with_unit(group: Group) -> Group:
    """In "a week or two" the two are weeks."""
    units = {each.unit for each in group.members} - {""}
    if len(units) != 1 or len(group.members) == 1:
        return group
    return Group(tuple(replace(each, unit=next(iter(units))) for each in group.members))


def _parts(group: Group, held: Sequence[Group], text: str) -> list[Group]:
    """A pair such as 130/80 is one thing; a range may have been told in two parts."""
    members = [each for each in group.members if not each.is_year and not _is_of_a_schedule(each, text)]
    if len(members) > 1 and any(_agree(group, each) for each in held):
        return [group]
    if len(members) == 2 and members[1].value == "10":  # "like a six" is six of ten, with few words around it
        single = Group(tuple(members[:1]))
        return [] if any(_agree(single, each) for each in held) else [single]
    if len(members) > 1 and "/" in text[group.start : group.end]:
        return [group]
    return [Group((each,)) for each in members]


def _judged(claimed: Group, held: Sequence[Group], sentence: Piece, record: Record) -> Finding | None:
    words = around(claimed, sentence.text, record)
    last = claimed.members[-1]
    place = claimed.start + sentence.start, claimed.end + sentence.start
    near = {each: nearness(words, each, record) for each in held}
    same = [each for each in held if _agree(claimed, each) and _unit_is_said(last, each, record)]
    rivals = _nearest([each for each in held if each not in same and _is_rival(claimed, each, record)], near)
    if not same:
        alike = [each for each in held if _same_numbers(claimed, each) and not each.members[0].implied]
        alike = [each for each in alike if each.members[-1].unit] or alike
        other_unit = _nearest(alike if last.unit else [], near)
        if other_unit and (not rivals or near[other_unit[0]] >= near[rivals[0]]):
            return Finding(Category.UNIT, How.CONTRADICTED, *place, _places(other_unit))
        return Finding(_category(last), How.CONTRADICTED if rivals else How.ABSENT, *place, _places(rivals))
    if not words or not rivals:
        return None
    ahead = near[rivals[0]] - max(near[each] for each in same)
    if ahead < _DOUBTED:
        return None
    how = How.CONTRADICTED if ahead >= _PROVEN else How.ELSEWHERE
    return Finding(_category(last), how, *place, _places(rivals))


def _nearest(found: Sequence[Group], near: Mapping[Group, float]) -> list[Group]:
    return sorted(found, key=lambda each: -near[each])


def _places(found: Sequence[Group]) -> tuple[tuple[int, int], ...]:
    return tuple((each.start, each.end) for each in found[:3])


def _agree(claimed: Group, held: Group) -> bool:
    """Every number of the claim stands in the group, in order."""
    return _in_order(claimed, held, _agrees)


def _same_numbers(claimed: Group, held: Group) -> bool:
    return _in_order(claimed, held, _same_number)


def _in_order(claimed: Group, held: Group, meets: Callable[[Quantity, Quantity], bool]) -> bool:
    left = iter(held.members)
    return all(any(meets(each, other) for other in left) for each in claimed.members)


def _unit_is_said(claimed: Quantity, held: Group, record: Record) -> bool:
    """A bare number is a duration or a length only where the unit stands beside it."""
    if claimed.unit in _UNSPOKEN or any(each.unit for each in held.members):
        return True
    beside = record.source[max(0, held.start - _SPOKEN_APART) : held.end + _SPOKEN_APART]
    return any(UNITS.get(word.lower()) == claimed.unit for word in re.findall(r"[A-Za-z]+", beside))


def _is_rival(claimed: Group, held: Group, record: Record) -> bool:
    """Of one kind: could the record have said this one of the same thing?"""
    wanted, other = claimed.members[-1].unit, held.members[-1].unit
    if held.members[-1].implied and record.source[held.start : held.start + 3].lower() == "few":
        return False
    if not other and (held.members[-1].implied or _SPELLED.search(record.source[: held.start][-3:])):
        return False
    if wanted == "age":
        return other == "age"
    if wanted in TIMES or other in TIMES:
        return wanted in TIMES and other in TIMES
    if wanted in DOSES or other in DOSES:
        return wanted in DOSES and other in DOSES
    return other == wanted or (wanted != "%" and not (other and wanted))


def _dose_of_another(claimed: Quantity, sentence: Piece, record: Record) -> Finding | None:
    """The record gives the drug that this dose is said of other doses, and not this one."""
    before = [name for name, _, end in read_drugs(sentence.text) if end <= claimed.start]
    if claimed.unit not in DOSES or not before:
        return None
    given = _doses(before[-1], record)
    rivals = [q for q in given if q.unit == claimed.unit]
    if not rivals or any(_agrees(claimed, q) for q in given):
        return None
    places = tuple((q.start, q.end) for q in rivals)[:3]
    return Finding(
        Category.DOSE, How.CONTRADICTED, claimed.start + sentence.start, claimed.end + sentence.start, places
    )


def _doses(drug: str, record: Record) -> list[Quantity]:
    """The numbers that may be the drug's dose, with or without a unit: those of the lines that name it."""
    places = [start for name, start, _ in drugs_of(record) if name == drug]
    return [
        q
        for line, held in zip(record.lines, record.quantities, strict=True)
        if any(line.start <= place < line.end for place in places)
        for q in held
        if q.unit in DOSES or not (q.unit or q.implied)
    ]


def _is_of_a_schedule(claimed: Quantity, text: str) -> bool:
    """In "three times a day", which the check of schedules reads."""
    return any(start <= claimed.start < end for start, end in counts(text))


def _same_number(claimed: Quantity, held: Quantity) -> bool:
    return bool(set(claimed.readings[:1]) & set(held.readings)) or held.value in claimed.readings[:1]


def _agrees(claimed: Quantity, held: Quantity) -> bool:
    if _same_number(claimed, held):
        if (held.implied and not held.unit and claimed.unit) or (
            not claimed.unit and held.unit in TIMES | {"age"}
        ):
            return False
        return not claimed.unit or not held.unit or _units_meet(claimed.unit, held.unit)
    return _converted(claimed, held)


def _units_meet(one: str, other: str) -> bool:
    return one == other or {one, other} == {"age", "year"}


def _converted(claimed: Quantity, held: Quantity) -> bool:
    """2 weeks are 14 days, 1000 mg are 1 g."""
    if not claimed.unit or not held.unit:
        return False
    one, other = _value(claimed), _value(held)
    for (small, large), times in _IN_ONE.items():
        if (claimed.unit, held.unit) == (small, large) and one == other * times:
            return True
        if (held.unit, claimed.unit) == (small, large) and other == one * times:
            return True
    return False


def _value(quantity: Quantity) -> float:
    return float(quantity.value)


def _category(claimed: Quantity) -> Category:
    if claimed.is_age:
        return Category.AGE
    if claimed.unit in DOSES:
        return Category.DOSE
    return Category.DATE if claimed.unit in TIMES else Category.NUMBER
