"""Erasing records, and following them through everything that was made of them (docs/adr/0011).

The rows go in one transaction. Files go when it has committed, and again whenever the worker looks (``finish_erasures``)
until none is left: only then is a record's ``erased_at`` set, so that no row says "erased" while a file still tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from audit import log
from dashboard.services.lineage import Lineage, copies_elsewhere, lineage_of, look_alikes, with_corrections
from records import store
from records.models import Record, ScrubbedText
from records.services.erasure import AlreadyErased, erase_files, erase_rows, scrub_free_pages
from summaries.deployments import end_shadow, stand_down
from summaries.models import Deployment, Shadow, Summary, SummaryReview
from training.services.erasure import erase_from_folder, holds_rows, stop_runs


class ServingModel(StrEnum):
    """What becomes of the model that answers in the portal, where it learned from an erased record."""

    STAND_DOWN = "stand_down"
    KEEP = "keep"


class ChoiceNeeded(Exception):
    """The deployed model learned from the records, and nobody said what is to become of it."""


@dataclass(frozen=True)
class Plan:
    """What an erasure will delete, revoke and leave, as people see it before they confirm."""

    records: list[Record]
    originals: int
    versions: int
    redactions: int
    lineage: Lineage
    run_files: int
    look_alikes: list[Record]
    copies_elsewhere: list[str]

    @property
    def unfinished_runs(self) -> int:
        return sum(not run.is_over for run in self.lineage.runs)


def plan_erasure(records: Sequence[Record]) -> Plan:
    records = with_corrections(records)
    lineage = lineage_of(records)
    return Plan(
        records=list(records),
        originals=sum(map(store.has_original, records)),
        versions=ScrubbedText.objects.filter(record__in=records).count(),
        redactions=sum(record.redactions.count() for record in records),
        lineage=lineage,
        run_files=sum(map(holds_rows, lineage.runs)),
        look_alikes=look_alikes(records),
        copies_elsewhere=copies_elsewhere(lineage),
    )


@transaction.atomic
def erase_records(*, records: Sequence[Record], user: User, serving: ServingModel | None = None) -> int:
    """Erase all of these that are not erased yet, with the records made of corrected summaries of theirs, and revoke
    what learned from them. Returns how many.

    Raises ``ChoiceNeeded`` where the deployed model is one of those and ``serving`` is None.
    """
    records = with_corrections(records)
    lineage = lineage_of(records)
    if lineage.serving and serving is None:
        raise ChoiceNeeded
    erased = sum(_erase(record, user) for record in records)
    stop_runs(datasets=lineage.datasets, user=user)
    if lineage.serving:
        _decide_on(lineage.serving, serving, user)
    _end_shadows(lineage, user)
    # A file that cannot be deleted now is tried again by the worker; the rows are gone in any case.
    transaction.on_commit(finish_erasures, robust=True)
    return erased


def finish_erasures() -> None:
    """Delete the files of erased records that still have any. Safe to run at any time, by several at once."""
    for record in Record.objects.filter(status=Record.Status.ERASED, erased_at=None).select_related("clinic"):
        lineage = lineage_of([record])
        erase_files(record)
        for run in lineage.runs:
            erase_from_folder(run, {record.label})
        # A stage that is still running may write once more; the worker looks again when it has stopped.
        if all(run.is_over for run in lineage.runs) and scrub_free_pages():
            Record.objects.filter(pk=record.pk, erased_at=None).update(erased_at=timezone.now())


def _erase(record: Record, user: User) -> bool:
    # Also those that the record was made of: they say the same. What people decided about them goes along.
    told = Summary.objects.filter(Q(scrubbed_text__record=record) | Q(reviews__record=record))
    _, deleted = Summary.objects.filter(pk__in=set(told.values_list("pk", flat=True))).delete()
    try:
        erase_rows(record=record, user=user)
    except AlreadyErased:
        return False
    log.record(
        clinic=record.clinic,
        actor=user,
        action="erase_summaries",
        subject=record,
        summaries=deleted.get(Summary._meta.label, 0),
        reviews=deleted.get(SummaryReview._meta.label, 0),
    )
    return True


def _end_shadows(lineage: Lineage, user: User) -> None:
    """A candidate that learned from the records is asked no more, whatever becomes of the deployed model."""
    for shadow in Shadow.objects.filter(artifact__in=lineage.learners, ended_at=None):
        end_shadow(clinic=shadow.clinic, user=user)


def _decide_on(deployment: Deployment, serving: ServingModel | None, user: User) -> None:
    if serving == ServingModel.STAND_DOWN:
        stand_down(clinic=deployment.clinic, user=user)
    else:
        log.record(
            clinic=deployment.clinic, actor=user, action="keep_revoked_model", subject=deployment.artifact
        )
