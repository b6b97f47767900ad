"""Presidio's analyzer over our recognizers, failing closed: every identifier in a text, or a ScrubError."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from privacy import chosen, quiet
from privacy.kinds import Kind, Span
from privacy.placeholders import PLACEHOLDER
from privacy.plausible import is_eponym, is_plausible, names_an_illness, needs_reading
from privacy.presidio import (
    AnalyzerEngine,
    ContextAwareEnhancer,
    EntityRecognizer,
    NoOpNlpEngine,
    RecognizerRegistry,
    RecognizerResult,
)
from privacy.recognizers import build_recognizers
from privacy.spacy_names import SpacyRecognizer
from privacy.tagger import Tagger, TaggerRecognizer

MAX_CHARACTERS = 400_000
_BY_LISTS = {"names", "places"}
_CUED = 0.9
"""Rules that read a title or another announcement give this score or more."""
_PARTING = " \t\r\n;,"


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


def _analyzer(recognizers: Iterable[EntityRecognizer]) -> AnalyzerEngine:
    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=[_Guarded(each) for each in recognizers]),
        nlp_engine=NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}]),
        context_aware_enhancer=_NoContext(),
    )


class Scrubber:
    """Finds identifiers. Holds no text and no state between calls, so threads may share one."""

    def __init__(
        self, rules: Iterable[EntityRecognizer] | None = None, tagger: EntityRecognizer | None = None
    ) -> None:
        self._rules = _analyzer(build_recognizers() if rules is None else rules)
        self._tagger = _analyzer([tagger]) if tagger else None

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
        loud = quiet.loud_words(text)
        spans = self._read(self._rules, text, quiet.around(text, loud, before=80, after=50))
        if self._tagger:
            doubtful = quiet.sentences_around(text, _unexplained(text, loud, spans))
            spans += [span for span in self._read(self._tagger, text, doubtful) if is_plausible(text, span)]
        spans = [_whole(span, text) for span in spans if not _is_medicine(text, span)]
        return [_trimmed(span, text) for span in _outside_placeholders(resolve(spans, text), text)]

    def _read(self, analyzer: AnalyzerEngine, text: str, stretches: Sequence[quiet.Stretch]) -> list[Span]:
        excerpt = quiet.Excerpt(text, stretches)
        return [
            Span(start, end, span.kind, span.score, span.recognizer)
            for span in _analyze(analyzer, excerpt.words)
            for start, end in excerpt.ranges(span.start, span.end)
        ]


def _is_medicine(text: str, span: Span) -> bool:
    """True for what the lists of names and places take for one where it names an illness or an instrument."""
    uncued = span.recognizer in _BY_LISTS and span.score < _CUED
    return uncued and (names_an_illness(text, span) or is_eponym(text, span))


_INITIAL = re.compile(r" [A-Za-z]\.(?: [^\W\d_]{2,}(?= ?[,.;)?!\n]|$))?(?!\w)")


_NUMBER_BEFORE = re.compile(r"(?<![\w.,/-])(?:(?:Suite|Apt\.?|Unit) )?\d{2,6},? $")


def _whole(span: Span, text: str) -> Span:
    """A name with the initial after it and the surname after that ("keith v.", "Isioma H. Goldfinch"); a house with the
    number before its own ("17151 2450 Crown St").
    """
    start, end = span.start, span.end
    if span.kind is Kind.NAME and (tail := _INITIAL.match(text, end)):
        end = tail.end()
    if span.kind is Kind.LOCATION and text[start].isdigit():
        head = _NUMBER_BEFORE.search(text, max(0, start - 16), start)
        start = head.start() if head else start
    return Span(start, end, span.kind, span.score, span.recognizer)


def _analyze(analyzer: AnalyzerEngine, words: str) -> list[Span]:
    if not words:
        return []
    try:
        results = list(analyzer.analyze(words, language="en"))
    except ScrubError:
        raise
    except Exception as error:
        fault = type(error).__name__
    else:
        return [_span(result, len(words)) for result in results]
    raise ScrubError(f"analyzer failed: {fault}")


def _unexplained(text: str, loud: Sequence[quiet.Stretch], spans: Sequence[Span]) -> list[quiet.Stretch]:
    """The loud words that no rule has taken for an identifier and that reading could."""
    owner = bytearray(len(text))
    for span in spans:
        owner[span.start : span.end] = b"\1" * (span.end - span.start)
    return [
        word
        for word in loud
        if owner.find(1, word.start, word.end) < 0 and needs_reading(text, word.start, word.end)
    ]


def _span(result: RecognizerResult, length: int) -> Span:
    name = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY, "")
    if not 0 <= result.start < result.end <= length:
        raise ScrubError(f"recognizer {name} gave a range outside the text")
    return Span(result.start, result.end, Kind(result.entity_type), round(float(result.score), 3), name)


def resolve(spans: Sequence[Span], text: str) -> list[Span]:
    """Spans without overlaps that cover every letter and digit the given ones cover.

    The surer span wins, then the longer; of the loser, what sticks out is kept, so nothing found is uncovered: as part
    of the winner where both are of one kind ("Anna" and "Anna Smith" are "Anna Smith"), else by itself.
    """
    taken: list[Span] = []
    rests: list[Span] = []
    owner = bytearray(len(text))
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start)):
        for start, end in _free_ranges(owner, span.start, span.end):
            piece = text[start:end]
            if any(map(str.isalnum, piece)):
                left = start + len(piece) - len(piece.lstrip())
                whole = (start, end) == (span.start, span.end)
                kept = Span(left, left + len(piece.strip()), span.kind, span.score, span.recognizer)
                (taken if whole else rests).append(kept)
        owner[span.start : span.end] = b"\1" * (span.end - span.start)
    return _with_rests(sorted(taken), sorted(rests), text)


def _trimmed(span: Span, text: str) -> Span:
    """Without the marks around it that part one thing from the next: they would be put back with another's value."""
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip(_PARTING))
    return replace(span, start=start, end=start + len(words.strip(_PARTING)))


def _with_rests(taken: list[Span], rests: list[Span], text: str) -> list[Span]:
    """Each rest joined to the span of its kind that it touches, or standing by itself."""
    merged: list[Span] = []
    loose = set(rests)
    for span in sorted([*taken, *rests]):
        last = merged[-1] if merged else None
        if (
            last
            and last.kind == span.kind
            and {last, span} & loose
            and not any(map(str.isalnum, text[last.end : span.start]))
        ):
            merged[-1] = Span(last.start, span.end, last.kind, max(last.score, span.score), last.recognizer)
            loose |= {merged[-1]} if {last, span} <= loose else set()
        else:
            merged.append(span)
    return merged


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


_FOLDER = Path(__file__).parent
_building = Lock()


def scrubber_version() -> str:
    """Changes with any code, word list or weights that decide what is found, and with the package of the name lists."""
    return _version(chosen.tagger)


@cache
def _version(choice: str) -> str:
    digest = hashlib.sha256(version("faker").encode())
    single = [
        _FOLDER / f"{name}.py"
        for name in ("engine", "lexicon", "placeholders", "plausible", "quiet", "rules", "tagger")
    ]
    lists = [*(_FOLDER / "recognizers").glob("*.py"), *(_FOLDER / "words").glob("*.txt")]
    for path in sorted([*single, *lists]):
        digest.update(path.relative_to(_FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(_tagger_identity(choice).encode())
    return f"rules-{digest.hexdigest()[:12]}"


def _tagger_identity(choice: str) -> str:
    if choice.startswith("spacy:"):
        return choice
    card = _weights_of(choice) / "card.json"
    return card.read_text(encoding="utf-8") if card.is_file() else "none"


def _weights_of(choice: str) -> Path:
    return _FOLDER / "weights" / "tagger" if choice == chosen.EMBEDDED else Path(choice)


def _load_tagger(choice: str) -> EntityRecognizer:
    if choice.startswith("spacy:"):
        return SpacyRecognizer(choice.removeprefix("spacy:"))
    return TaggerRecognizer(Tagger(_weights_of(choice)))


@cache
def _built(choice: str) -> Scrubber:
    try:
        return Scrubber(tagger=_load_tagger(choice))
    except Exception as error:
        fault = type(error).__name__
    raise ScrubError(f"the tagger did not load: {fault}")


def get_scrubber() -> Scrubber:
    """The process's scrubber, built on first use (about two seconds). Raises ScrubError when its model does not load."""
    with _building:
        return _built(chosen.tagger)
