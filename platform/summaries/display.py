"""A text with its placeholders marked, for pages that tell real values, placeholders and inventions apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy.placeholders import PLACEHOLDER


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
