"""Marks that travel inside a text while it is being written, so that offsets are right by construction.

Whoever writes an identifier writes ``mark(kind, value)``; sentences are then joined, moved and abbreviated
like any string, and ``read_marks`` takes the marks out at the very end.
"""

import re
from collections.abc import Callable

from privacy.kinds import Kind, Span

# Private-use characters: no text of the clinic can hold them by accident.
_OPEN, _BREAK, _CLOSE = "\ue000", "\ue001", "\ue002"
_MARK = re.compile(f"{_OPEN}([A-Z]+){_BREAK}([^{_CLOSE}]+){_CLOSE}")


def mark(kind: Kind, value: str) -> str:
    """The value, marked as an identifier of this kind."""
    return f"{_OPEN}{kind}{_BREAK}{value}{_CLOSE}"


def read_marks(marked: str) -> tuple[str, tuple[Span, ...]]:
    """The plain text and its spans, in order; no two overlap."""
    plain, spans, end = "", [], 0
    for found in _MARK.finditer(marked):
        plain += marked[end : found.start()]
        spans.append(Span(len(plain), len(plain) + len(found[2]), Kind(found[1])))
        plain += found[2]
        end = found.end()
    return plain + marked[end:], tuple(spans)


def outside_marks(change: Callable[[str], str], marked: str) -> str:
    """The text with ``change`` applied to everything but the identifiers."""
    parts = re.split(f"({_OPEN}[^{_CLOSE}]*{_CLOSE})", marked)
    return "".join(part if part.startswith(_OPEN) else change(part) for part in parts)


def capitalized(marked: str) -> str:
    """The text with its first letter a capital; an identifier at the start is left as it is."""
    return marked[:1].upper() + marked[1:]
