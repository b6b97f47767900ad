"""Why a sentence was flagged, in a model's words: what the model is told, and what it may answer.

After "SLM Meets LLM" (arXiv:2408.12748): the detector decides and the model explains. It is told that the sentence is wrong
and must choose one of the paper's categories under a schema, one of which says that nothing is wrong. ``grounding.filtering``
judges the answer. Neither knows of the engine that gives it, of Django or HTTP.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grounding.detector import Verdict
from grounding.findings import EXACT, Category, Finding, How

MAX_CHARACTERS = 200
"""Of an explanation; and so many tokens are enough for it, its category and the braces around both."""
MAX_NEW_TOKENS = 96


class Kind(StrEnum):
    """What the model may choose from: the paper's categories, without those that no scrubbed record can have."""

    MISSING = "missing"
    NUMBER = "number"
    AFFIRMED = "affirmed"
    DENIED = "denied"
    MIXED_UP = "mixed up"
    INCOMPLETE = "incomplete"
    CONTRADICTED = "contradicted"
    PERSON = "person"
    SUPPORTED = "supported"

    @property
    def in_words(self) -> str:
        return IN_WORDS[self]


IN_WORDS = {
    Kind.MISSING: "the record does not say it",
    Kind.NUMBER: "a number, dose, date or time differs",
    Kind.AFFIRMED: "the record denies it",
    Kind.DENIED: "the record affirms what the sentence denies",
    Kind.MIXED_UP: "one drug, side or thing stands for another",
    Kind.INCOMPLETE: "a part is left out, so that it means something else",
    Kind.CONTRADICTED: "the record says something else",
    Kind.PERSON: "it is said of the wrong person",
    Kind.SUPPORTED: "nothing is wrong",
}
_OTHERWISE = frozenset((Kind.CONTRADICTED,))
_AMOUNT = frozenset((Kind.NUMBER,)) | _OTHERWISE
FITS: dict[Category, frozenset[Kind]] = {
    Category.NUMBER: _AMOUNT,
    Category.DOSE: _AMOUNT,
    Category.UNIT: _AMOUNT,
    Category.FREQUENCY: _AMOUNT,
    Category.DATE: _AMOUNT,
    Category.AGE: _AMOUNT,
    Category.SIDE: _OTHERWISE | {Kind.MIXED_UP},
    Category.NEGATION: _OTHERWISE | {Kind.AFFIRMED, Kind.DENIED},
    Category.CERTAINTY: _OTHERWISE | {Kind.INCOMPLETE},
    Category.MEDICATION: _OTHERWISE | {Kind.MIXED_UP},
    Category.PERSON: _OTHERWISE | {Kind.MIXED_UP, Kind.PERSON},
    Category.ADDITION: frozenset((Kind.MISSING,)),
}
"""What the model may call each of the detector's findings, where the record says otherwise."""


@dataclass(frozen=True)
class Flagged:
    """A sentence and what the detector holds against it: ``reason`` in words, the ``evidence`` lines of the record.

    ``said`` are the sentence's words that an exact check found wrong, or that are nowhere in the record; ``told`` the
    record's in the place of wrong ones.
    """

    sentence: str
    evidence: tuple[str, ...]
    reason: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    said: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def known(self) -> str:
        """Everything that the model was shown of sentence and record."""
        return "\n".join((self.sentence, *self.evidence))

    @property
    def fitting(self) -> frozenset[Kind]:
        """The kinds that do not contradict what was found: of a proven error its own, of what is nowhere in the record that."""
        proven = [each for each in self.findings if each.how is How.CONTRADICTED and each.category in EXACT]
        if proven:
            return frozenset().union(*(FITS[each.category] for each in proven))
        told = [each for each in self.findings if each.how is not How.ABSENT]
        suspected = frozenset().union(*(FITS[each.category] for each in told)) | {Kind.MISSING}
        return suspected - _OTHERWISE if self.verdict is Verdict.ABSENT else suspected | _OTHERWISE


_TASK = (
    "A sentence of a summary was checked against the patient's record and found wrong. Say which category of error it is, "
    "and explain in one short sentence what the sentence says and what the record says."
)
_EXAMPLES = (
    (
        Flagged(
            "She was given amoxicillin 875 mg.",
            ("Doctor: We gave her amoxicillin 500 mg.",),
            "The record says “500 mg”, not “875 mg”.",
            Verdict.CONTRADICTED,
            (Finding(Category.DOSE, How.CONTRADICTED, 0, 0),),
        ),
        Kind.NUMBER,
        "The record says 500 mg of amoxicillin, but the sentence says 875 mg.",
    ),
    (
        Flagged(
            "She will see a surgeon.",
            (),
            "“surgeon” is not in the record.",
            Verdict.ABSENT,
            (Finding(Category.ADDITION, How.ABSENT, 0, 0),),
        ),
        Kind.MISSING,
        "The record says nothing of a surgeon, but the sentence names one.",
    ),
)
"""A model this small writes what it has just been shown; its words still have to pass the filter."""


def offered(flagged: Flagged) -> list[Kind]:
    """What the model may choose from: what fits the finding, and that nothing is wrong, so that it can object."""
    return [kind for kind in Kind if kind in flagged.fitting or kind is Kind.SUPPORTED]


def schema(flagged: Flagged) -> dict[str, Any]:
    """What the answer is decoded under."""
    return {
        "type": "object",
        "properties": {
            "category": {"enum": [kind.value for kind in offered(flagged)]},
            "explanation": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
        },
        "required": ["category", "explanation"],
        "additionalProperties": False,
    }


def messages(flagged: Flagged) -> list[dict[str, str]]:
    """The question about a sentence, to be answered under its ``schema``."""
    chat = [{"role": "system", "content": _TASK}]
    for example, kind, explanation in _EXAMPLES:
        answer = json.dumps({"category": kind, "explanation": explanation})
        chat += [{"role": "user", "content": _question(example)}, {"role": "assistant", "content": answer}]
    return [*chat, {"role": "user", "content": _question(flagged)}]


def _question(flagged: Flagged) -> str:
    evidence = "\n".join(flagged.evidence) or "Nothing in the record speaks of it."
    categories = "; ".join(f"{kind.value} ({kind.in_words})" for kind in offered(flagged))
    return f"Record:\n{evidence}\nSentence: {flagged.sentence}\nThe check: {flagged.reason}\nCategories: {categories}"
