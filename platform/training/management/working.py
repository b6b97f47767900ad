"""Work on a run's stages in a terminal, with a bar for each; Ctrl-C saves a checkpoint."""

import signal
from collections.abc import Callable
from types import FrameType

from django.core.management import CommandError

from accounts.models import User
from config.commandline import StepBar
from jobs.progress import Progress
from training.estimates import error_words, preflight_words
from training.models import RunStage, Status, TrainingRun
from training.services import preflight, runs
from training.services.stages import execute_stage

Say = Callable[[str], object]


def work(run: TrainingRun, member: User, *, say: Say, warn: Say) -> None:
    """Raises ``CommandError`` where a stage does not end well."""

    def cancel(number: int, frame: FrameType | None) -> None:
        warn("\nStopping: a checkpoint is being saved.")
        runs.cancel_run(run=run, user=member)

    before = signal.signal(signal.SIGINT, cancel)
    try:
        for stage in run.stages.order_by("number"):
            _work_on(stage, say)
    finally:
        signal.signal(signal.SIGINT, before)


def _work_on(stage: RunStage, say: Say) -> None:
    steps = StepBar(f"{stage.number + 1}/{stage.run.stages.count()} {stage.name}")
    told = stage.name != "train"

    def show(progress: Progress | None) -> None:
        nonlocal told
        # The figures of the rehearsal stand with the run once the training itself reports.
        if not told and progress is not None and progress.total:
            told = True
            facts = TrainingRun.objects.get(pk=stage.run_id).preflight
            say("\n" + "\n".join(preflight_words(facts)))
        if progress is not None:
            steps.to(progress.done, progress.total, progress.unit, progress.message)

    execute_stage(stage.uuid, on_progress=show)
    stage.refresh_from_db()
    if stage.status == Status.SUCCEEDED:
        steps.finish()
        if stage.name == "train":
            say(error_words(preflight.rehearsal_of(stage.run)))
        return
    steps.close()
    run = TrainingRun.objects.get(pk=stage.run_id)
    raise CommandError(run.error or f"The run was {run.get_status_display().lower()}.")
