"""The gate: every record goes through the scrubber here, and what comes out is sealed."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from config import vault
from config.queue import enqueue
from privacy.engine import ScrubError, get_scrubber, scrubber_version
from privacy.kinds import Kind, Span
from privacy.operators import apply
from records import store
from records.models import Field, PrivacyPolicy, Record, Redaction, ScrubbedText, Upload
from records.store import Texts

NUDGE_AGAIN_SECONDS = 60
REASON_CHARACTERS = 80


def scrub_upload(*, upload: Upload) -> None:
    """Scrub what an upload brought in. Safe to run twice, or by two workers at once."""
    for record in upload.records.filter(status=Record.Status.RECEIVED).select_related("clinic"):
        scrub_record(record=record)


def scrub_record(*, record: Record) -> None:
    """RECEIVED → SCRUBBED, or QUARANTINED when anything at all goes wrong: no text passes unscrubbed."""
    try:
        original = store.load_original(record)
        spans = [find_spans(text) for text in (original.source, original.target)]
    except ScrubError as error:
        _quarantine(record, f"ScrubError: {error}"[:REASON_CHARACTERS])
        return
    except (OSError, vault.VaultError) as error:
        _quarantine(record, type(error).__name__)
        return
    with transaction.atomic():
        waiting = Record.objects.filter(pk=record.pk, status=Record.Status.RECEIVED)
        lowest = min((span.score for found in spans for span in found), default=None)
        if not waiting.update(status=Record.Status.SCRUBBED, scrubbed_at=timezone.now(), lowest_score=lowest):
            return
        Redaction.objects.bulk_create(
            Redaction(
                record=record,
                field=field,
                start=span.start,
                end=span.end,
                kind=span.kind.value,
                score=span.score,
                recognizer=span.recognizer,
            )
            for field, found in zip(Field.values, spans, strict=True)
            for span in found
        )
        seal_version(record, original, spans)
        log.record(
            clinic=record.clinic,
            actor=None,
            action="scrub_record",
            subject=record,
            redactions=sum(map(len, spans)),
            scrubber=scrubber_version(),
        )


def find_spans(text: str) -> list[Span]:
    """Raises ScrubError for whatever goes wrong, a scrubber that does not load among it."""
    try:
        return get_scrubber().find(text)
    except ScrubError:
        raise
    except Exception as error:
        fault = type(error).__name__
    # Raised outside the handler: a chained exception could carry the text.
    raise ScrubError(f"the scrubber failed: {fault}")


@transaction.atomic
def scrub_again(*, clinic: Clinic, user: User, record: Record | None = None) -> int:
    """QUARANTINED → RECEIVED, to be scrubbed again once what was wrong is put right: one record, or all of them.

    Returns how many. A record whose fault is still there comes back to quarantine by itself.
    """
    set_aside = Record.objects.filter(clinic=clinic, status=Record.Status.QUARANTINED)
    if record is not None:
        set_aside = set_aside.filter(pk=record.pk)
    uploads = list(Upload.objects.filter(records__in=set_aside).distinct())
    count = set_aside.update(status=Record.Status.RECEIVED, quarantine_reason="")
    if count:
        log.record(clinic=clinic, actor=user, action="scrub_again", subject=record, records=count)
    for upload in uploads:
        nudge(upload)
    return count


def harmless(label: str) -> str:
    """A section or kind as somebody typed it, or nothing where the scrubber finds an identifier in it."""
    try:
        return "" if find_spans(label) else label
    except ScrubError:
        return ""


def nudge_forgotten() -> None:
    """Send lost nudges again: uploads whose records still wait a minute after a worker was told."""
    long_ago = timezone.now() - timedelta(seconds=NUDGE_AGAIN_SECONDS)
    forgotten = Upload.objects.filter(
        Q(nudged_at__lt=long_ago) | Q(nudged_at=None, created_at__lt=long_ago),
        records__status=Record.Status.RECEIVED,
    ).distinct()
    for upload in forgotten:
        nudge(upload)


@transaction.atomic
def nudge(upload: Upload) -> None:
    """Have a worker scrub the records of ``upload`` that wait."""
    Upload.objects.filter(pk=upload.pk).update(nudged_at=timezone.now())
    enqueue("scrub_upload", str(upload.uuid))


def seal_version(record: Record, original: Texts, spans: Sequence[Sequence[Span]]) -> ScrubbedText:
    """A new version of the record's scrubbed text, by the clinic's operator; the newest one where it says the same.

    Earlier versions stay: datasets may rest on them.
    """
    operator = PrivacyPolicy.of(record.clinic).operator
    fields = (original.source, original.target)
    texts = Texts(*apply(operator, fields, spans, key=store.surrogate_key(record)).texts)
    newest = record.scrubbed_texts.order_by("-version").first()
    if newest is not None and store.open_scrubbed(newest) == texts:
        return newest
    version = newest.version + 1 if newest else 1
    row = store.close_scrubbed(record, version, texts, scrubber_version(), operator)
    row.save(force_insert=True)
    return row


def says_the_same(original: str, spans: Sequence[Span], scrubbed: str) -> bool:
    """Whether ``scrubbed`` is ``original`` with other words in the place of ``spans`` alone, whichever they are."""
    ends, starts = [0, *(span.end for span in spans)], [*(span.start for span in spans), len(original)]
    kept = [original[start:end] for start, end in zip(ends, starts, strict=True)]
    if len(kept) == 1:
        return scrubbed == original
    if not scrubbed.startswith(kept[0]):
        return False
    at = len(kept[0])
    for piece in kept[1:-1]:
        at = scrubbed.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return scrubbed.endswith(kept[-1]) and len(scrubbed) - len(kept[-1]) >= at


def standing_spans(redactions: Sequence[Redaction]) -> list[list[Span]]:
    """Per field, the spans that nobody rejected, merged where a reviewer's addition overlaps a found one."""
    standing = [redaction for redaction in redactions if redaction.verdict != Redaction.Verdict.REJECTED]
    by_field = {
        field: [_span(redaction) for redaction in group]
        for field, group in groupby(sorted(standing, key=lambda r: (r.field, r.start)), key=lambda r: r.field)
    }
    return [_merged(by_field.get(field, [])) for field in Field.values]


def _span(redaction: Redaction) -> Span:
    return Span(redaction.start, redaction.end, Kind(redaction.kind), redaction.score, redaction.recognizer)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            last = merged.pop()
            span = Span(
                last.start, max(last.end, span.end), last.kind, max(last.score, span.score), last.recognizer
            )
        merged.append(span)
    return merged


@transaction.atomic
def _quarantine(record: Record, reason: str) -> None:
    waiting = Record.objects.filter(pk=record.pk, status=Record.Status.RECEIVED)
    if waiting.update(status=Record.Status.QUARANTINED, quarantine_reason=reason):
        log.record(
            clinic=record.clinic, actor=None, action="quarantine_record", subject=record, reason=reason
        )
