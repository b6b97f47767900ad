"""Identifiers out, typed placeholders in, and back again: "[NAME_1]" is the same person all through a record."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privacy.kinds import Kind, Span
from privacy.presidio import AnonymizerEngine, OperatorConfig, SpanToReplace

PLACEHOLDER = re.compile(r"\[(?:" + "|".join(Kind) + r")_\d{1,6}\]")

_TITLES = {
    "mr", "mrs", "ms", "miss", "mx", "dr", "doctor", "prof", "professor", "sir", "madam", "nurse",
    "md", "do", "rn", "np", "phd", "jr", "sr", "ii", "iii",
}  # fmt: skip
Identifier = tuple[Kind, str]
"""A kind and the words as they stand in the text."""

_anonymizer = AnonymizerEngine()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class PlacedSpan:
    """One placeholder, or other words in an identifier's place: ``start``/``end`` in the new text,
    ``original_start``/``original_end`` in the old.
    """

    start: int
    end: int
    placeholder: str
    kind: Kind
    original_start: int
    original_end: int


@dataclass(frozen=True)
class Replacement:
    """``originals`` holds the identifiers behind placeholders: keep it in memory, never store it."""

    texts: tuple[str, ...]
    originals: dict[str, str]
    spans: tuple[tuple[PlacedSpan, ...], ...]


def replace(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Replacement:
    """Put placeholders for ``spans[i]`` (sorted, no overlaps) into ``texts[i]``, one numbering over all texts.

    Equal values of a kind share a placeholder; so do a full name and its surname or first name, when only
    one person in the record has it. Placeholders that the texts already hold are not given out again.
    """
    numbering = placeholders_for(texts, spans)
    originals: dict[str, str] = {}
    for (_, value), token in numbering.items():
        if len(value) > len(originals.get(token, "")):
            originals[token] = value  # the fullest form of a name is the one to give back
    return put(texts, spans, numbering, originals)


def placeholders_for(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> dict[Identifier, str]:
    """The placeholder of each identifier that ``spans`` mark, in the order of their first appearance."""
    taken = {token for text in texts for token in PLACEHOLDER.findall(text)}
    return _number(identifiers(texts, spans), taken)


def identifiers(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[Identifier]:
    """Kind and words of every span, in order."""
    return [
        (span.kind, text[span.start : span.end])
        for text, row in zip(texts, spans, strict=True)
        for span in row
    ]


def put(
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    words: Mapping[Identifier, str],
    originals: Mapping[str, str],
) -> Replacement:
    """``words`` in the identifiers' place. Raises ValueError for spans that overlap."""
    placed = [_place(text, row, words) for text, row in zip(texts, spans, strict=True)]
    return Replacement(tuple(text for text, _ in placed), dict(originals), tuple(row for _, row in placed))


def restore(text: str, originals: Mapping[str, str]) -> str:
    """Real values for placeholders; a placeholder that is not in ``originals`` stays as it is."""
    return PLACEHOLDER.sub(lambda match: originals.get(match.group(), match.group()), text)


def _place(
    text: str, row: Sequence[Span], words: Mapping[Identifier, str]
) -> tuple[str, tuple[PlacedSpan, ...]]:
    """Presidio's anonymizer merges neighbours of one type, so every span goes in as a type of its own."""
    if not row:
        return text, ()
    tokens = [words[span.kind, text[span.start : span.end]] for span in row]
    result = _anonymizer.anonymize(
        text=text,
        analyzer_results=[SpanToReplace(str(i), s.start, s.end, 1.0) for i, s in enumerate(row)],
        operators={str(i): OperatorConfig("replace", {"new_value": token}) for i, token in enumerate(tokens)},
        merge_entities_with_spaces=False,
    )
    items = sorted(result.items, key=lambda item: item.start)
    if len(items) != len(row):
        raise ValueError("spans overlap")
    return result.text, tuple(
        PlacedSpan(item.start, item.end, token, span.kind, span.start, span.end)
        for item, token, span in zip(items, tokens, row, strict=True)
    )


def _number(found: Sequence[Identifier], taken: set[str]) -> dict[Identifier, str]:
    """A placeholder for every (kind, value), numbered by first appearance."""
    people = _people([_name_words(value) for kind, value in found if kind is Kind.NAME])
    counters: dict[Kind, int] = {}
    by_key: dict[tuple[Kind, object], str] = {}
    numbering: dict[Identifier, str] = {}
    for kind, value in found:
        key: object = _normal(value)
        if kind is Kind.NAME and (words := _name_words(value)):
            key = people[words]
        if (kind, key) not in by_key:
            by_key[kind, key] = _next_token(kind, counters, taken)
        numbering[kind, value] = by_key[kind, key]
    return numbering


def _next_token(kind: Kind, counters: dict[Kind, int], taken: set[str]) -> str:
    while True:
        counters[kind] = counters.get(kind, 0) + 1
        token = f"[{kind}_{counters[kind]}]"
        if token not in taken:
            return token


def _people(names: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For every form of a name the fullest form it can only stand for; itself where two people would fit."""
    forms = sorted(set(names), key=_fullness, reverse=True)
    people: dict[tuple[str, ...], tuple[str, ...]] = {}
    for form in forms:
        fuller = {people[other] for other in people if _may_be(form, other)}
        people[form] = fuller.pop() if len(fuller) == 1 else form
    return people


def _fullness(name: tuple[str, ...]) -> tuple[int, int, tuple[str, ...]]:
    return len(name), sum(map(len, name)), name


def _may_be(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Every word of the short form is a word of the full one, or its initial, in the same order."""
    rest = iter(full)
    return any(len(word) > 1 for word in short) and all(
        any(word == other or (len(word) == 1 and other.startswith(word)) for other in rest) for word in short
    )


def _normal(value: str) -> str:
    folded = unicodedata.normalize("NFKD", value.casefold())
    return "".join(filter(str.isalnum, folded))


def _name_words(value: str) -> tuple[str, ...]:
    """ "SMITH, John A." and "Dr. John A. Smith's" both give ("john", "a", "smith")."""
    last, comma, first = value.partition(",")
    ordered = f"{first} {last}" if comma and _words(first) else value
    return _words(ordered)


def _words(value: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKD", value.casefold())
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    plain = re.sub(r"['’]s\b", "", plain)
    return tuple(word for word in re.findall(r"[^\W\d_]+", plain) if word not in _TITLES)
