"""Numbers, doses, units, durations and ages: is this number, with this unit, in the record, and said of this?"""

import re
from collections.abc import Sequence

from grounding.checks.medications import read_drugs
from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.quantities import DOSES, TIMES, Quantity, quantities
from grounding.terms import terms

_ANCHOR, _BEFORE, _AFTER, _PAIR = 3, 25, 40, 30
"""Words of an anchor; characters before and after it in which its number is looked for, and further the second of a pair."""
_IN_ONE = {
    ("day", "week"): 7, ("week", "month"): 4, ("month", "year"): 12, ("hour", "day"): 24, ("mg", "g"): 1000, ("mcg", "mg"): 1000,
}  # fmt: skip
"""How many of the first make one of the second, as people round it."""


def numbers(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    near = [q for n in around(record, evidence) for q in record.quantities[n]]
    everywhere = [q for line in record.quantities for q in line]
    return [
        finding
        for claimed in quantities(sentence.text)
        if not _is_year(claimed)
        and (
            finding := _dose_of_another(claimed, sentence, record)
            or _judged(claimed, sentence.start, near, everywhere)
            or _other_beside_it(claimed, sentence, record)
        )
    ]


def _other_beside_it(claimed: Quantity, sentence: Piece, record: Record) -> Finding | None:
    """The record names what the number is said of, and another number stands there: "heart rate 90" of "a heart rate of 84"."""
    anchor = _anchor(claimed, sentence.text)
    # The second of "127/80" stands behind the first.
    after = _AFTER + (_PAIR if re.search(r"\d\s*/\s*$", sentence.text[: claimed.start]) else 0)
    beside = [q for n in record.holding(anchor) for q in _beside(anchor, record, n, after)] if anchor else []
    written = [
        q for q in beside if len(record.source[q.start : q.end]) > 1 or record.source[q.start].isdigit()
    ]
    rivals = [q for q in written if q.unit == claimed.unit or not (q.unit and claimed.unit)]
    if not rivals or any(_same_number(claimed, q) for q in beside):
        return None
    places = tuple((q.start, q.end) for q in rivals)[:3]
    how = How.CONTRADICTED if len(anchor) > 1 else How.ELSEWHERE
    return Finding(
        _category(claimed), how, claimed.start + sentence.start, claimed.end + sentence.start, places
    )


def _anchor(claimed: Quantity, text: str) -> frozenset[str]:
    """What a number is said of: up to three content words before it in its clause, else the two after it."""
    clause = re.split(r"[,;.]\s", text[: claimed.start])[-1]
    before = [term.form for term in terms(clause) if term.form[0].isalpha()][-_ANCHOR:]
    after = [
        term.form for term in terms(re.split(r"[,;.]\s", text[claimed.end :])[0]) if term.form[0].isalpha()
    ][:2]
    return frozenset(before or after)


def _beside(anchor: frozenset[str], record: Record, number: int, after: int) -> list[Quantity]:
    """A line's numbers that stand a few words from the anchor's."""
    places = [(term.start, term.end) for term in record.terms[number] if term.form in anchor]
    first, last = min(start for start, _ in places), max(end for _, end in places)
    return [q for q in record.quantities[number] if first - _BEFORE <= q.start <= last + after]


def _dose_of_another(claimed: Quantity, sentence: Piece, record: Record) -> Finding | None:
    """The record gives the drug that this dose is said of other doses, and not this one."""
    before = [name for name, _, end in read_drugs(sentence.text) if end <= claimed.start]
    if claimed.unit not in DOSES or not before:
        return None
    named = record.once("drugs", lambda: read_drugs(record.source))
    places = [start for name, start, _ in named if name == before[-1]]
    given = [
        q
        for line, held in zip(record.lines, record.quantities, strict=True)
        if any(line.start <= place < line.end for place in places)
        for q in held
        if q.unit == claimed.unit
    ]
    if not given or any(_agrees(claimed, q) for q in given):
        return None
    rivals = tuple((q.start, q.end) for q in given)[:3]
    return Finding(
        Category.DOSE, How.CONTRADICTED, claimed.start + sentence.start, claimed.end + sentence.start, rivals
    )


def _is_year(claimed: Quantity) -> bool:
    """Of the calendar, which the check of dates reads."""
    return not claimed.unit and re.fullmatch(r"(?:19|20)\d\d", claimed.value) is not None


def around(record: Record, evidence: Sequence[int]) -> list[int]:
    """The evidence and the lines beside it: a number is often the answer in the next line."""
    wanted = {n + step for n in evidence for step in (-1, 0, 1)}
    return sorted(wanted & set(range(len(record.lines))))


def _judged(
    claimed: Quantity, offset: int, near: list[Quantity], everywhere: list[Quantity]
) -> Finding | None:
    place = claimed.start + offset, claimed.end + offset
    if any(_agrees(claimed, q) for q in near):
        return _other_unit(claimed, place, near)
    rivals = tuple((q.start, q.end) for q in near if q.unit and q.unit == claimed.unit)[:3]
    if any(_agrees(claimed, q) for q in everywhere):
        how = How.CONTRADICTED if rivals and claimed.unit in DOSES else How.ELSEWHERE
        return Finding(_category(claimed), how, *place, rivals)
    other_units = tuple((q.start, q.end) for q in everywhere if _same_number(claimed, q))[:3]
    if other_units and claimed.unit and not rivals:
        return Finding(Category.UNIT, How.CONTRADICTED, *place, other_units)
    return Finding(_category(claimed), How.CONTRADICTED if rivals else How.ABSENT, *place, rivals)


def _other_unit(claimed: Quantity, place: tuple[int, int], near: list[Quantity]) -> Finding | None:
    """A bare number agrees with any unit, unless the evidence gives the same number another one."""
    same = [q for q in near if _same_number(claimed, q) and q.unit]
    if not claimed.unit or not same or any(_agrees(claimed, q) for q in near if q.unit):
        return None
    return Finding(Category.UNIT, How.CONTRADICTED, *place, tuple((q.start, q.end) for q in same)[:3])


def _same_number(claimed: Quantity, held: Quantity) -> bool:
    return bool(set(claimed.readings[:1]) & set(held.readings)) or held.value in claimed.readings[:1]


def _agrees(claimed: Quantity, held: Quantity) -> bool:
    if _same_number(claimed, held):
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
