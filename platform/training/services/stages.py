"""One stage from claim to end. The row is the truth: it is claimed by compare-and-set, held by a lease, and every
write names the fencing token of its claim (docs/adr/0003)."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit import log
from config.queue import enqueue
from jobs.progress import Progress
from jobs.rundir import RunDir, write_json_atomic
from jobs.supervisor import Outcome, run_stage
from training.models import TEACHING, Evaluation, ModelArtifact, RunStage, Status, TrainingRun
from training.services import preflight, teachers
from training.services.folders import run_folder, stage_folder
from training.services.plan import plan_stage
from training.services.runs import cancel_rest, close_run
from training.services.turns import must_wait

_ANOTHER_TEACHER = "Start a run with another teacher, or without one."


def execute_stage(
    uuid: UUID | str, on_progress: Callable[[Progress | None], None] = lambda progress: None
) -> None:
    """Work on a queued stage to its end. Returns at once when somebody else has claimed it."""
    stage = claim(uuid)
    if stage is None:
        return

    def beat(progress: Progress | None) -> bool:
        on_progress(progress)
        return heartbeat(stage, progress)

    rehearsal = preflight.rehearse(stage.run, beat) if stage.name == "train" else None
    if rehearsal is not None and rehearsal.status != "succeeded":
        settle(stage, rehearsal)
        return
    try:
        folder = _prepare_folder(stage)
    except teachers.TeacherRefused as error:
        # Who may teach was looked up when the run was queued; a record that the teacher learned was erased since, say.
        settle(stage, Outcome("failed", type(error).__name__, f"{error} {_ANOTHER_TEACHER}"))
        return
    except Exception as error:
        # The outermost loop of a job: whatever went wrong, the row must say so; its words may quote a record.
        settle(stage, Outcome("failed", type(error).__name__))
        raise
    environment = preflight.threads() | (teachers.environment(stage.run) if stage.name == TEACHING else {})
    settle(stage, run_stage(stage.name, folder, on_progress=beat, environment=environment))


def claim(uuid: UUID | str) -> RunStage | None:
    """QUEUED → RUNNING for one claimant; None for all others, or while an earlier stage or run is unfinished."""
    now = timezone.now()
    with transaction.atomic():
        queued = RunStage.objects.filter(uuid=uuid, status=Status.QUEUED, run__cancel_requested_at=None)
        claimed = queued.update(
            status=Status.RUNNING,
            attempts=F("attempts") + 1,
            fencing_token=F("fencing_token") + 1,
            lease_expires_at=_lease_end(now),
            started_at=now,
            error_type="",
        )
        if not claimed:
            return None
        stage = RunStage.objects.select_related("run__clinic", "run__dataset").get(uuid=uuid)
        earlier = stage.run.stages.filter(number__lt=stage.number).exclude(status=Status.SUCCEEDED)
        if earlier.exists() or must_wait(stage.run):
            transaction.set_rollback(True)
            return None
        TrainingRun.objects.filter(pk=stage.run_id, status=Status.QUEUED).update(status=Status.RUNNING)
    return stage


def heartbeat(stage: RunStage, progress: Progress | None) -> bool:
    """Renew the lease and keep the newest progress. False when the stage is to stop: cancelled, or not ours."""
    changes: dict[str, object] = {"lease_expires_at": _lease_end(timezone.now())}
    if progress is not None:
        changes["progress"] = asdict(progress)
    ours = RunStage.objects.filter(pk=stage.pk, fencing_token=stage.fencing_token, status=Status.RUNNING)
    if not ours.update(**changes):
        return False
    return not TrainingRun.objects.filter(pk=stage.run_id, cancel_requested_at__isnull=False).exists()


def settle(stage: RunStage, outcome: Outcome) -> None:
    """Write how the stage ended, once, and only while the claim still holds."""
    with transaction.atomic():
        held = RunStage.objects.filter(pk=stage.pk, fencing_token=stage.fencing_token, status=Status.RUNNING)
        if not held.select_for_update().exists():
            return
        # A cancel may arrive while the stage is ending by itself: work that is done stays done.
        cancelled = TrainingRun.objects.filter(pk=stage.run_id, cancel_requested_at__isnull=False).exists()
        if outcome.status == "succeeded":
            _succeed(stage, outcome)
        elif cancelled:
            _end(stage, Status.CANCELLED, "")
        elif outcome.status == "cancelled" or outcome.error_type == "FolderBusy":
            requeue(stage)
        else:
            fail(stage, outcome.error_type, outcome.advice)
        if cancelled:
            cancel_rest(stage.run)


def requeue(stage: RunStage) -> None:
    """RUNNING → QUEUED for another attempt, which resumes from the newest valid checkpoint."""
    RunStage.objects.filter(pk=stage.pk).update(
        status=Status.QUEUED,
        lease_expires_at=None,
        nudged_at=timezone.now(),
        fencing_token=F("fencing_token") + 1,
    )
    enqueue("run_stage", str(stage.uuid))


def fail(stage: RunStage, error_type: str, advice: str = "") -> None:
    _end(stage, Status.FAILED, error_type)
    close_run(stage.run, Status.FAILED, advice or f"The stage “{stage.name}” ended with {error_type}.")
    log.record(
        clinic=stage.run.clinic,
        actor=None,
        action="fail_run",
        subject=stage.run,
        stage=stage.name,
        error_type=error_type,
        attempts=stage.attempts,
    )


def _succeed(stage: RunStage, outcome: Outcome) -> None:
    assert outcome.result is not None
    used = {"used": outcome.result["used"]} if "used" in outcome.result else {}
    _end(stage, Status.SUCCEEDED, "")
    RunStage.objects.filter(pk=stage.pk).update(metrics={**outcome.result["metrics"], **used})
    _keep_outputs(stage, outcome.result["outputs"])
    following = stage.run.stages.filter(number=stage.number + 1).first()
    if following is None:
        close_run(stage.run, Status.SUCCEEDED)
    else:
        RunStage.objects.filter(pk=following.pk).update(nudged_at=timezone.now())
        enqueue("run_stage", str(following.uuid))
    log.record(
        clinic=stage.run.clinic,
        actor=None,
        action="finish_stage",
        subject=stage.run,
        stage=stage.name,
        attempts=stage.attempts,
    )


def _end(stage: RunStage, status: Status, error_type: str) -> None:
    RunStage.objects.filter(pk=stage.pk).update(
        status=status, error_type=error_type, lease_expires_at=None, finished_at=timezone.now()
    )


def _keep_outputs(stage: RunStage, outputs: list[dict[str, str]]) -> None:
    """Rows for what the stage made: adapters and GGUF files become artifacts, an evaluation joins its artifact."""
    run = stage.run
    adapter = ModelArtifact.objects.filter(clinic=run.clinic, name=f"{run.trained_in.name}-adapter").first()
    for output in outputs:
        if output["kind"] == "adapter":
            _artifact(stage, output, f"{run.name}-adapter", parent=None)
        elif output["kind"] == "gguf":
            is_main = run.source is None and output["type"] == run.options["types"][0]
            name = run.name if is_main else f"{run.name}-{output['type'].lower()}"
            _artifact(stage, output, name, parent=adapter)
        elif output["kind"] == "evaluation":
            artifact = ModelArtifact.objects.get(clinic=run.clinic, name=output.get("artifact", run.name))
            Evaluation.objects.update_or_create(
                artifact=artifact, defaults={"stage": stage, "metrics": stage_metrics(stage, output)}
            )


def stage_metrics(stage: RunStage, output: dict[str, str]) -> dict[str, object]:
    """The means in an evaluation file. Its sample texts and the scores of each row stay in the run folder."""
    evaluation = json.loads((stage_folder(stage) / output["path"]).read_text(encoding="utf-8"))
    return {name: value for name, value in evaluation.items() if name not in {"samples", "per_row"}}


def _artifact(stage: RunStage, output: dict[str, str], name: str, parent: ModelArtifact | None) -> None:
    path = stage_folder(stage) / output["path"]
    ModelArtifact.objects.update_or_create(
        clinic=stage.run.clinic,
        name=name,
        defaults={
            "kind": output["kind"],
            "stage": stage,
            "parent": parent,
            "path": os.path.relpath(path, settings.VAR),
            "sha256": output["sha256"],
            "bytes": output["bytes"],
            "quantization": output.get("type", ""),
        },
    )


def _prepare_folder(stage: RunStage) -> Path:
    folder = stage_folder(stage)
    folder.mkdir(parents=True, exist_ok=True)
    run_folder(stage.run).chmod(0o700)
    write_json_atomic(RunDir(folder).spec, plan_stage(stage).to_json())
    return folder


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)
