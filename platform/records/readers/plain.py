"""A text file is one record."""

from records.readers.rows import Reading, Row


def read(text: str) -> Reading:
    return Reading([Row(1, text)] if text.strip() else [])
