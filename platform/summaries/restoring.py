"""Real values put back into a summary while it is still being written."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from privacy.placeholders import restore

# The beginning of what may become a placeholder with the next piece.
_UNFINISHED = re.compile(r"\[(?:[A-Z]{1,20}(?:_\d{0,6})?)?\Z")


class StreamRestorer:
    """Takes a text in pieces and gives it out again, real values in the place of whole placeholders.

    Holds back no more than a placeholder's beginning. The pieces together are ``restore`` of the whole text.
    """

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = originals
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._held = text[end:]
        return restore(text[:end], self._originals)

    def rest(self) -> str:
        """What was held back when the text ended."""
        held, self._held = self._held, ""
        return restore(held, self._originals)


def restored(pieces: Iterable[str], originals: Mapping[str, str]) -> Iterator[str]:
    """``pieces`` with real values in the place of placeholders; empty ones are left out."""
    restorer = StreamRestorer(originals)
    for piece in pieces:
        if text := restorer.feed(piece):
            yield text
    if text := restorer.rest():
        yield text


def inside_json(originals: Mapping[str, str]) -> dict[str, str]:
    """The values as they stand inside a string of JSON."""
    return {token: json.dumps(value, ensure_ascii=False)[1:-1] for token, value in originals.items()}
