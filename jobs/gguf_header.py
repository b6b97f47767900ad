"""What a GGUF file says of itself: its facts and the sizes of its tensors. Reads no weights.

The ``gguf`` package takes seconds for a large vocabulary, since it keeps every token; this skips them. The format: a magic,
a version, the counts of tensors and of facts, then both one after the other, all little-endian.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import IO, Any

MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_FORMATS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
"""By GGUF's number of a type."""


@dataclass(frozen=True)
class Tensor:
    weights: int
    bytes: int
    """In the file, padding included."""


@dataclass(frozen=True)
class Header:
    facts: dict[str, Any]
    """By name; of an array its length alone."""
    tensors: dict[str, Tensor]

    def of_model(self, name: str, default: Any = None) -> Any:
        """A fact of the architecture, such as ``block_count``."""
        return self.facts.get(f"{self.facts['general.architecture']}.{name}", default)


def read_header(path: Path) -> Header:
    """Raises ValueError for a file that is no GGUF, and OSError."""
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read(path: Path, _changed: int, size: int) -> Header:
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC or _number(file, "<I") < 2:
                raise ValueError("not a GGUF file")
            tensors, facts = _number(file, "<Q"), _number(file, "<Q")
            told = dict(_fact(file) for _ in range(facts))
            placed = [_tensor(file) for _ in range(tensors)]
            alignment = told.get("general.alignment", 32)
            data = size - -(-file.tell() // alignment) * alignment
    except struct.error:
        raise ValueError("not a whole GGUF file") from None
    placed.sort(key=lambda each: each[2])
    ends = [*(start for _, _, start in placed[1:]), data]
    return Header(
        told,
        {
            name: Tensor(weights, end - start)
            for (name, weights, start), end in zip(placed, ends, strict=True)
        },
    )


def _fact(file: IO[bytes]) -> tuple[str, Any]:
    name = _string(file)
    return name, _value(file, _number(file, "<I"))


def _value(file: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return _number(file, _format(kind))
    inner, length = _number(file, "<I"), _number(file, "<Q")
    if inner == _STRING:
        for _ in range(length):
            file.seek(_number(file, "<Q"), 1)
    else:
        file.seek(length * struct.calcsize(_format(inner)), 1)
    return length


def _tensor(file: IO[bytes]) -> tuple[str, int, int]:
    """Its name, how many weights it has, and where it starts in the data."""
    name = _string(file)
    weights = prod(_number(file, "<Q") for _ in range(_number(file, "<I")))
    file.seek(4, 1)  # its type
    return name, weights, _number(file, "<Q")


def _format(kind: int) -> str:
    if kind not in _FORMATS:
        raise ValueError("not a GGUF file that is known here")
    return _FORMATS[kind]


def _number(file: IO[bytes], form: str) -> Any:
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _string(file: IO[bytes]) -> str:
    return file.read(_number(file, "<Q")).decode("utf-8", "replace")
