"""What the clinic does not need any more is deleted: originals after their review, uploads that nobody confirmed."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Clinic
from audit import log
from records import store
from records.models import DatasetProposal, PrivacyPolicy, Record, SampledText, Upload

KEEP_WAITING_UPLOADS_DAYS = 7
_AT_ONCE = 200
_DECIDED = (Upload.Status.CONFIRMED, Upload.Status.DISCARDED)


def apply_retention() -> None:
    """Run again and again by the worker. Whatever an earlier run left undone is due once more."""
    for clinic in Clinic.objects.all():
        delete_due_originals(clinic=clinic)
    discard_forgotten_uploads()


def delete_due_originals(*, clinic: Clinic) -> int:
    """Delete the originals of records whose review is as long ago as the policy says. Returns how many."""
    deleted = 0
    for keys in _portions(due_originals(clinic)):
        deleted += _delete_originals(clinic, keys)
    return deleted


def due_originals(clinic: Clinic) -> models.QuerySet[Record]:
    """Reviewed records past the policy's days, but for those somebody may still mark a leak in."""
    before = timezone.now() - timedelta(days=PrivacyPolicy.of(clinic).keep_originals_days)
    unread = SampledText.objects.filter(read_at=None).exclude(
        proposal__status=DatasetProposal.Status.WITHDRAWN
    )
    return Record.objects.filter(
        clinic=clinic, status=Record.Status.APPROVED, original_deleted_at=None, reviewed_at__lte=before
    ).exclude(pk__in=unread.values("scrubbed_text__record"))


def discard_forgotten_uploads() -> int:
    """Discard files that were uploaded a week ago and never confirmed, and what crashes left of others."""
    before = timezone.now() - timedelta(days=KEEP_WAITING_UPLOADS_DAYS)
    forgotten = Upload.objects.filter(created_at__lt=before).exclude(status__in=_DECIDED)
    discarded = sum(map(_discard, forgotten.select_related("clinic")))
    store.delete_stale_uploads(before)
    return discarded


@transaction.atomic
def _delete_originals(clinic: Clinic, keys: list[int]) -> int:
    """Files first, inside the transaction: a row that says "deleted" is never committed before the file is gone.

    A crash between the two leaves a row without its date, which is due again at the next run.
    """
    # Locked, so that a review that is just being written finds its original, or is refused.
    records = list(due_originals(clinic).filter(pk__in=keys).select_for_update(of=("self",)))
    for record in records:
        store.delete_original(clinic, record.uuid)
    Record.objects.filter(pk__in=[record.pk for record in records]).update(original_deleted_at=timezone.now())
    for record in records:
        log.record(clinic=clinic, actor=None, action="delete_original", subject=record)
    return len(records)


@transaction.atomic
def _discard(upload: Upload) -> bool:
    waiting = Upload.objects.filter(pk=upload.pk).exclude(status__in=_DECIDED)
    if not waiting.update(status=Upload.Status.DISCARDED):
        return False
    store.delete_upload(upload.clinic, upload.uuid)
    log.record(clinic=upload.clinic, actor=None, action="discard_upload", subject=upload, reason="forgotten")
    return True


def _portions(records: models.QuerySet[Record]) -> Iterator[list[int]]:
    keys = list(records.values_list("pk", flat=True))
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
