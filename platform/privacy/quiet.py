"""Which stretches of a text need reading closely: all but runs of plain words that name nobody and announce nothing.

Most of a visit's talk is everyday words, and neither a rule nor the tagger finds an identifier in "so how is your knee
doing today". A word is loud when it is not in ``words/plain.txt``, is capitalised where no sentence starts, or is a
number that could identify; what stands around a loud word is read closely, the rest is passed over. A word that is
not known is loud, so the list decides about speed and never about a name it has not seen.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

from privacy import lexicon

_MOSTLY = 0.8
_BETWEEN = "\n\n"

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:\.\d+)?|[^\w\s]|_")
_STARTS_SENTENCE = frozenset(".?!:;)]-*•")
_MYSELF = frozenset({"I", "I'm", "I've", "I'll", "I'd"})
_JOINS_NUMBERS = frozenset("/@#\\")
_NUMBER = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|double|triple)"
# Said in plain words, and still a number, a date or an address.
_SPOKEN = re.compile(
    rf"\b{_NUMBER}(?:[\s,-]+{_NUMBER}){{2,}}\b|\b(?:of|in|since|last|on|until|till|by|early|late|mid|from|next|this|end\sof)[\s-]+(?:may|march)\b"
    r"|\b(?:may|march)\s+(?:the\s+)?(?:\d|first|second|third|\w+th\b|twenty|thirty)|\bon\s+the\s+(?:\w+th|(?:\w+-)?(?:first|second|third))\b|\d-\d",
    re.IGNORECASE,
)


class Stretch(NamedTuple):
    start: int
    end: int


@cache
def _plain() -> frozenset[str]:
    return lexicon.words("plain")


def loud_words(text: str) -> list[Stretch]:
    """The words, and runs of words that say a number or date, around which ``text`` must be read; in order."""
    spoken = (match.span() for match in _SPOKEN.finditer(text))
    return sorted(Stretch(*span) for span in (*_unknown_words(text), *spoken))


def around(text: str, words: Iterable[Stretch], *, before: int, after: int) -> list[Stretch]:
    """Stretches with at least so many characters around each word: in order, apart from one another, cut between words.

    All of the text where that is most of it.
    """
    stretches: list[Stretch] = []
    for word in words:
        start, end = _widened(text, word.start - before, word.end + after)
        if stretches and start <= stretches[-1].end + 1:
            stretches[-1] = Stretch(stretches[-1].start, max(stretches[-1].end, end))
        else:
            stretches.append(Stretch(start, end))
    if sum(stretch.end - stretch.start for stretch in stretches) > _MOSTLY * len(text):
        return [Stretch(0, len(text))]
    return stretches


def sentences_around(text: str, words: Iterable[Stretch]) -> list[Stretch]:
    """The sentence of each word, with the one before where that is short: an answer is read with its question.

    A sentence that does not end is cut between words some way off.
    """
    wholes = (Stretch(_sentence_start(text, word.start), _sentence_end(text, word.end)) for word in words)
    return around(text, wholes, before=0, after=0)


_ENDS = re.compile(r"[.?!][\s\"')\]]*\s|\n")
_FAR, _SHORT = 160, 50


def _sentence_start(text: str, at: int) -> int:
    floor = max(0, at - _FAR)
    ends = [match.end() for match in _ENDS.finditer(text, floor, at)]
    close = [end for end in ends if at - end >= _SHORT]
    if close:
        return close[-1]
    return floor if floor or not ends else 0


def _sentence_end(text: str, at: int) -> int:
    match = _ENDS.search(text, at, at + _FAR)
    return match.start() + 1 if match else min(len(text), at + _FAR // 2)


@dataclass(frozen=True)
class Excerpt:
    """Stretches of a text as one text, and the way back."""

    text: str
    stretches: Sequence[Stretch]

    @cached_property
    def words(self) -> str:
        return _BETWEEN.join(self.text[stretch.start : stretch.end] for stretch in self.stretches)

    @cached_property
    def _offsets(self) -> list[int]:
        offsets, at = [], 0
        for stretch in self.stretches:
            offsets.append(at)
            at += stretch.end - stretch.start + len(_BETWEEN)
        return offsets

    def ranges(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where characters ``start`` to ``end`` of ``words`` stand in the text: one range, or one for each stretch they touch."""
        number = bisect_right(self._offsets, start) - 1
        while number < len(self.stretches) and self._offsets[number] < end:
            stretch = self.stretches[number]
            shift = stretch.start - self._offsets[number]
            first, last = max(start + shift, stretch.start), min(end + shift, stretch.end)
            if first < last:
                yield first, last
            number += 1


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    start, end = max(0, start), min(len(text), end)
    if start:
        start = max(text.rfind(" ", 0, start + 1), text.rfind("\n", 0, start + 1)) + 1
    stops = [stop for stop in (text.find(" ", end), text.find("\n", end)) if stop >= 0]
    return start, min(stops, default=len(text))


def _unknown_words(text: str) -> Iterator[tuple[int, int]]:
    plain = _plain()
    starts_sentence, before = True, 0
    for match in _TOKEN.finditer(text):
        word = match.group()
        first = word[0]
        if first.isalpha():
            if word not in plain:  # else it is small and known: most words are
                may_be_plain = word.islower() or starts_sentence or "\n" in text[before : match.start()]
                if not (may_be_plain and lexicon.fold(word) in plain) and word not in _MYSELF:
                    yield match.span()
            starts_sentence = False
        elif first.isdigit():
            if len(word) > 2 or int(word) > 89:
                yield match.span()
            starts_sentence = False
        elif first in _JOINS_NUMBERS:
            yield match.span()
        else:
            starts_sentence = first in _STARTS_SENTENCE
        before = match.end()
