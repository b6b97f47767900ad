"""Realistic surrogates: made-up words of the same kind and form, the same for a patient in every record.

A patient's key decides them all. What cannot be given one safely, such as a date in a form that nobody understands,
gets a typed placeholder instead. None equals or contains what it stands for, or equals another identifier of the record.
"""

import re
from collections.abc import Iterable, Sequence

from privacy.kinds import Kind, Span
from privacy.placeholders import Identifier, Replacement, placeholders_for, put
from privacy.surrogates import numbers, places
from privacy.surrogates.dates import DateShift
from privacy.surrogates.keyed import Chooser, NoSurrogate, folded
from privacy.surrogates.people import People

_TITLE_LENGTH = 12
_WORDS = re.compile(r"[^\W\d_]{2,}")


def surrogate_texts(texts: Sequence[str], spans: Sequence[Sequence[Span]], *, key: bytes) -> Replacement:
    """Surrogates for ``spans[i]`` (sorted, no overlaps) of ``texts[i]``; ``key`` is the patient's secret.

    ``originals`` of the result is empty: a surrogate cannot be turned back.
    """
    standing = placeholders_for(texts, spans)
    record = _Record(texts, spans, standing, key)
    return put(texts, spans, {each: record.surrogate(each) or token for each, token in standing.items()}, {})


class _Record:
    def __init__(
        self,
        texts: Sequence[str],
        spans: Sequence[Sequence[Span]],
        identifiers: Iterable[Identifier],
        key: bytes,
    ) -> None:
        values = [value for _, value in identifiers]
        self._originals = {folded(value) for value in values}
        self._chooser = Chooser(key, [*values, *(word for value in values for word in _WORDS.findall(value))])
        self._dates = DateShift(self._chooser)
        names = [
            (text[span.start : span.end], text[max(0, span.start - _TITLE_LENGTH) : span.start])
            for text, row in zip(texts, spans, strict=True)
            for span in row
            if span.kind is Kind.NAME
        ]
        self._people = People(self._chooser, names)

    def surrogate(self, identifier: Identifier) -> str | None:
        kind, value = identifier
        try:
            made = self._make(kind, value)
        except NoSurrogate:
            return None
        return made if self._is_safe(value, made) else None

    def _make(self, kind: Kind, value: str) -> str:
        match kind:
            case Kind.NAME:
                return self._people.surrogate(value)
            case Kind.DATE:
                return self._dates.surrogate(value)
            case Kind.LOCATION | Kind.ORGANIZATION:
                return places.place(self._chooser, value)
            case Kind.AGE:
                return numbers.age(value)
            case Kind.EMAIL:
                return numbers.email(self._chooser, value, self._people.surrogate)
            case Kind.URL:
                return numbers.url(self._chooser, value)
            case Kind.IP:
                return numbers.ip(self._chooser, value)
            case _:
                return numbers.code(self._chooser, kind, value)

    def _is_safe(self, value: str, made: str) -> bool:
        before, after = folded(value), folded(made)
        if not after or after in self._originals:
            return False
        if len(before) > 2:
            return before not in after
        return before not in {folded(word) for word in re.findall(r"\w+", made)}
