"""Documents inside messages: HL7, FHIR and C-CDA carry text, pages and PDFs, usually as base64. None is fetched."""

import base64
import binascii
import re

from records.readers import refusals
from records.readers.decoding import decode
from records.readers.rows import Reading

MAX_BYTES = 20 * 1024**2

_SUFFIXES = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/rtf": ".rtf",
    "application/rtf": ".rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "text/xml": ".xml",
    "application/xml": ".xml",
    "application/hl7-cda+xml": ".xml",
    "application/hl7-v3+xml": ".xml",
    "application/hl7-sda+xml": ".xml",
}
# HL7 v2 names kinds of its own (table 0291), and so do older documents.
_SHORT = {
    "": "text/plain", "plain": "text/plain", "txt": "text/plain", "text": "text/plain", "ascii": "text/plain",
    "html": "text/html", "pdf": "application/pdf", "rtf": "text/rtf", "xml": "text/xml",
    "x-hl7-cda-level-one": "text/xml",
}  # fmt: skip
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)


class UnreadableAttachment(Exception):
    """One document inside a message cannot be read. The message is for the uploader."""


def from_base64(text: str) -> bytes:
    """Raises ``UnreadableAttachment``."""
    if len(text) > MAX_BYTES * 4 // 3:
        raise UnreadableAttachment(f"The document inside is larger than {MAX_BYTES // 1024**2} MB.")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableAttachment("The document inside is damaged: its base64 breaks off.") from error


def text_of(media_type: str, data: bytes, encoding: str) -> tuple[str, list[str]]:
    """(its text, notes on how it was read). Raises ``UnreadableAttachment``, or ``UnreadableFile`` for its content."""
    kind = media_type.partition(";")[0].strip().lower()
    kind = _SHORT.get(kind, kind)
    if kind.startswith("image/"):
        raise UnreadableAttachment(refusals.DICOM if "dicom" in kind else refusals.PICTURE)
    if kind == "application/dicom":
        raise UnreadableAttachment(refusals.DICOM)
    if kind not in _SUFFIXES:
        raise UnreadableAttachment(
            "The document inside is of a kind that is not read. Export it as text or PDF."
        )
    charset = _CHARSET.search(media_type)
    if kind == "text/plain" and charset:
        return decode(data, encoding, charset[1]), []
    return _read(_SUFFIXES[kind], data, encoding)


def _read(suffix: str, data: bytes, encoding: str) -> tuple[str, list[str]]:
    from records.readers.child import read_here  # it imports this module's callers

    reading: Reading = read_here(suffix, data, encoding)
    if reading.errors:
        raise UnreadableAttachment(reading.errors[0].message)
    return "\n\n".join(row.source for row in reading.rows), reading.notes
