"""What a check finds: words of the sentence that the record contradicts or does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """The kinds of error that are told apart; what a reader is told and what an explainer may choose from."""

    NUMBER = "number"
    DOSE = "dose"
    UNIT = "unit"
    FREQUENCY = "frequency"
    DATE = "date"
    AGE = "age"
    SIDE = "side"
    NEGATION = "negation"
    CERTAINTY = "certainty"
    MEDICATION = "medication"
    PERSON = "person"
    ADDITION = "addition"


EXACT = frozenset(
    (Category.NUMBER, Category.DOSE, Category.UNIT, Category.FREQUENCY, Category.DATE, Category.AGE, Category.SIDE, Category.MEDICATION)
)  # fmt: skip
"""What is compared exactly: where the record says otherwise, the sentence is flagged whatever its probability."""
NEVER_INFERRED = frozenset((Category.NUMBER, Category.DOSE, Category.FREQUENCY, Category.MEDICATION))
"""Of these, also where the record holds no such thing. Sides, dates and ages are worked out from what was said."""
OPPOSITE = frozenset((Category.NEGATION, Category.CERTAINTY))
"""What can be turned round. A finding that the record says the opposite, and nothing in it speaks for the sentence, flags it."""


class How(StrEnum):
    CONTRADICTED = "contradicted"
    """The record says otherwise of the same thing."""
    ABSENT = "absent"
    """Nowhere in the record."""
    LIKELY = "likely"
    """The record seems to say otherwise: somebody should look, though it is no proof."""
    ELSEWHERE = "elsewhere"
    """In the record, though not with what the sentence says it of: a doubt, no proof."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``start`` to ``end`` in the summary; ``record`` the places in the record that say otherwise.

    ``named``: the words are the name of a problem, test, operation or clinic, looked for under every other name it has.
    """

    category: Category
    how: How
    start: int
    end: int
    record: tuple[tuple[int, int], ...] = ()
    named: bool = False


def proof(found: Sequence[Finding]) -> set[How]:
    """How the exact checks disagree beyond doubt: what flags a sentence whatever its probability."""
    return {
        each.how
        for each in found
        if (each.how is How.CONTRADICTED and each.category in EXACT | OPPOSITE)
        or (each.how is How.ABSENT and (each.category in NEVER_INFERRED or each.named))
    }
