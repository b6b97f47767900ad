"""Readers: one module per file format, bytes in, rows and row errors out. They know nothing of Django.

A reader is a function ``read(data, encoding) -> Reading``; ``encoding`` is what the uploader chose, or nothing.
Each runs in a child process with little memory and time (``process.py``), because a file may be made to break its
reader. To add one, write its module and name its suffix below.
"""

from pathlib import PurePath

from records.readers.decoding import Choice, EncodingUnknown
from records.readers.packing import Head, head_of, rows_of, unpack
from records.readers.process import read_packed
from records.readers.refusals import advice_for
from records.readers.rows import Reading, Row, RowError, UnreadableFile

# Suffix → module. The module is imported in the child only: the web process never loads a parser.
READERS = {
    ".txt": "plain",
    ".md": "plain",
    ".csv": "csv_rows",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "fhir_lines",
    ".json": "fhir",
    ".xml": "ccda",
    ".hl7": "hl7",
    ".pdf": "pdf",
    ".docx": "docx",
    ".rtf": "rtf",
    ".html": "html",
    ".htm": "html",
    ".zip": "zipped",
}

__all__ = [
    "READERS",
    "Choice",
    "EncodingUnknown",
    "Head",
    "Reading",
    "Row",
    "RowError",
    "UnreadableFile",
    "head_of",
    "read",
    "read_packed",
    "rows_of",
    "suffix_of",
    "unpack",
]


def suffix_of(name: str) -> str:
    """The suffix that says how to read the file; raises ``UnreadableFile`` for one that no reader knows."""
    suffix = PurePath(name.replace("\\", "/")).suffix.lower()
    if suffix not in READERS:
        raise UnreadableFile(f"{advice_for(suffix)} Precis reads {', '.join(READERS)} files.")
    return suffix


def read(suffix: str, data: bytes, encoding: str = "") -> Reading:
    """Rows of a file. Raises ``UnreadableFile``, whose message says what to do and quotes nothing, and its kind
    ``EncodingUnknown`` where the uploader must say how the text is encoded."""
    return unpack(read_packed(suffix, data, encoding))
