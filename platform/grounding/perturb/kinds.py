"""One error of a chosen category into one sentence. Pure: the same sentence, category and seed give the same error."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random

from grounding.checks.medications import classes, read_drugs
from grounding.checks.people import sex_of
from grounding.evidence import Record
from grounding.findings import Category
from grounding.perturb import wordings
from grounding.perturb.swaps import number_like, other_calendar_word, other_of, other_unit
from grounding.quantities import DOSES, TIMES, Quantity, quantities


class Wording(Enum):
    """Which of the two sets of wordings: no sentence of the test is made as one of the training was."""

    TRAIN = 0
    TEST = 1


@dataclass(frozen=True, slots=True)
class Perturbed:
    text: str
    category: Category


Edit = Callable[[str, Record, Random, Wording], str | None]


def perturb(text: str, category: Category, record: Record, rng: Random, wording: Wording) -> Perturbed | None:
    """The sentence with an error of ``category``; None where it has nothing that such an error could be made of."""
    changed = _EDITS[category](text, record, rng, wording)
    return Perturbed(changed, category) if changed and changed != text else None


def _quantity(text: str, rng: Random, record: Record, wanted: Callable[[Quantity], bool]) -> str | None:
    chosen = [q for q in quantities(text) if wanted(q) and re.match(r"\d", text[q.start :])]
    if not chosen:
        return None
    q = rng.choice(chosen)
    written = re.match(r"[\d.,]*\d", text[q.start : q.end])
    if not written:
        return None
    return text[: q.start] + number_like(written.group(), rng, record) + text[q.start + written.end() :]


def _number(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    return _quantity(text, rng, record, lambda q: q.unit not in DOSES | TIMES | {"age"} and len(q.value) < 4)


def _dose(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    return _quantity(text, rng, record, lambda q: q.unit in DOSES)


def _age(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    return _quantity(text, rng, record, lambda q: q.is_age)


def _date(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    """A duration's number, or a month, weekday or year."""
    return other_calendar_word(text, rng, record) or _quantity(text, rng, record, lambda q: q.unit in TIMES)


def _unit(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    chosen = [q for q in quantities(text) if q.unit and not q.is_age]
    if not chosen:
        return None
    q = rng.choice(chosen)
    changed = other_unit(text[q.start : q.end], q.unit, rng)
    return text[: q.start] + changed + text[q.end :] if changed else None


def _frequency(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    return other_of(text, wordings.FREQUENCIES[wording.value], rng)


def _side(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    return other_of(text, wordings.SIDES, rng)


def _person(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    """Another relative; he for she only where the record tells which."""
    people = dict(wordings.RELATIVES[wording.value])
    if sex_of(record) is None:
        people = {name: others for name, others in people.items() if name not in wordings.PRONOUNS}
    return other_of(text, people, rng)


def _medication(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    """Another drug of the same class that the record does not name."""
    named = {name for name, *_ in read_drugs(record.source)}
    choices = [
        (start, end, other)
        for name, start, end in read_drugs(text)
        for drugs in classes()
        if any(name == drug[0] for drug in drugs)
        for other in (drug[wording.value % len(drug)] for drug in drugs if drug[0] not in named)
    ]
    if not choices:
        return None
    start, end, other = rng.choice(choices)
    return text[:start] + (other.capitalize() if text[start].isupper() else other) + text[end:]


def _negation(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    edits = list(wordings.NEGATIONS[wording.value])
    rng.shuffle(edits)
    for pattern, instead in edits:
        if re.search(pattern, text, re.IGNORECASE):
            return _tidy(re.sub(pattern, instead, text, count=1, flags=re.IGNORECASE))
    return None


def _certainty(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    """A qualifier dropped."""
    hedges = list(wordings.HEDGES[wording.value])
    rng.shuffle(hedges)
    for pattern, instead in hedges:
        if re.search(pattern, text, re.IGNORECASE):
            return _tidy(re.sub(pattern, instead, text, count=1, flags=re.IGNORECASE))
    return None


def _addition(text: str, record: Record, rng: Random, wording: Wording) -> str | None:
    """An invented finding or follow-up, alone or added to the sentence."""
    added = wordings.fill(rng.choice(wordings.ADDITIONS[wording.value]), rng)
    if rng.random() < 0.5:
        return added[0].upper() + added[1:] + "."
    return text.rstrip(" .") + rng.choice((", and ", "; ", " and ")) + added + "."


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;])", r"\1", re.sub(r" {2,}", " ", text)).strip(" ,")
    return text[:1].upper() + text[1:]


_EDITS: dict[Category, Edit] = {
    Category.NUMBER: _number, Category.DOSE: _dose, Category.UNIT: _unit, Category.FREQUENCY: _frequency, Category.DATE: _date, Category.AGE: _age,
    Category.SIDE: _side, Category.NEGATION: _negation, Category.CERTAINTY: _certainty, Category.MEDICATION: _medication, Category.PERSON: _person,
    Category.ADDITION: _addition,
}  # fmt: skip
