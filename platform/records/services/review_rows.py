"""What reviewers added and took back, as test rows and training rows for the scrubber, with surrogates inside.

No identifier leaves the store: whatever the record hides is made up here, and a text in which one of its
identifiers still stands somewhere else is withheld.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Clinic, User
from audit import log
from privacy.kinds import Kind, Span
from privacy.placeholders import PLACEHOLDER, PlacedSpan
from privacy.surrogates import surrogate_texts
from records import store
from records.models import Field, Record, Redaction
from records.services.scrubbing import standing_spans

Row = dict[str, Any]
# Shorter ones, such as an initial or an age, stand in texts for many other reasons.
_TELLING_LENGTH = 4


@dataclass(frozen=True)
class ReviewRows:
    """``withheld`` counts texts that were left out: original deleted, or an identifier left in another place."""

    rows: list[Row]
    withheld: int


@transaction.atomic
def collect_review_rows(*, clinic: Clinic, user: User) -> ReviewRows:
    """A row {text, spans, added, rejected} for each text in which a reviewer changed something."""
    rows: list[Row] = []
    withheld = 0
    for record in _changed_records(clinic):
        if not store.has_original(record):
            withheld += 1
            continue
        for row in _rows_of(record):
            rows += [row] if row else []
            withheld += row is None
    log.record(clinic=clinic, actor=user, action="export_review_rows", rows=len(rows), withheld=withheld)
    return ReviewRows(rows, withheld)


def _changed_records(clinic: Clinic) -> Iterator[Record]:
    changed = [Redaction.Verdict.ADDED, Redaction.Verdict.REJECTED]
    records = Record.objects.filter(
        clinic=clinic, status=Record.Status.APPROVED, redactions__verdict__in=changed
    )
    return records.distinct().select_related("clinic").prefetch_related("redactions").iterator(chunk_size=100)


def _rows_of(record: Record) -> Iterator[Row | None]:
    """The record's texts that a reviewer changed; None for one that may not leave the store."""
    original = store.load_original(record)
    texts = (original.source, original.target)
    redactions = list(record.redactions.all())
    standing = standing_spans(redactions)
    # A key of this export alone, so that its surrogates lead nowhere.
    made = surrogate_texts(texts, standing, key=secrets.token_bytes(32))
    identifiers = {
        text[span.start : span.end] for text, row in zip(texts, standing, strict=True) for span in row
    }
    for field, text, placed in zip(Field.values, made.texts, made.spans, strict=True):
        own = [each for each in redactions if each.field == field]
        added = [each for each in own if each.verdict == Redaction.Verdict.ADDED]
        rejected = [each for each in own if each.verdict == Redaction.Verdict.REJECTED]
        if not added and not rejected:
            continue
        if any(_stands_in(identifier, text) for identifier in identifiers):
            yield None
            continue
        yield {
            "text": text,
            "spans": [_as_json(_new(span)) for span in _real(placed)],
            "added": [
                _as_json(_new(span)) for span in _real(placed) if any(_touch(span, each) for each in added)
            ],
            "rejected": [
                _as_json(_moved(each, placed))
                for each in rejected
                if not any(_touch(span, each) for span in placed)
            ],
        }


def _real(placed: Sequence[PlacedSpan]) -> list[PlacedSpan]:
    """What stands as made-up words; a placeholder is nothing that a scrubber should find."""
    return [span for span in placed if not PLACEHOLDER.fullmatch(span.placeholder)]


def _new(span: PlacedSpan) -> Span:
    return Span(span.start, span.end, span.kind)


def _moved(redaction: Redaction, placed: Sequence[PlacedSpan]) -> Span:
    """Where a span that was left standing lies in the new text."""
    before = [span for span in placed if span.original_end <= redaction.start]
    shift = before[-1].end - before[-1].original_end if before else 0
    return Span(redaction.start + shift, redaction.end + shift, Kind(redaction.kind))


def _touch(span: PlacedSpan, redaction: Redaction) -> bool:
    return span.original_start < redaction.end and redaction.start < span.original_end


def _stands_in(identifier: str, text: str) -> bool:
    if sum(map(str.isalnum, identifier)) < _TELLING_LENGTH:
        return False
    inner = r"\s+".join(map(re.escape, identifier.split()))
    return re.search(rf"(?<!\w){inner}(?!\w)", text, re.IGNORECASE) is not None


def _as_json(span: Span) -> Row:
    return {"start": span.start, "end": span.end, "label": str(span.kind)}
