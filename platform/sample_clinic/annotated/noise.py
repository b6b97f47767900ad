"""How carefully a text was typed: small letters, CAPITALS, letters a scanner misread, missing full stops."""

import re
from collections.abc import Callable
from random import Random

from sample_clinic.marks import outside_marks

_MISREAD = {"l": "1", "O": "0", "o": "0", "I": "l", "m": "rn", "S": "5", "B": "8", "e": "c"}
_MARK_WORDS = re.compile("(\ue000[A-Z]+\ue001)")


def roughen(rng: Random, marked: str) -> str:
    """The text as it is in most cases, else in one of the rough ways. Marks stay around the same words."""
    chance = rng.random()
    if chance < 0.10:
        return _outside_tags(str.lower, marked)
    if chance < 0.30:
        return _outside_tags(_transcribed, marked)
    if chance < 0.35:
        return _outside_tags(str.upper, marked)
    if chance < 0.38:
        return outside_marks(lambda part: re.sub(r"[.,;:]", "", part), marked)
    if chance < 0.40:
        return _outside_tags(lambda part: _scanned(rng, part), marked)
    return marked


def _transcribed(part: str) -> str:
    """As speech recognizers write: all small, punctuation apart ("dr . anna smith , hello")."""
    return re.sub(r"(?<=\w)([.,?!])(?=\s|$)", r" \1", part.lower())


def _outside_tags(change: Callable[[str], str], marked: str) -> str:
    """Change the words, identifiers among them, but not the marks' own tags."""
    return "".join(part if part.startswith("\ue000") else change(part) for part in _MARK_WORDS.split(marked))


def _scanned(rng: Random, part: str) -> str:
    return "".join(_MISREAD.get(c, c) if rng.random() < 0.04 else c for c in part)
