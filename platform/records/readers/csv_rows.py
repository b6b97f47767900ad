"""Comma-separated values with a header: a column ``text`` (or record, note) and, if any, ``summary``, ``patient``…"""

import csv
import io

from records.readers.decoding import decode
from records.readers.rows import MAX_CHARACTERS, Reading, Row, UnreadableFile, field_of

# A field above the limit should be an error of its row; only a wild one ends the reading.
csv.field_size_limit(50 * MAX_CHARACTERS)


def read(data: bytes, encoding: str, delimiter: str = "") -> Reading:
    text = decode(data, encoding)
    # Excel writes semicolons where the comma is the decimal sign; a header with both is read as commas.
    first_line = text.partition("\n")[0]
    separator = delimiter or (";" if ";" in first_line and "," not in first_line else ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    reading = Reading()
    try:
        header = next(reader, None)
        if header is None:
            return reading
        columns = _columns(header)
        for number, cells in enumerate(reader, start=2):
            if not any(cells):
                continue
            if len(cells) != len(header):
                message = (
                    f"The row has {len(cells)} columns, the header {len(header)}. Check quotes and commas."
                )
                reading.refuse(number, message)
                continue
            reading.add(Row(number, **{name: cells[index] for name, index in columns.items()}))
    except csv.Error as error:
        message = f"The file breaks off at line {reader.line_num}: a quotation mark is missing or too many."
        raise UnreadableFile(message) from error
    return reading


def _columns(header: list[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        if field := field_of(name):
            columns.setdefault(field, index)
    if "source" not in columns:
        raise UnreadableFile("The first line must name the columns, and one of them “text” or “record”.")
    return columns
