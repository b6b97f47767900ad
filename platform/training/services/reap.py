"""What a vanished worker leaves is found here: leases that ran out, nudges that got lost."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from config.queue import enqueue
from training.models import RunStage, Status
from training.services.runs import cancel_rest
from training.services.stages import fail, requeue
from training.services.turns import must_wait

NUDGE_AGAIN_SECONDS = 60


def reap() -> None:
    """Requeue (or fail, after too many attempts) stages whose lease ran out; nudge stages queued too long."""
    now = timezone.now()
    for stage in RunStage.objects.filter(status=Status.RUNNING, lease_expires_at__lt=now):
        _reclaim(stage, now)
    for stage in _waiting(now):
        _nudge(stage, now)


@transaction.atomic
def _reclaim(stage: RunStage, now: datetime) -> None:
    # Another reaper, or the worker itself, may have been quicker: the token tells.
    lapsed = RunStage.objects.filter(
        pk=stage.pk, fencing_token=stage.fencing_token, status=Status.RUNNING, lease_expires_at__lt=now
    )
    if not lapsed.update(fencing_token=F("fencing_token") + 1):
        return
    if stage.run.cancel_requested_at is not None:
        cancel_rest(stage.run)
    elif stage.attempts >= settings.MAX_ATTEMPTS:
        advice = f"The stage “{stage.name}” stopped {stage.attempts} times without an error. Look at the machine, then retry."
        fail(stage, "WorkerVanished", advice)
    else:
        requeue(stage)


def _waiting(now: datetime) -> "list[RunStage]":
    """Queued stages whose turn it is and whose last nudge, if any, is old."""
    long_ago = now - timedelta(seconds=NUDGE_AGAIN_SECONDS)
    queued = RunStage.objects.filter(
        Q(nudged_at__lt=long_ago) | Q(nudged_at=None),
        status=Status.QUEUED,
        run__status__in=[Status.QUEUED, Status.RUNNING],
    ).select_related("run")
    return [
        stage
        for stage in queued
        if not stage.run.stages.filter(number__lt=stage.number).exclude(status=Status.SUCCEEDED).exists()
        and not must_wait(stage.run)
    ]


@transaction.atomic
def _nudge(stage: RunStage, now: datetime) -> None:
    unclaimed = RunStage.objects.filter(pk=stage.pk, status=Status.QUEUED, nudged_at=stage.nudged_at)
    if unclaimed.update(nudged_at=now):
        enqueue("run_stage", str(stage.uuid))
