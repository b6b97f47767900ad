"""True sentences to begin with: those of a reference summary that the record bears out, and what the record's people say."""

import re

from grounding.checks import findings
from grounding.checks.words import is_known
from grounding.evidence import Record
from grounding.findings import Category, How
from grounding.pieces import Piece, claims, sentences
from grounding.terms import terms

_KNOWN_SHARE = 0.5
_FEW, _MANY = 3, 40
_PERSON = (
    (r"\bi'm\b|\bi am\b", "the patient is"), (r"\bi've\b|\bi have\b", "the patient has"), (r"\bi'd\b", "the patient would"), (r"\bi'll\b", "the patient will"),
    (r"\bi was\b", "the patient was"), (r"\bmyself\b", "themselves"), (r"\bmy\b", "the patient's"), (r"\bme\b", "the patient"), (r"\bi\b", "the patient"),
)  # fmt: skip
_FILLER = re.compile(
    r"\b(?:um|uh|well|you know|i mean|like|so|okay|yeah|yes|oh|hmm|doctor)\b\s*,?\s*", re.IGNORECASE
)


def true_sentences(record: Record, summary: str) -> list[Piece]:
    """Reference sentences less those that no check can bear out: people write down what was never said.

    Errors are put into these. They flatter the checks; what is held for true without an error is ``reference_sentences``.
    """
    return [sentence for sentence in reference_sentences(record, summary) if _is_borne_out(sentence, record)]


def reference_sentences(record: Record, summary: str) -> list[Piece]:
    """Reference sentences of usual length, half of whose content the record holds; a few say more than was said."""
    found = []
    for sentence in sentences(summary):
        content = terms(sentence.text)
        known = sum(not term.form[0].isalpha() or is_known(term, record) for term in content)
        if content and _FEW <= len(sentence.text.split()) <= _MANY and known >= _KNOWN_SHARE * len(content):
            found.append(sentence)
    return found


def _is_borne_out(sentence: Piece, record: Record) -> bool:
    found = findings(sentence, record, record.evidence(claims(sentence)))
    sure = [each for each in found if each.how is not How.ELSEWHERE]
    return not any(
        each.named or each.category not in (Category.ADDITION, Category.CERTAINTY) for each in sure
    )


def told_sentences(record: Record) -> list[str]:
    """What the patient says, told of the patient: "I've had a cough for a week." → "The patient has had a cough for a week." """
    found = []
    for line in record.lines:
        text = _FILLER.sub("", line.text.rstrip(" .")).strip(" ,")
        if line.speaker != "patient" or text.endswith("?") or not 5 <= len(text.split()) <= 25:
            continue
        for pattern, instead in _PERSON:
            text = re.sub(pattern, instead, text, flags=re.IGNORECASE)
        if terms(text):
            found.append(text[0].upper() + text[1:] + ".")
    return found
