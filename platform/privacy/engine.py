"""Presidio's analyzer over our recognizers, failing closed: every identifier in a text, or a ScrubError."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from privacy.kinds import Kind, Span
from privacy.placeholders import PLACEHOLDER
from privacy.presidio import (
    AnalyzerEngine,
    ContextAwareEnhancer,
    EntityRecognizer,
    NoOpNlpEngine,
    RecognizerRegistry,
    RecognizerResult,
)
from privacy.recognizers import build_recognizers

MAX_CHARACTERS = 400_000


class ScrubError(Exception):
    """A text could not be scrubbed. Names the recognizer or limit and the kind of fault, never the text."""


class _Guarded(EntityRecognizer):
    """Any recognizer, with a fault turned into ScrubError. Presidio's own let some end in an empty result."""

    def __init__(self, recognizer: EntityRecognizer) -> None:
        self._recognizer = recognizer
        self._label = str(getattr(recognizer, "name", type(recognizer).__name__))
        super().__init__(supported_entities=recognizer.supported_entities, name=self._label)

    def load(self) -> None:
        """The recognizer was loaded when it was built."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        try:
            return list(self._recognizer.analyze(text, entities, nlp_artifacts))
        except Exception as error:
            fault = type(error).__name__
        # Raised outside the handler: a chained exception could carry the text.
        raise ScrubError(f"recognizer {self._label} failed: {fault}")


class _NoContext(ContextAwareEnhancer):
    """Our rules carry their context; Presidio's enhancer would copy every result for nothing."""

    def __init__(self) -> None:
        super().__init__(0, 0, 0, 0)

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        *_: Any,
        **__: Any,
    ) -> list[RecognizerResult]:
        return raw_results


class Scrubber:
    """Finds identifiers. Holds no text and no state between calls, so threads may share one."""

    def __init__(self, recognizers: Iterable[EntityRecognizer] | None = None) -> None:
        chosen = build_recognizers() if recognizers is None else recognizers
        self._analyzer = AnalyzerEngine(
            registry=RecognizerRegistry(recognizers=[_Guarded(each) for each in chosen]),
            nlp_engine=NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}]),
            context_aware_enhancer=_NoContext(),
        )

    def find(self, text: str) -> list[Span]:
        """Every identifier in ``text``: sorted, without overlaps, in characters of ``text``.

        Raises ScrubError when the text is above MAX_CHARACTERS or holds a NUL, or any recognizer fails.
        """
        if len(text) > MAX_CHARACTERS:
            raise ScrubError(f"text above {MAX_CHARACTERS} characters")
        if "\0" in text:
            raise ScrubError("text holds a NUL character")
        if not text.strip():
            return []
        spans = [_span(result, len(text)) for result in self._analyze(text)]
        return _outside_placeholders(resolve(spans, text), text)

    def _analyze(self, text: str) -> list[RecognizerResult]:
        try:
            return list(self._analyzer.analyze(text, language="en"))
        except ScrubError:
            raise
        except Exception as error:
            fault = type(error).__name__
        raise ScrubError(f"analyzer failed: {fault}")


def _span(result: RecognizerResult, length: int) -> Span:
    name = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY, "")
    if not 0 <= result.start < result.end <= length:
        raise ScrubError(f"recognizer {name} gave a range outside the text")
    return Span(result.start, result.end, Kind(result.entity_type), round(float(result.score), 3), name)


def resolve(spans: Sequence[Span], text: str) -> list[Span]:
    """Spans without overlaps that cover every letter and digit the given ones cover.

    The surer span wins, then the longer; of the loser, what sticks out is kept, so nothing found is uncovered.
    """
    taken: list[Span] = []
    owner = bytearray(len(text))
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start)):
        for start, end in _free_ranges(owner, span.start, span.end):
            piece = text[start:end]
            if any(map(str.isalnum, piece)):
                left = start + len(piece) - len(piece.lstrip())
                taken.append(Span(left, left + len(piece.strip()), span.kind, span.score, span.recognizer))
        owner[span.start : span.end] = b"\1" * (span.end - span.start)
    return sorted(taken)


def _free_ranges(owner: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    ranges = []
    while (start := owner.find(0, start, end)) >= 0:
        stop = owner.find(1, start, end)
        stop = end if stop < 0 else stop
        ranges.append((start, stop))
        start = stop
    return ranges


def _outside_placeholders(spans: list[Span], text: str) -> list[Span]:
    """A placeholder already in the text is no identifier: text scrubbed twice stays as it is."""
    placed = [match.span() for match in PLACEHOLDER.finditer(text)]
    if not placed:
        return spans
    owner = bytearray(len(text))
    for start, end in placed:
        owner[start:end] = b"\1" * (end - start)
    return [
        Span(start, end, span.kind, span.score, span.recognizer)
        for span in spans
        for start, end in _free_ranges(owner, span.start, span.end)
        if any(map(str.isalnum, text[start:end]))
    ]


def _scrubber_version() -> str:
    """Changes with any code or word list that decides what is found, and with the package of the name lists."""
    digest = hashlib.sha256(version("faker").encode())
    folder = Path(__file__).parent
    single = [folder / f"{name}.py" for name in ("engine", "rules", "lexicon", "placeholders")]
    for path in sorted([*single, *(folder / "recognizers").glob("*.py"), *(folder / "words").glob("*.txt")]):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return f"rules-{digest.hexdigest()[:12]}"


SCRUBBER_VERSION = _scrubber_version()
_building = Lock()


@cache
def _shared() -> Scrubber:
    return Scrubber()


def get_scrubber() -> Scrubber:
    """The process's scrubber, built on first use (about a second)."""
    with _building:
        return _shared()
