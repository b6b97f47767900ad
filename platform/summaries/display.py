"""A text with its placeholders marked, for pages that tell real values, placeholders and inventions apart, and its sentences checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from grounding.omissions import Omission
from privacy.placeholders import PLACEHOLDER
from summaries.checking import Checked, CheckedSentence, check


@dataclass(frozen=True)
class Segment:
    """A piece of text. ``kind`` is plain, restored (a real value), placeholder, or unknown to the record."""

    text: str
    kind: str
    placeholder: str = ""


def segments(text: str, *, source: str, originals: Mapping[str, str] | None = None) -> list[Segment]:
    """``text`` in pieces; with ``originals``, real values stand for their placeholders.

    A placeholder that ``source`` does not hold was made up by the model.
    """
    pieces, end = [], 0
    for match in PLACEHOLDER.finditer(text):
        pieces.append(Segment(text[end : match.start()], "plain"))
        pieces.append(_placeholder(match.group(), source, originals or {}))
        end = match.end()
    pieces.append(Segment(text[end:], "plain"))
    return [piece for piece in pieces if piece.text]


def _placeholder(token: str, source: str, originals: Mapping[str, str]) -> Segment:
    if token not in source:
        return Segment(token, "unknown", token)
    if token in originals:
        return Segment(originals[token], "restored", token)
    return Segment(token, "placeholder", token)


@dataclass(frozen=True)
class Part:
    """A stretch of a text: a sentence or line with its ``number``, or what stands between two (number 0)."""

    pieces: list[Segment]
    number: int = 0
    checked: CheckedSentence | None = None


@dataclass(frozen=True)
class Look:
    """A flagged sentence as the reader is first told of it, real values in it where they may be seen."""

    number: int
    key: str
    """The same for the same sentence in another version of the text, wherever it stands there."""
    checked: CheckedSentence
    sentence: list[Segment]
    reason: list[Segment]
    suggestion: list[Segment]


@dataclass(frozen=True)
class LeftOut:
    """An omission, the ``number`` of the record's line that tells it, and that line."""

    omission: Omission
    number: int
    line: list[Segment]


@dataclass(frozen=True)
class Shown:
    """A summary and its record, side by side and sentence by sentence; ``checked`` is None where the check failed.

    ``fingerprint`` tells which text it is: the draft, or what a person made of it.
    """

    fingerprint: str
    checked: Checked | None
    summary: list[Part]
    record: list[Part]
    look_first: list[Look]
    left_out: list[LeftOut]


def shown(text: str, *, source: str, is_whole: bool, originals: Mapping[str, str] | None = None) -> Shown:
    """What the page shows of a summary: the check reads placeholders, the reader real values where ``originals`` has them.

    ``is_whole`` as in ``summaries.checking.check``.
    """

    def mark(piece: str, of: Mapping[str, str] | None = originals) -> list[Segment]:
        return segments(piece, source=source, originals=of)

    checked = check(source, text, is_whole=is_whole)
    if checked is None:
        return Shown(fingerprint(text), None, [Part(mark(text))], [Part(mark(source, None))], [], [])
    numbers = {each.start: number for number, each in enumerate(checked.sentences, start=1)}
    sentences = {each.start: each for each in checked.sentences}
    summary = [
        Part(mark(text[start:end]), numbers.get(start, 0), sentences.get(start))
        for start, end in _stretches(text, [(each.start, each.end) for each in checked.sentences])
    ]
    lines = {start: number for number, (start, _) in enumerate(checked.lines, start=1)}
    record = [
        Part(mark(source[start:end], None), lines.get(start, 0))
        for start, end in _stretches(source, checked.lines)
    ]
    keys = _keys(checked.sentences)
    first = [
        Look(
            numbers[each.start],
            keys[each.start],
            each,
            mark(each.text),
            mark(each.reason),
            mark(each.suggestion or ""),
        )
        for each in checked.worst_first
    ]
    left_out = [
        LeftOut(each, each.line + 1, mark(source[slice(*checked.lines[each.line])]))
        for each in checked.omissions
    ]
    return Shown(fingerprint(text), checked, summary, record, first, left_out)


def fingerprint(text: str) -> str:
    return sha256(text.strip().encode()).hexdigest()[:16]


def _keys(sentences: Sequence[CheckedSentence]) -> dict[int, str]:
    """By where a sentence starts; a sentence that is said twice has two."""
    keys, seen = {}, Counter[str]()
    for each in sentences:
        seen[each.text] += 1
        keys[each.start] = f"{fingerprint(each.text)}-{seen[each.text]}"
    return keys


def _stretches(text: str, places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The whole text in order: the places, and what stands between them."""
    at = 0
    for start, end in places:
        if at < start:
            yield at, start
        yield start, end
        at = end
    if at < len(text):
        yield at, len(text)
