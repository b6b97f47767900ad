"""FHIR R4: a document in, a Composition out."""

import re
from datetime import datetime
from html import escape
from typing import Any, TypeGuard

from records.readers import EncodingUnknown, UnreadableFile, read
from summaries.models import Summary, SummaryReview
from summaries.styles import STYLES

LOINC = "http://loinc.org"
SUMMARY_CODE = ("60591-5", "Patient summary Document")
_REFERENCE = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}|urn:uuid:[0-9a-f-]{36}")
_STATUSES = {"accepted": "final", "rejected": "entered-in-error"}
ACCEPTED_NOTE = "Written by a language model, read and accepted by a person."
REJECTED_NOTE = "Written by a language model and rejected by a person. Do not use it."
DRAFT_NOTE = "Draft written by a language model. Not read by a person yet."


class UnreadableResource(Exception):
    """The resource holds no text that could be read; the message says what to do and quotes nothing."""


def text_of(body: bytes) -> str:
    """The texts of a DocumentReference, Composition, DiagnosticReport or a Bundle of them, read in a child process.

    Raises ``UnreadableResource``.
    """
    try:
        reading = read(".json", body, "utf-8")
    except (UnreadableFile, EncodingUnknown) as error:
        raise UnreadableResource(str(error)) from None
    if reading.errors:
        raise UnreadableResource(str(reading.errors[0].message))
    return "\n\n".join(row.source for row in reading.rows)


def subject_of(resource: Any) -> dict[str, str] | None:
    """The reference to the patient, as the resource or the first entry of a Bundle that has one gives it."""
    if not isinstance(resource, dict):
        return None
    entries = resource.get("entry")
    inside = entries if isinstance(entries, list) else []
    for each in (resource, *(entry.get("resource") for entry in inside if isinstance(entry, dict))):
        found = each.get("subject") if isinstance(each, dict) else None
        reference = found.get("reference") if isinstance(found, dict) else None
        if isinstance(reference, str) and _REFERENCE.fullmatch(reference):
            return {"reference": reference}
    return None


def composition(
    *,
    summary: Summary,
    text: str,
    clinic: str,
    written_at: datetime,
    subject: dict[str, Any] | None = None,
    review: SummaryReview | None = None,
) -> dict[str, Any]:
    """A Composition of one section: final and attested once a person accepted it, preliminary before.

    Raises pydantic's ``ValidationError`` where it is not valid R4.
    """
    # Imported late: half a second and twenty megabytes that few web processes need.
    from fhir.resources.R4B.composition import Composition

    code, display = SUMMARY_CODE
    style = STYLES.get(summary.style)
    title = summary.section or (style.label if style and style.name else "Summary")
    resource = {
        "resourceType": "Composition",
        "id": str(summary.uuid),
        "status": _STATUSES[review.decision] if review else "preliminary",
        "type": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "date": written_at.isoformat(timespec="seconds"),
        "author": [{"display": f"{summary.deployment.artifact.name}, a model of {clinic}"}],
        "title": title,
        "section": [{"title": title, "text": _narrative(text, _note(review))}],
        **({"attester": [_attester(review)]} if _is_accepted(review) else {}),
        **({"subject": subject} if subject else {}),
    }
    Composition.model_validate(resource)
    return resource


def _is_accepted(review: SummaryReview | None) -> TypeGuard[SummaryReview]:
    return review is not None and review.decision == SummaryReview.Decision.ACCEPTED


def _attester(review: SummaryReview) -> dict[str, Any]:
    return {
        "mode": "professional",
        "time": review.decided_at.isoformat(timespec="seconds"),
        "party": {"display": review.reviewer.username},
    }


def _note(review: SummaryReview | None) -> str:
    if review is None:
        return DRAFT_NOTE
    return ACCEPTED_NOTE if _is_accepted(review) else REJECTED_NOTE


def _narrative(text: str, note: str) -> dict[str, str]:
    lines = "<br/>".join(escape(line) for line in _allowed(text).splitlines())
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p><i>{note}</i></p><p>{lines}</p></div>'
    return {"status": "generated", "div": div}


def _allowed(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(each for each in text if each >= " " or each in "\n\t")
