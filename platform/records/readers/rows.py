"""What readers give: rows, and errors that name the row and say what to do without quoting it."""

import re
from dataclasses import dataclass, field

MAX_CHARACTERS = 200_000
MAX_ROWS = 20_000
MAX_ERRORS = 1_000
MAX_TOTAL_CHARACTERS = 50_000_000

# How long a label may be; the database's columns are as wide. A patient is kept as a hash and may be longer.
MAX_PATIENT, MAX_SECTION, MAX_KIND = 200, 60, 40

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
    """``notes`` are sentences about the file as a whole that its uploader should know before he imports it."""

    rows: list[Row] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Keep a row. Raises ``UnreadableFile`` at once, not when a million of them fill the memory."""
        if len(self.rows) >= MAX_ROWS:
            raise UnreadableFile(
                f"The file holds more than {MAX_ROWS:,} records. Split it and upload the parts."
            )
        self.rows.append(row)

    def refuse(self, number: int, message: str) -> None:
        """Leave a row out and say why."""
        if len(self.errors) >= MAX_ERRORS:
            first = self.errors[0]
            raise UnreadableFile(
                f"More than {MAX_ERRORS:,} rows cannot be read. The first is row {first.number}: {first.message}"
            )
        self.errors.append(RowError(number, message))


def field_of(column: str) -> str | None:
    """The field that a column name stands for, or None."""
    name = column.strip().lower()
    return next((known for known, names in COLUMNS.items() if name in names), None)


def label(text: str, limit: int = MAX_KIND) -> str:
    """A title as a label of at most ``limit`` characters, for kinds and sections that a reader finds itself."""
    return " ".join(text.split())[:limit].rstrip()


def checked(reading: Reading) -> Reading:
    """The same reading with unusable rows turned into errors."""
    good = Reading(errors=reading.errors, notes=reading.notes)
    for row in reading.rows:
        if fault := _fault(row):
            good.refuse(row.number, fault)
        else:
            good.add(row)
    if sum(len(row.source) + len(row.target) for row in good.rows) > MAX_TOTAL_CHARACTERS:
        raise UnreadableFile(
            f"The file holds more than {MAX_TOTAL_CHARACTERS // 1_000_000} million characters. "
            "Split it and upload the parts."
        )
    good.errors.sort(key=lambda error: error.number)
    return good


def _fault(row: Row) -> str | None:
    if not row.source.strip():
        return "The record is empty. Fill it in or delete the row."
    if max(len(row.source), len(row.target)) > MAX_CHARACTERS:
        return f"The text is longer than {MAX_CHARACTERS:,} characters. Split it into its documents."
    if len(row.target.split()) > len(row.source.split()):
        return "The summary is longer than its record. Check that the two columns are not swapped."
    if any(_UNWRITABLE.search(text) for text in (row.source, row.target, row.patient, row.section, row.kind)):
        return "The row holds broken characters (NUL, or half of a pair). Save it from its program again."
    if len(row.patient) > MAX_PATIENT or len(row.section) > MAX_SECTION or len(row.kind) > MAX_KIND:
        return (
            f"A patient may hold {MAX_PATIENT} characters, a section {MAX_SECTION} and a kind {MAX_KIND}. "
            "Shorten them."
        )
    return None
