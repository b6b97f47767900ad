"""The typed checks: each reads one kind of claim exactly and says where the record disagrees."""

from collections.abc import Callable, Sequence

from grounding.checks.allergies import allergies
from grounding.checks.dates import dates
from grounding.checks.degrees import degrees
from grounding.checks.habits import habits
from grounding.checks.medications import medications
from grounding.checks.numbers import numbers
from grounding.checks.people import people
from grounding.checks.places import places
from grounding.checks.polarity import polarity
from grounding.checks.problems import problems
from grounding.checks.schedules import schedules
from grounding.checks.sides import sides
from grounding.checks.turned import turned
from grounding.checks.units import units
from grounding.checks.words import unknown_words
from grounding.evidence import Record
from grounding.findings import Finding
from grounding.pieces import Piece

Check = Callable[[Piece, Record, Sequence[int]], list[Finding]]
CHECKS: tuple[Check, ...] = (
    numbers, units, schedules, dates, sides, places, polarity, turned, degrees, habits, allergies, medications, problems, people, unknown_words,
)  # fmt: skip


def findings(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    """What every check finds in a sentence; ``evidence`` are the numbers of the record's lines that speak to it."""
    return [finding for check in CHECKS for finding in check(sentence, record, evidence)]
