"""A text file, or one with Markdown's marks, is one record and is kept to the letter."""

from records.readers.decoding import decode
from records.readers.rows import Reading, Row


def read(data: bytes, encoding: str) -> Reading:
    text = decode(data, encoding)
    return Reading([Row(1, text)] if text.strip() else [])
