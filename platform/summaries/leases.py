"""Work that rows hold, one worker at a time: taken, kept, given up. The row is the truth (docs/architecture.md)."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import F, QuerySet
from django.utils import timezone

from summaries.models import LeasedJob

LEASE = timedelta(minutes=5)
NUDGE_AGAIN = timedelta(minutes=1)
# The engine may be restarting; what ends it every time must not come back for ever.
MOST_ATTEMPTS = 10
Job = TypeVar("Job", bound=LeasedJob)
Status = LeasedJob.Status


def claim(waiting: QuerySet[Job]) -> Job | None:
    """QUEUED → RUNNING for the first that nobody else was quicker to take."""
    for job in waiting.filter(status=Status.QUEUED)[:10]:
        still = waiting.model._default_manager.filter(pk=job.pk, status=Status.QUEUED)
        if still.update(
            status=Status.RUNNING, attempts=F("attempts") + 1, lease_expires_at=timezone.now() + LEASE
        ):
            job.refresh_from_db(fields=["status", "attempts", "lease_expires_at"])
            return job
    return None


def held(job: Job) -> QuerySet[Job]:
    """The job, as long as it is still ours: nothing, once its lease ran out and somebody else has it."""
    return type(job)._default_manager.filter(pk=job.pk, status=Status.RUNNING, attempts=job.attempts)


class Keeper:
    """Renews a job's lease while it takes longer than one, as a record of sixty pages does."""

    def __init__(self, job: LeasedJob) -> None:
        self._job, self._renewed_at = job, timezone.now()

    def look(self) -> None:
        now: datetime = timezone.now()
        if now - self._renewed_at > LEASE / 10:
            self._renewed_at = now
            held(self._job).update(lease_expires_at=now + LEASE)


def put_back(jobs: QuerySet[Job], *, gave_up: str) -> None:
    """RUNNING → QUEUED for what a vanished worker held; FAILED, with ``gave_up``, after too many."""
    lapsed = jobs.filter(status=Status.RUNNING, lease_expires_at__lt=timezone.now())
    lapsed.filter(attempts__gte=MOST_ATTEMPTS).update(status=Status.FAILED, error=gave_up, blob=b"")
    lapsed.update(status=Status.QUEUED, lease_expires_at=None)
