"""The rehearsal before a training: what it will take, and what it took (docs/adr/0019)."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from jobs.progress import Progress
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.sealing import RowSealer
from jobs.specs import PreflightSpec, PrepareSpec, Spec
from jobs.supervisor import Outcome, run_stage
from training.models import RunStage, Status, TrainingRun
from training.options import RunOptions
from training.services.folders import preflight_folder
from training.services.plan import plan_preflight
from training.services.row_files import write_sealed

AFTER_TRAINING = ("quantize", "extract", "evaluate")
OnProgress = Callable[[Progress | None], bool]


class PreflightRefused(Exception):
    """The training would not fit, or its rows cannot be used; the message says what to do."""


def rehearse(run: TrainingRun, on_progress: OnProgress) -> Outcome:
    """Try a few real steps and keep what they say on the run. One that was done for the same spec is not done again."""
    folder = preflight_folder(run)
    folder.mkdir(parents=True, exist_ok=True)

    def tell(progress: Progress | None) -> bool:
        # The bar belongs to the training; so do its figures.
        trying = progress and replace(
            progress,
            done=0,
            total=0,
            message=f"measuring first: {progress.message}",
            seconds_left=None,
            metrics={},
        )
        return on_progress(trying)

    outcome = _run("preflight", folder, plan_preflight(run), tell)
    if outcome.result is not None:
        run.preflight = outcome.result["metrics"]
        TrainingRun.objects.filter(pk=run.pk).update(preflight=run.preflight)
    return outcome


def threads() -> dict[str, str]:
    """A rehearsal and a training must have the same."""
    return {"OMP_NUM_THREADS": str(settings.STAGE_THREADS)}


def measure(
    *,
    rows: Iterable[dict[str, str]],
    base: str,
    options: RunOptions,
    on_progress: OnProgress = lambda _: True,
) -> dict[str, Any]:
    """What a training on these rows {id, split, source, target, section} would take; nothing of it stays.

    Raises ``PreflightRefused``.
    """
    Path(settings.VAR).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preflight-", dir=settings.VAR) as scratch:
        root = Path(scratch)
        sealer = RowSealer(os.urandom(32))
        write_sealed(root / "rows.jsonl", rows, sealer)
        where: dict[str, Any] = {"base": base, "models_dir": str(settings.MODELS_DIR)}
        prepare = PrepareSpec(
            **where,
            rows=str(root / "rows.jsonl"),
            rows_sha256=file_sha256(root / "rows.jsonl"),
            rows_key=sealer.public_key,
            set_aside=True,
        )
        _result(_run("prepare", root / "prepare", prepare, on_progress))
        wanted = PreflightSpec(
            **where,
            prepared=str(root / "prepare" / "artifact"),
            **options.of_training(),
            checkpoint_every_seconds=settings.CHECKPOINT_SECONDS,
            types=options.types,
        )
        return _result(_run("preflight", root / "preflight", wanted, on_progress))


def _run(stage: str, folder: Path, spec: Spec, on_progress: OnProgress) -> Outcome:
    folder.mkdir(exist_ok=True, mode=0o700)
    write_json_atomic(RunDir(folder).spec, spec.to_json())
    outcome = run_stage(stage, folder, on_progress=on_progress, environment=threads())
    if outcome.error_type == "Killed9":
        advice = (
            "This machine has too little memory for this training: the rehearsal was killed. Close other programs, or "
            f"choose a smaller base model. What machine would do: manage.py machine_plan {spec.base}"
        )
        return Outcome("failed", "NotEnoughMemory", advice)
    return outcome


def _result(outcome: Outcome) -> dict[str, Any]:
    if outcome.result is None:
        raise PreflightRefused(outcome.advice or f"It ended with {outcome.error_type or outcome.status}.")
    metrics: dict[str, Any] = json.loads(json.dumps(outcome.result["metrics"]))
    return metrics


@dataclass(frozen=True)
class Compared:
    """A figure estimated before the first step, and as it turned out; None while that cannot be told."""

    estimated: float
    actual: float | None

    @property
    def error_percent(self) -> float | None:
        """Above zero where the estimate was too high."""
        return 100 * (self.estimated / self.actual - 1) if self.actual else None


@dataclass(frozen=True)
class Rehearsal:
    """What a run's page says of its rehearsal."""

    seconds: Compared
    peak_bytes: Compared
    facts: dict[str, Any]
    was_resumed: bool
    """Then the last attempt's time says nothing about the whole."""
    later_seconds: dict[str, float]
    """Of the stages after training, as they took for the same base on this machine before."""


def rehearsal_of(run: TrainingRun) -> Rehearsal | None:
    """None for a run that was not rehearsed yet."""
    if not run.preflight:
        return None
    train = run.stages.get(name="train")
    resumed = train.attempts > 1
    used = {} if resumed else train.metrics.get("used", {})
    return Rehearsal(
        seconds=Compared(run.preflight["seconds"], used.get("seconds")),
        peak_bytes=Compared(run.preflight["peak_bytes"], used.get("peak_bytes")),
        facts=run.preflight,
        was_resumed=resumed and train.status == Status.SUCCEEDED,
        later_seconds=_later_seconds(run),
    )


def _later_seconds(run: TrainingRun) -> dict[str, float]:
    """From the newest finished run of the clinic with this base; empty before the first."""
    before = RunStage.objects.filter(
        run__clinic=run.clinic, run__base=run.base, status=Status.SUCCEEDED, name__in=AFTER_TRAINING
    ).exclude(run=run)
    found: dict[str, float] = {}
    for stage in before.order_by("-finished_at")[:10]:
        if "used" in stage.metrics:
            found.setdefault(stage.name, stage.metrics["used"]["seconds"])
    return found
