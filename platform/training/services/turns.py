"""Whose turn it is in a sweep: its runs work one after the other, in the order of their ids."""

from django.utils import timezone

from config.queue import enqueue
from training.models import FINAL, RunStage, Status, TrainingRun


def must_wait(run: TrainingRun) -> bool:
    """True while an earlier run of the same sweep is unfinished."""
    if run.sweep_id is None:
        return False
    earlier = TrainingRun.objects.filter(sweep=run.sweep_id, pk__lt=run.pk)
    return earlier.exclude(status__in=FINAL).exists()


def nudge_next(run: TrainingRun) -> None:
    """Wake the next queued run of the sweep. A nudge that gets lost is sent again by the reaper."""
    if run.sweep_id is None or must_wait(run):
        return
    waiting = RunStage.objects.filter(
        run__sweep=run.sweep_id, run__pk__gt=run.pk, run__status=Status.QUEUED, status=Status.QUEUED
    )
    first = waiting.order_by("run__pk", "number").first()
    if first is not None and not must_wait(first.run):
        RunStage.objects.filter(pk=first.pk).update(nudged_at=timezone.now())
        enqueue("run_stage", str(first.uuid))
