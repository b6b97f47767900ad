"""Training runs as people see them: start, cancel, retry."""

import re
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from config.queue import enqueue
from jobs import catalogue
from records.models import Dataset
from records.services import release
from records.services.datasets import unlabelled_count
from training.models import FINAL, MEMORY_TEST, STAGES, TEACHING, RunStage, Status, Sweep, TrainingRun
from training.options import RunOptions
from training.services import teachers
from training.services.turns import nudge_next

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


class RunRefused(Exception):
    """The run cannot start; the message says why and what to do."""


@transaction.atomic
def start_run(
    *,
    clinic: Clinic,
    user: User,
    name: str,
    dataset: Dataset,
    base: str,
    options: RunOptions,
    nudge: bool = True,
    sweep: Sweep | None = None,
) -> TrainingRun:
    """Queue a run. ``nudge=False`` leaves it to the caller to execute the stages. Raises ``RunRefused``."""
    check(clinic=clinic, name=name, base=base)
    check_release(dataset)
    check_teacher(dataset, options)
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                clinic=clinic,
                name=name,
                dataset=dataset,
                base=base,
                options=options.to_json(),
                started_by=user,
                sweep=sweep,
            )
    except IntegrityError as error:
        raise RunRefused(taken(name)) from error
    now = timezone.now()
    RunStage.objects.bulk_create(
        RunStage(run=run, number=number, name=stage, nudged_at=now if number == 0 else None)
        for number, stage in enumerate(
            [*[TEACHING] * bool(options.teacher), *STAGES, *[MEMORY_TEST] * options.canaries]
        )
    )
    log.record(
        clinic=clinic,
        actor=user,
        action="start_run",
        subject=run,
        base=base,
        dataset=str(dataset.uuid),
        content_hash=dataset.content_hash,
        canaries=options.canaries,
        teacher=options.teacher,
    )
    if nudge:
        enqueue("run_stage", str(run.stages.get(number=0).uuid))
    return run


@transaction.atomic
def cancel_run(*, run: TrainingRun, user: User) -> None:
    """Ask for an end. A running stage saves a checkpoint and stops; a queued run is cancelled at once."""
    asked = TrainingRun.objects.filter(pk=run.pk, cancel_requested_at=None).exclude(status__in=FINAL)
    if not asked.update(cancel_requested_at=timezone.now()):
        return
    log.record(clinic=run.clinic, actor=user, action="cancel_run", subject=run)
    if not run.stages.filter(status=Status.RUNNING).exists():
        cancel_rest(run)


@transaction.atomic
def retry_run(*, run: TrainingRun, user: User) -> None:
    """Go on with a failed or cancelled run from its first unfinished stage, and from its newest checkpoint."""
    check_release(run.dataset)
    if run.stages.filter(name=TEACHING).exclude(status=Status.SUCCEEDED).exists():
        check_teacher(run.dataset, RunOptions.from_json(run.options))
    over = TrainingRun.objects.filter(pk=run.pk, status__in=[Status.FAILED, Status.CANCELLED])
    fresh: dict[str, Any] = {
        "status": Status.QUEUED,
        "error": "",
        "finished_at": None,
        "cancel_requested_at": None,
    }
    if not over.update(**fresh):
        raise RunRefused("Only a failed or cancelled run can be tried again.")
    unfinished = run.stages.exclude(status=Status.SUCCEEDED)
    unfinished.update(status=Status.QUEUED, attempts=0, error_type="", nudged_at=None, finished_at=None)
    first = unfinished.order_by("number").first()
    assert first is not None, "a run that failed has an unfinished stage"
    RunStage.objects.filter(pk=first.pk).update(nudged_at=timezone.now())
    log.record(clinic=run.clinic, actor=user, action="retry_run", subject=run, stage=first.name)
    enqueue("run_stage", str(first.uuid))


def cancel_rest(run: TrainingRun) -> None:
    """Close a run whose cancel was asked for; one whose last stage was just done has succeeded all the same."""
    run.stages.exclude(status__in=FINAL).update(status=Status.CANCELLED, lease_expires_at=None)
    close_run(run, Status.CANCELLED)


def close_run(run: TrainingRun, status: Status, error: str = "") -> None:
    TrainingRun.objects.filter(pk=run.pk).exclude(status__in=FINAL).update(
        status=status, error=error, finished_at=timezone.now()
    )
    nudge_next(run)


def check(*, clinic: Clinic, name: str, base: str) -> None:
    """Raises ``RunRefused`` for what would stop the run, before anybody waits for it."""
    _check_name(name)
    check_base(base)
    if TrainingRun.objects.filter(clinic=clinic, name=name).exists():
        raise RunRefused(taken(name))


def check_release(dataset: Dataset) -> None:
    """Raises ``RunRefused`` for a dataset that may not be trained on."""
    try:
        release.check_releasable(dataset)
    except release.NotReleasable as error:
        raise RunRefused(str(error)) from error


def check_teacher(dataset: Dataset, options: RunOptions) -> None:
    """Raises ``RunRefused`` for a teacher that may not teach or has nothing to. Whether a server answers, its stage finds."""
    if not options.teacher:
        return
    try:
        teachers.find(dataset.clinic, options.teacher)
    except teachers.TeacherRefused as error:
        raise RunRefused(str(error)) from error
    if options.teach == "missing" and not unlabelled_count(dataset):
        raise RunRefused(
            f"Every record of {dataset.name} has a summary. Let the teacher summarize all training records, or choose a "
            "dataset with records that have none."
        )


def taken(name: str) -> str:
    return f"There is a run named {name} already. Choose another name."


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise RunRefused(
            "A run's name has small letters, digits, “-”, “.” and “_”, and begins with a letter or digit."
        )
    if name in catalogue.BASES:
        raise RunRefused(f"{name} is the name of a base model. Choose another name.")


def check_base(name: str) -> None:
    try:
        base = catalogue.installed(name, settings.MODELS_DIR)
    except (catalogue.UnknownBase, catalogue.NotFetched) as error:
        raise RunRefused(str(error)) from error
    if name in catalogue.BASES and catalogue.BASES[name].kind != "generator":
        raise RunRefused(f"{base.name} is an encoder: it cannot write summaries. Choose a generator.")
    if not (settings.TOOLS_DIR / "convert_hf_to_gguf.py").exists():
        raise RunRefused(f"The GGUF converter is not here. Run: manage.py fetch_model {name}")
