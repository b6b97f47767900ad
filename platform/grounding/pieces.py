"""A summary as sentences and claims, a record as the lines that can be evidence. Every piece keeps its place in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from grounding.word_lists import lines

_END = re.compile(r"(?:[.!?]+[\"')\]]*|(?<=\s)[.?!])(?=\s+\S)|\n+|\s*[•\u25cf]\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|st|vs|no|approx|prof|jr|sr|dept|e\.g|i\.e|etc|fig|inc|(?-i:[A-Z])|[a-z]\.[a-z](?:\.[a-z])*)|(?:^|\n)\s*\d{1,2})\.$",
    re.IGNORECASE,
)
_EDGE = " \t\r\n-*–•"
_SPEAKER = re.compile(r"[ \t]*(?:\[([a-z_ ]{2,20})\]|([A-Za-z][A-Za-z_ ]{0,19}):(?=\s))[ \t]*", re.IGNORECASE)
_ROLES = {"d": "doctor", "doctor": "doctor", "dr": "doctor", "clinician": "doctor", "physician": "doctor", "provider": "doctor",
          "nurse": "doctor", "p": "patient", "patient": "patient", "pt": "patient", "guest_family": "family",
          "guest_clinician": "doctor", "family": "family", "patient_guest": "family", "mother": "family", "father": "family"}  # fmt: skip
_SPLIT = re.compile(
    r";\s+|,?\s+(?:but|however|although|though|whereas)\s+"
    r"|,?\s+and\s+(?=(?:he|she|they|the patient|we|i|it|denies|reports|has|had|is|was|will|takes|states)\b)",
    re.IGNORECASE,
)
_HEADING_WORDS = 6
_PARTS = frozenset(["head", "eyes", "ears", "nose", "mouth", "throat", "neck", "chest", "heart", "lungs", "abdomen", "back", "skin", "extremities", "breasts", "spine"])  # fmt: skip
"""Headings when they stand alone; before a colon they say of what the sentence is."""
_LONG_WORDS = 25


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters ``start`` to ``end`` of a text. ``speaker`` is "doctor", "patient", "family" or "" in a record, "" in a summary."""

    start: int
    end: int
    text: str
    speaker: str = ""


def sentences(text: str) -> list[Piece]:
    """The sentences of a summary that say something: headings, alone on a line or before a colon, are passed over."""
    return [_without_heading(piece) for piece in _split(text, 0, len(text)) if not is_heading(piece.text)]


def _without_heading(piece: Piece) -> Piece:
    label, colon, rest = piece.text.partition(":")
    if not colon or label.strip().lower() not in _headings() or is_heading(rest):
        return piece
    start = piece.start + len(label) + 1 + len(rest) - len(rest.lstrip())
    return Piece(start, piece.end, rest.lstrip())


def claims(sentence: Piece) -> list[Piece]:
    """What a sentence says one by one: its clauses, each with at least two words; else the sentence itself."""
    cuts = [0]
    for match in _SPLIT.finditer(sentence.text):
        before, after = sentence.text[cuts[-1] : match.start()], sentence.text[match.end() :]
        if len(before.split()) >= 2 and len(after.split()) >= 2:
            cuts.append(match.end())
    ends = [*cuts[1:], len(sentence.text)]
    return [
        Piece(sentence.start + first, sentence.start + last, sentence.text[first:last])
        for first, last in zip(cuts, ends, strict=True)
    ]


def is_heading(text: str) -> bool:
    """ "PHYSICAL EXAMINATION", "Results:": names a section and claims nothing."""
    words = text.split()
    if not re.search(r"[A-Za-z0-9]", text):
        return True
    if text.strip(" .:").lower() in _headings() | _PARTS:
        return True
    few = len(words) <= _HEADING_WORDS
    return few and (text.endswith(":") or (len(words) > 1 and text.isupper() and not re.search(r"\d", text)))


@cache
def _headings() -> frozenset[str]:
    return frozenset(name.strip() for line in lines("headings") for name in line.split(","))


def record_lines(source: str) -> list[Piece]:
    """The record's sentences, each with who speaks it; very long ones in parts."""
    lines: list[Piece] = []
    speaker, at = "", 0
    for line in source.splitlines(keepends=True):
        match = _SPEAKER.match(line)
        role = _ROLES.get((match[1] or match[2]).strip().lower().replace(" ", "_")) if match else None
        first = at
        if match and role:
            speaker, first = role, at + match.end()
        lines += [
            Piece(piece.start, piece.end, piece.text, speaker)
            for piece in _split(source, first, at + len(line))
        ]
        at += len(line)
    return lines


def is_dialogue(lines: list[Piece]) -> bool:
    """Two people speak in turn, so that "I" is the patient in one line and the doctor in the next."""
    return len({line.speaker for line in lines} - {""}) > 1


def _split(text: str, first: int, last: int) -> Iterator[Piece]:
    start = first
    for match in _END.finditer(text, first, last):
        if "\n" not in match.group() and _ABBREVIATION.search(
            text[max(start, match.end() - 12) : match.end()]
        ):
            continue
        yield from _pieces(text, start, match.end())
        start = match.end()
    yield from _pieces(text, start, last)


def _pieces(text: str, start: int, end: int) -> Iterator[Piece]:
    """Without blanks and bullets at the ends; a run of many words without a full stop in parts."""
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in " \t\r\n•":
        end -= 1
    words = [match.start() for match in re.finditer(r"\S+", text[start:end])]
    for number in range(0, len(words), _LONG_WORDS):
        first = start + words[number]
        last = start + words[number + _LONG_WORDS] if number + _LONG_WORDS < len(words) else end
        part = text[first:last].rstrip()
        if re.search(r"\w", part):
            yield Piece(first, first + len(part), part)
