"""What readers give: rows, and errors that name the row and say what to do without quoting it."""

import re
from dataclasses import dataclass, field

MAX_CHARACTERS = 200_000
MAX_ROWS = 20_000

# JSON can spell them (\u0000, \ud83d), but neither a page nor PostgreSQL can hold them.
_UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")

# What clinics call the same column.
COLUMNS = {
    "source": {"source", "text", "record", "note", "dialogue"},
    "target": {"target", "summary"},
    "patient": {"patient", "patient_id", "patient id", "mrn"},
    "section": {"section", "section_header"},
    "kind": {"kind", "type", "document_type"},
}


class UnreadableFile(Exception):
    """The file as a whole cannot be read. The message is for the uploader."""


@dataclass(frozen=True)
class Row:
    """One record of a file. ``number`` counts from 1 as the uploader sees it."""

    number: int
    source: str
    target: str = ""
    patient: str = ""
    section: str = ""
    kind: str = ""


@dataclass(frozen=True)
class RowError:
    number: int
    message: str


@dataclass
class Reading:
    rows: list[Row] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def field_of(column: str) -> str | None:
    """The field that a column name stands for, or None."""
    name = column.strip().lower()
    return next((known for known, names in COLUMNS.items() if name in names), None)


def checked(reading: Reading) -> Reading:
    """The same reading with unusable rows turned into errors."""
    if len(reading.rows) > MAX_ROWS:
        raise UnreadableFile(f"The file holds more than {MAX_ROWS:,} records. Split it and upload the parts.")
    good = []
    for row in reading.rows:
        if fault := _fault(row):
            reading.errors.append(RowError(row.number, fault))
        else:
            good.append(row)
    return Reading(good, sorted(reading.errors, key=lambda error: error.number))


def _fault(row: Row) -> str | None:
    if not row.source.strip():
        return "The record is empty. Fill it in or delete the row."
    if max(len(row.source), len(row.target)) > MAX_CHARACTERS:
        return f"The text is longer than {MAX_CHARACTERS:,} characters. Split it into its documents."
    if len(row.target.split()) > len(row.source.split()):
        return "The summary is longer than its record. Check that the two columns are not swapped."
    if any(_UNWRITABLE.search(text) for text in (row.source, row.target, row.patient, row.section, row.kind)):
        return "The row holds broken characters (NUL, or half of a pair). Save it from its program again."
    if max(len(row.patient), len(row.section), len(row.kind)) > 60:
        return "Patient, section and kind may hold 60 characters. Shorten them."
    return None
