"""The loop closes: what clinicians corrected comes back as records, to be scrubbed, reviewed and trained on.

A correction takes the way of every record: nothing here vouches for it, and two people sign the dataset it reaches.
"""

from django.db import models, transaction

from accounts.models import Clinic, User
from audit import log
from records.models import Record
from records.readers import Row
from records.services.scrubbing import nudge
from records.services.uploads import Imported, import_rows
from summaries.models import SummaryReview
from summaries.opening import opened
from summaries.reviewing import text_of
from summaries.styles import DEFAULT

KIND = "corrected summary"


def corrections(clinic: Clinic) -> models.QuerySet[SummaryReview]:
    """Accepted texts that differ from their draft, written as models are trained to write, the newest first.

    Other styles carry an instruction that training has no place for: their texts would teach something else.
    """
    changed = SummaryReview.objects.filter(
        summary__clinic=clinic, is_changed=True, summary__style=DEFAULT.name
    )
    return changed.select_related("summary__clinic", "summary__scrubbed_text__record", "reviewer", "record")


def waiting(clinic: Clinic) -> models.QuerySet[SummaryReview]:
    """Corrections that stand and are no record yet."""
    return corrections(clinic).filter(reopened_at=None, record=None)


@transaction.atomic
def hand_on(*, clinic: Clinic, user: User) -> Imported | None:
    """Make records of all corrections that wait, and have them scrubbed; None where none waits.

    Each belongs to the patient of the record it summarizes, so that the two never part between training and test.
    """
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    reviews = list(waiting(clinic).order_by("decided_at"))
    if not reviews:
        return None
    rows = [_row(number, review) for number, review in enumerate(reviews, start=1)]
    imported = import_rows(clinic=clinic, user=user, rows=rows)
    for review, record in zip(reviews, imported.records, strict=True):
        _join_patient(record, review)
        review.record, review.handed_on_by = record, user
        review.save(update_fields=["record", "handed_on_by"])
        log.record(
            clinic=clinic,
            actor=user,
            action="hand_on_correction",
            subject=review.summary,
            record=str(record.uuid),
        )
    nudge(imported.records[0].upload)
    return imported


def _row(number: int, review: SummaryReview) -> Row:
    source, _ = opened(review.summary)
    return Row(number, source, text_of(review), section=review.summary.section, kind=KIND)


def _join_patient(record: Record, review: SummaryReview) -> None:
    text = review.summary.scrubbed_text
    if text and record.status == Record.Status.RECEIVED:
        Record.objects.filter(pk=record.pk).update(patient_key=text.record.patient_key)
