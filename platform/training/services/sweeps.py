"""Six settings, tried one after the other; the best by validation is one click away."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts.models import Clinic, User
from audit import log
from config.queue import enqueue
from records.models import Dataset
from training.models import FINAL, Status, Sweep, TrainingRun
from training.options import SWEEP, RunOptions
from training.services import runs


class SweepRefused(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@transaction.atomic
def start_sweep(
    *,
    clinic: Clinic,
    user: User,
    name: str,
    dataset: Dataset,
    base: str,
    options: RunOptions,
    nudge: bool = True,
) -> Sweep:
    """Queue a run for each setting of ``SWEEP``, named NAME-1 to NAME-6. Raises ``runs.RunRefused``."""
    if not dataset.valid_count:
        raise runs.RunRefused(
            "Settings are compared on validation records, and this dataset has none. Freeze one that holds some back."
        )
    if options.teacher:
        raise runs.RunRefused(
            "Each setting would have the teacher write all summaries again. Try the settings without a teacher, then start "
            "one run with it."
        )
    try:
        with transaction.atomic():
            sweep = Sweep.objects.create(
                clinic=clinic, name=name, dataset=dataset, base=base, started_by=user
            )
    except IntegrityError as error:
        raise runs.RunRefused(f"There is a sweep named {name} already. Choose another name.") from error
    for number, setting in enumerate(SWEEP, start=1):
        runs.start_run(
            clinic=clinic,
            user=user,
            name=f"{name}-{number}",
            dataset=dataset,
            base=base,
            options=setting.applied_to(options),
            nudge=False,
            sweep=sweep,
        )
    log.record(
        clinic=clinic,
        actor=user,
        action="start_sweep",
        subject=sweep,
        base=base,
        dataset=str(dataset.uuid),
        runs=len(SWEEP),
    )
    if nudge:
        first = sweep.runs.order_by("pk")[0]
        enqueue("run_stage", str(first.stages.get(number=0).uuid))
    return sweep


@transaction.atomic
def cancel_sweep(*, sweep: Sweep, user: User) -> None:
    """Cancel the runs that wait, and ask the one that works for an end."""
    unfinished = sweep.runs.filter(cancel_requested_at=None).exclude(status__in=FINAL)
    if not unfinished.exists():
        return
    log.record(clinic=sweep.clinic, actor=user, action="cancel_sweep", subject=sweep)
    # From the last, so that none is woken by the end of the one before it.
    for run in unfinished.order_by("-pk"):
        runs.cancel_run(run=run, user=user)


@transaction.atomic
def keep_run(*, sweep: Sweep, run: TrainingRun, user: User) -> None:
    """Decide for a finished run of the sweep. Raises ``SweepRefused``."""
    if not sweep.runs.filter(pk=run.pk, status=Status.SUCCEEDED).exists():
        raise SweepRefused("Only a finished run of this sweep can be kept.")
    Sweep.objects.filter(pk=sweep.pk).update(kept=run)
    log.record(clinic=sweep.clinic, actor=user, action="keep_run", subject=run, sweep=str(sweep.uuid))


@dataclass(frozen=True)
class Attempt:
    """One setting of a sweep and what came of it."""

    run: TrainingRun
    label: str
    valid_loss: float | None
    rouge_1: float | None
    is_best: bool
    is_kept: bool

    @property
    def options(self) -> RunOptions:
        return RunOptions.from_json(self.run.options)


def attempts(sweep: Sweep) -> list[Attempt]:
    """In the order of the settings; the best is the finished one with the lowest validation loss."""
    own = list(sweep.runs.order_by("pk").prefetch_related("stages__evaluations"))
    losses = {run.pk: _valid_loss(run) for run in own}
    finished = [
        (loss, run.pk)
        for run in own
        if run.status == Status.SUCCEEDED and (loss := losses[run.pk]) is not None
    ]
    best = min(finished)[1] if finished else None
    return [
        Attempt(
            run=run,
            label=setting.label,
            valid_loss=losses[run.pk],
            rouge_1=_rouge_1(run),
            is_best=run.pk == best,
            is_kept=run.pk == sweep.kept_id,
        )
        for run, setting in zip(own, SWEEP, strict=True)
    ]


def _valid_loss(run: TrainingRun) -> float | None:
    (train,) = (stage for stage in run.stages.all() if stage.name == "train")
    loss = train.metrics.get("valid_loss")
    return None if loss is None else float(loss)


def _rouge_1(run: TrainingRun) -> float | None:
    for stage in run.stages.all():
        for evaluation in stage.evaluations.all():
            return float(evaluation.metrics["tuned"]["rouge1"]["value"])
    return None
