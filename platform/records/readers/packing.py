"""A reading as bytes, on its way from the child process and beside the waiting upload.

Compressed lines of JSON, the head first and then a line for each row, so that a page that shows twenty rows of
20,000 never holds the others.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass, fields
from itertools import islice

from records.readers.rows import Reading, Row, RowError

_PIECE = 64 * 1024
_FIELDS = [field.name for field in fields(Row)]


@dataclass(frozen=True)
class Head:
    """What is known of a reading without its rows. ``fields`` are those that any row fills."""

    row_count: int
    fields: list[str]
    errors: list[RowError]
    notes: list[str]


def pack(reading: Reading) -> bytes:
    filled = [name for name in _FIELDS if any(getattr(row, name) for row in reading.rows)]
    head = Head(len(reading.rows), filled, reading.errors, reading.notes)
    packer = zlib.compressobj(1)
    parts = [packer.compress(_line(asdict(head)))]
    parts += [packer.compress(_line(astuple(row))) for row in reading.rows]
    return b"".join([*parts, packer.flush()])


def head_of(packed: bytes) -> Head:
    head = json.loads(next(_lines(packed)))
    return Head(head["row_count"], head["fields"], [RowError(**e) for e in head["errors"]], head["notes"])


def rows_of(packed: bytes) -> Iterator[Row]:
    for line in islice(_lines(packed), 1, None):
        yield Row(*json.loads(line))


def unpack(packed: bytes) -> Reading:
    head = head_of(packed)
    return Reading(list(rows_of(packed)), head.errors, head.notes)


def _line(value: object) -> bytes:
    # JSON never holds a line feed of its own: inside strings it is written \n.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _lines(packed: bytes) -> Iterator[bytes]:
    unpacker, rest, given = zlib.decompressobj(), b"", packed
    while given or not unpacker.eof:
        text = unpacker.decompress(given, _PIECE)
        given = unpacker.unconsumed_tail
        if not text and not given:
            return
        *whole, rest = (rest + text).split(b"\n")
        yield from whole
