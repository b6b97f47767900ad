"""JSON Lines: one object a line, with the record under ``text`` or ``source`` and, if any, its ``summary``."""

import json
from typing import Any

from records.readers.decoding import decode
from records.readers.rows import Reading, Row, field_of


def read(data: bytes, encoding: str) -> Reading:
    reading = Reading()
    # Not splitlines(): JSON strings may hold U+2028 and other separators unescaped.
    for number, line in enumerate(decode(data, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            reading.add(_row(number, json.loads(line)))
        except (ValueError, RecursionError):
            reading.refuse(number, "The line is not a JSON object. Check quotes and commas.")
        except LookupError:
            reading.refuse(number, "The line has no “text” of words. Add one.")
    return reading


def _row(number: int, value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError
    fields = {field: item for name, item in value.items() if (field := field_of(name)) and item is not None}
    if not isinstance(fields.get("source"), str):
        raise LookupError
    return Row(number, **{name: str(item) for name, item in fields.items()})
