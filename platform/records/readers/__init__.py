"""Readers: one module per file format, bytes in, rows and row errors out. They know nothing of Django.

A reader is a function ``read(text) -> Reading``. To add one, write its module and name its suffix below.
"""

from pathlib import PurePath

from records.readers import csv_rows, jsonl, plain
from records.readers.rows import Reading, Row, RowError, UnreadableFile, checked

READERS = {".txt": plain.read, ".csv": csv_rows.read, ".jsonl": jsonl.read}

__all__ = ["READERS", "Reading", "Row", "RowError", "UnreadableFile", "read", "suffix_of"]


def suffix_of(name: str) -> str:
    """The suffix that says how to read the file; raises ``UnreadableFile`` for one that no reader knows."""
    suffix = PurePath(name.replace("\\", "/")).suffix.lower()
    if suffix not in READERS:
        known = ", ".join(READERS)
        raise UnreadableFile(
            f"Precis reads {known} files. Save this one in one of these forms and try again."
        )
    return suffix


def read(suffix: str, data: bytes) -> Reading:
    """Rows of a file. Raises ``UnreadableFile``, whose message says what to do and quotes nothing."""
    reading = READERS[suffix](decode(data))
    if not reading.rows and not reading.errors:
        raise UnreadableFile("The file is empty: it holds no record. Choose the file again after saving it.")
    return checked(reading)


def decode(data: bytes) -> str:
    """Exact text or a refusal, never a guess: a wrong guess turns ½ µg into something else without a word."""
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"The file is not UTF-8 text (byte {error.start + 1}). Save it as UTF-8 (in Excel: “CSV UTF-8”)."
        ) from error
    if "\0" in text:
        raise UnreadableFile(
            "The file holds NUL characters, so it is not a text file. Export it as text first."
        )
    return text
