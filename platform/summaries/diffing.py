"""What somebody changed in a text, word by word, for pages to show."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from privacy.placeholders import PLACEHOLDER

_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]+\s*|[^.!?\n]+")
_WORD = re.compile(rf"{PLACEHOLDER.pattern}|\w+|\s+|[^\w\s]")
# Pieces that could be matched. difflib looks at all of them again for every match: a text that repeats itself
# over twenty thousand characters would keep a page waiting for minutes.
_MOST_PAIRS = 20_000


@dataclass(frozen=True)
class Change:
    """A run of text. ``kind`` is same, deleted or inserted."""

    text: str
    kind: str


def word_changes(before: str, after: str) -> list[Change]:
    """The runs in reading order: without the inserted ones they are ``before``, without the deleted ones ``after``.

    Sentences are compared first, then the words of those that changed. A placeholder is one word.
    """
    runs = []
    for was, now in _compare(_SENTENCE, before, after):
        for old, new in _compare(_WORD, was, now) if was != now else [(was, now)]:
            runs += [Change(old, "same")] if old == new else [Change(old, "deleted"), Change(new, "inserted")]
    return [run for run in runs if run.text]


def _compare(piece: re.Pattern[str], before: str, after: str) -> Iterator[tuple[str, str]]:
    """Both texts in parts that are the same, or stand for one another; in one part where comparing costs too much."""
    old, new = piece.findall(before), piece.findall(after)
    often = Counter(new)
    if sum(often[each] for each in old if not each.isspace()) > _MOST_PAIRS:
        yield before, after
        return
    # White space never aligns two texts by itself, or every second piece would match.
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        yield "".join(old[start:end]), "".join(new[new_start:new_end])
