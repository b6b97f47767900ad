"""A record longer than a model reads, split where it has borders of its own.

One splitter for all who need it, so that a model is trained on the pieces that it is later asked about. It works on text
and on a token counter that the caller brings, and knows no tokenizer and no engine. What becomes of the pieces'
summaries: see ``long_summaries``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Count = Callable[[str], int]
"""How many tokens a text takes."""
LEAST_TOKENS = 16
OVERLAP = 1 / 8
"""Of a piece, at most: the turns before it, since an answer says little without its question."""
PIECE = 3 / 4
"""Of a model's context, at most: what a piece and its prompt may take, so that there is room for its summary."""

_HEADING = re.compile(r"#+ .*|[^.!?]{1,60}:|[A-Z][A-Z &/,()-]{3,59}")
_SPACES = re.compile(r"\s+")
SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\b[MD]r\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!^\d\.)(?<!^\d\d\.)\s+(?=[^\sa-z])"
)


@dataclass(frozen=True)
class _Unit:
    """A line, or a part of one that alone is longer than a piece."""

    lead: str
    """What stood before it: a line feed, or nothing inside a line."""
    text: str
    tokens: int
    border: int
    """How good it is to begin a piece here: 2 at a heading or after an empty line, 1 at a line, 0 inside one."""


def split(text: str, count: Count, limit: int) -> list[str]:
    """``text`` in pieces of at most ``limit`` tokens each, in order; every word of it stands in one of them.

    A piece begins at a heading or paragraph if there is one in reach, else at a line (a speaker's turn), and only
    inside a line that alone is too long. Later pieces repeat the heading they stand under and the lines before them,
    an eighth of a piece at most. Raises ValueError for a limit below ``LEAST_TOKENS``.
    """
    if limit < LEAST_TOKENS:
        raise ValueError(f"A piece takes at least {LEAST_TOKENS} tokens, not {limit}.")
    if count(text) <= limit:
        return [text]
    units, pieces, start = list(_units(text, count, limit)), [], 0
    while start < len(units):
        context = _context(units, start, limit)
        end = _end(units, start, limit - sum(unit.tokens + 1 for unit in context))
        # Tokens of parts may add up to less than those of the whole.
        while count(_joined([*context, *units[start:end]])) > limit and (context or end > start + 1):
            context, end = (context[1:], end) if context else (context, end - 1)
        pieces.append(_joined([*context, *units[start:end]]))
        start = end
    return [piece for piece in pieces if piece]


def _units(text: str, count: Count, limit: int) -> Iterator[_Unit]:
    after_empty = True
    for line in text.splitlines():
        border = 2 if after_empty or is_heading(line) else 1
        for number, part in enumerate(_fitting(line, count, limit)):
            yield _Unit("" if number else "\n", part, count(part), 0 if number else border)
        after_empty = not line.strip()


def _fitting(line: str, count: Count, limit: int) -> list[str]:
    """The line in parts that fit: halved at a sentence's end near the middle, else at a space, else anywhere."""
    if count(line) <= limit or len(line) < 2:
        return [line]
    middle, quarter = len(line) // 2, len(line) // 4
    sentences = [found.end() for found in SENTENCE_END.finditer(line, quarter, len(line) - quarter)]
    spaces = [found.end() for found in _SPACES.finditer(line) if found.end() < len(line)]
    at = min(sentences or spaces or [middle], key=lambda end: abs(end - middle))
    return [*_fitting(line[:at], count, limit), *_fitting(line[at:], count, limit)]


def _context(units: Sequence[_Unit], start: int, limit: int) -> list[_Unit]:
    """What a piece repeats from before its start: the heading it stands under, and the last lines."""
    room, first = int(limit * OVERLAP), start
    heading = next((unit for unit in reversed(units[: start + 1]) if is_heading(unit.text)), None)
    if start and heading and heading is not units[start] and heading.tokens < room:
        room -= heading.tokens + 1
    else:
        heading = None
    while first and not is_heading(units[first].text) and units[first - 1].tokens < room:
        first -= 1
        room -= units[first].tokens + 1
    lines = list(units[first:start])
    return [heading, *lines] if heading and heading not in lines else lines


def _end(units: Sequence[_Unit], start: int, room: int) -> int:
    """Where the piece that begins at ``start`` ends: as far as it fits, back to the best border in its last half."""
    end, used, half = start, 0, start + 1
    while end < len(units) and (end == start or used + units[end].tokens + 1 <= room):
        used += units[end].tokens + 1
        end += 1
        half = end if used <= room / 2 else half
    if end == len(units):
        return end
    return max(range(max(half, start + 1), end + 1), key=lambda at: (units[at].border, at))


def _joined(units: Sequence[_Unit]) -> str:
    return "".join(unit.lead + unit.text for unit in units).strip()


def is_heading(line: str) -> bool:
    return bool(_HEADING.fullmatch(line.strip()))
