"""What stands in an identifier's place: a typed placeholder, made-up words of the same kind, or asterisks."""

from collections.abc import Sequence
from enum import StrEnum

from privacy.kinds import Span
from privacy.placeholders import Replacement, identifiers, put, replace
from privacy.surrogates import surrogate_texts

MASK = "*****"
"""Always five: neither the kind nor the length of what was there can be told."""


class Operator(StrEnum):
    PLACEHOLDER = "placeholder"
    SURROGATE = "surrogate"
    MASK = "mask"


def apply(operator: str, texts: Sequence[str], spans: Sequence[Sequence[Span]], *, key: bytes) -> Replacement:
    """``spans[i]`` (sorted, no overlaps) of ``texts[i]`` replaced, over all texts alike.

    ``key`` is the patient's, and only surrogates need it. ``originals`` of the result is empty but for
    placeholders: neither surrogates nor asterisks can be turned back. Raises ValueError for an unknown operator.
    """
    match Operator(operator):
        case Operator.PLACEHOLDER:
            return replace(texts, spans)
        case Operator.SURROGATE:
            return surrogate_texts(texts, spans, key=key)
        case Operator.MASK:
            return mask_texts(texts, spans)


def mask_texts(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Replacement:
    """Five asterisks for every identifier, whatever it was."""
    return put(texts, spans, dict.fromkeys(identifiers(texts, spans), MASK), {})
