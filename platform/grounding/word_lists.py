"""The lists of words that the checks know, one file each."""

from functools import cache
from pathlib import Path

_WORDS = Path(__file__).parent / "words"


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of ``words/<name>.txt``, without remarks."""
    text = (_WORDS / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
