"""People look at what the scrubber did: reject a redaction, add one it missed, approve the record."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from privacy.kinds import Kind
from records import store
from records.models import Field, Record, Redaction, ScrubbedText
from records.services.scrubbing import seal_version, standing_spans
from records.store import Texts


class NotReviewable(Exception):
    """The record is not waiting for review, or a span lies outside its text."""


@dataclass(frozen=True)
class AddedSpan:
    """An identifier that a reviewer marked: offsets into the original text of ``field``."""

    field: str
    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class OpenedRecord:
    """A record as its page shows it: the original, and the redactions found in it."""

    original: Texts
    scrubbed: Texts
    redactions: list[Redaction]


@transaction.atomic
def open_record(*, record: Record, user: User) -> OpenedRecord:
    """Read a record's words. Each look is an audit entry (45 CFR 164.312(b)). Raises ``store.OriginalGone``."""
    log.record(clinic=record.clinic, actor=user, action="view_record", subject=record)
    return OpenedRecord(
        store.load_original(record), store.open_scrubbed(latest_text(record)), list(record.redactions.all())
    )


@transaction.atomic
def open_scrubbed(*, record: Record, user: User) -> Texts:
    """What is left to read of a record whose original is gone; an audit entry all the same."""
    log.record(clinic=record.clinic, actor=user, action="view_record", subject=record, original=False)
    return store.open_scrubbed(latest_text(record))


def latest_text(record: Record) -> ScrubbedText:
    """The newest scrubbed version; raises ``NotReviewable`` for a record that has none."""
    text = record.scrubbed_texts.order_by("-version").first()
    if text is None:
        raise NotReviewable("The record has not been scrubbed.")
    return text


def newest_texts() -> models.QuerySet[ScrubbedText]:
    """Scrubbed texts that no later version replaced."""
    later = ScrubbedText.objects.filter(record=OuterRef("record"), version__gt=OuterRef("version"))
    return ScrubbedText.objects.filter(~Exists(later))


def waiting_records(clinic: Clinic) -> models.QuerySet[Record]:
    """Records that wait for review, the one with the least sure redaction first, those without any last."""
    waiting = Record.objects.filter(clinic=clinic, status=Record.Status.SCRUBBED)
    return waiting.order_by(F("lowest_score").asc(nulls_last=True), "number")


def next_waiting(clinic: Clinic, after: Record | None = None) -> Record | None:
    """The first record of the queue that stands behind ``after``; the very first one where none does."""
    waiting, behind = waiting_records(clinic), Q()
    if after and after.lowest_score is None:
        behind = Q(lowest_score=None, number__gt=after.number)
    elif after:
        level = Q(lowest_score=after.lowest_score, number__gt=after.number)
        behind = level | Q(lowest_score__gt=after.lowest_score) | Q(lowest_score=None)
    return waiting.filter(behind).first() or waiting.first()


@transaction.atomic
def review_record(
    *, record: Record, reviewer: User, rejected: Collection[int] = (), added: Sequence[AddedSpan] = ()
) -> None:
    """Approve a record. ``rejected`` are ids of redactions that hide nothing, ``added`` what was missed."""
    reviewed = Record.objects.filter(
        pk=record.pk, status__in=[Record.Status.SCRUBBED, Record.Status.APPROVED]
    )
    if not reviewed.update(status=Record.Status.APPROVED, reviewed_at=timezone.now(), reviewed_by=reviewer):
        raise NotReviewable("Only a scrubbed record can be reviewed.")
    try:
        original = store.load_original(record)
    except store.OriginalGone as error:
        raise NotReviewable("The original was deleted, so the record cannot be reviewed again.") from error
    _check(added, original)
    _decide(record, reviewer, rejected, added)
    # No new version where the text stays as it was, even if a second review took back what the first one rejected.
    seal_version(record, original, standing_spans(list(record.redactions.all())))
    log.record(
        clinic=record.clinic,
        actor=reviewer,
        action="review_record",
        subject=record,
        rejected=len(rejected),
        added=len(added),
    )


@transaction.atomic
def approve_records(*, clinic: Clinic, records: Iterable[Record], reviewer: User, reason: str) -> int:
    """Approve scrubbed records as they are, on a person's word given as ``reason``. Returns how many."""
    keys = [record.pk for record in records]
    approved = 0
    for start in range(0, len(keys), 500):
        scrubbed = Record.objects.filter(
            clinic=clinic, pk__in=keys[start : start + 500], status=Record.Status.SCRUBBED
        )
        approved += scrubbed.update(
            status=Record.Status.APPROVED, reviewed_at=timezone.now(), reviewed_by=reviewer
        )
    log.record(clinic=clinic, actor=reviewer, action="approve_records", records=approved, reason=reason)
    return approved


def _check(added: Sequence[AddedSpan], original: Texts) -> None:
    for span in added:
        text = original.source if span.field == Field.SOURCE else original.target
        if not 0 <= span.start < span.end <= len(text):
            raise NotReviewable("A marked span lies outside the text. Reload the page and mark it again.")


def _decide(record: Record, reviewer: User, rejected: Collection[int], added: Sequence[AddedSpan]) -> None:
    found = record.redactions.exclude(verdict=Redaction.Verdict.ADDED)
    found.exclude(pk__in=rejected).update(verdict=Redaction.Verdict.ACCEPTED, decided_by=reviewer)
    record.redactions.filter(pk__in=rejected).update(verdict=Redaction.Verdict.REJECTED, decided_by=reviewer)
    Redaction.objects.bulk_create(
        Redaction(
            record=record,
            field=span.field,
            start=span.start,
            end=span.end,
            kind=span.kind.value,
            score=1.0,
            recognizer="reviewer",
            verdict=Redaction.Verdict.ADDED,
            decided_by=reviewer,
        )
        for span in added
    )
