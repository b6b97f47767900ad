"""Comma-separated values with a header: a column ``text`` (or record, note) and, if any, ``summary``, ``patient``…"""

import csv
import io

from records.readers.rows import MAX_CHARACTERS, Reading, Row, RowError, UnreadableFile, field_of

csv.field_size_limit(2 * MAX_CHARACTERS)


def read(text: str) -> Reading:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
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
                reading.errors.append(RowError(number, message))
                continue
            reading.rows.append(Row(number, **{name: cells[index] for name, index in columns.items()}))
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
