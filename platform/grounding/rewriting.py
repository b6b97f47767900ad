"""A flagged sentence written anew by a model from its evidence alone, and offered only where the detector bears it out."""

import json
from typing import Any

from grounding.detector import Detector, Verdict, get_detector
from grounding.evidence import Record
from grounding.explaining import Flagged
from grounding.filtering import holds, names_more
from grounding.terms import terms

MAX_CHARACTERS = 240
MAX_NEW_TOKENS = 112
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"rewrite": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS}},
    "required": ["rewrite"],
    "additionalProperties": False,
}
_TASK = (
    "Correct one sentence of a clinical summary, so that it says only what the record says. Change as little as you can. "
    "Keep placeholders such as [NAME_1] exactly as they are."
)


def messages(flagged: Flagged) -> list[dict[str, str]]:
    """The question, to be answered under ``SCHEMA``."""
    asked = f"Record:\n{chr(10).join(flagged.evidence)}\n\nSentence: {flagged.sentence}"
    return [{"role": "system", "content": _TASK}, {"role": "user", "content": asked}]


def borne_out(answer: str, flagged: Flagged, record: Record, detector: Detector | None = None) -> str | None:
    """The rewrite, if it is about the same, in words of sentence and evidence, without the wrong value, and *supported*.

    None: the sentence is best left out.
    """
    try:
        text = " ".join(json.loads(answer)["rewrite"].split())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    said = {term.form for term in terms(flagged.sentence)}
    # What shares less than half with the sentence puts another in its place.
    if len(text) >= MAX_CHARACTERS or 2 * len(said & {term.form for term in terms(text)}) < len(said):
        return None
    if names_more(text, flagged.known) or any(holds(text, value) for value in flagged.said):
        return None
    judged = (detector or get_detector()).judge_against(record, text).sentences
    stands = len(judged) == 1 and judged[0].verdict is Verdict.SUPPORTED
    return text if stands else None
