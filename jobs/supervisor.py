"""Start a stage in its own process, follow it, stop it, and say how it ended. Knows nothing of Django.

The stage gets a bare environment: no secrets, no database, no model hub. It dies with this process.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobs import machine
from jobs.progress import Progress, read_new
from jobs.rundir import EXIT_BUSY, EXIT_DISK_FULL, EXIT_STOPPED, PARENT, RunDir, read_result
from jobs.specs import SPECS

ROOT = Path(__file__).resolve().parent.parent
HEARTBEAT_SECONDS = 3.0

_SHARED = {"train"}
"""Stages that several processes can share."""

# Page faults cost a quarter of the training time with glibc's defaults; see the facts on training on a CPU.
_ALLOCATOR = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296"
)

OnProgress = Callable[[Progress | None], bool]
"""Called with each new line, and every few seconds with the latest or None; False stops the stage."""


@dataclass(frozen=True)
class Outcome:
    """How a stage ended."""

    status: Literal["succeeded", "failed", "cancelled"]
    error_type: str = ""
    """A type's name such as "DiskFull"; never a message that could quote a record."""
    advice: str = ""
    """What to do, in our own words; empty for an error we did not foresee."""
    result: dict[str, Any] | None = None


def run_stage(
    stage: str,
    folder: Path,
    *,
    on_progress: OnProgress,
    poll_seconds: float = 0.5,
    grace_seconds: float = 60.0,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run ``python -m jobs.stages.<stage> FOLDER`` to its end. ``folder`` already holds ``spec.json``.

    Where there are several graphics cards, a training is shared by as many processes (``jobs.stages.several``).
    A stage that finished earlier with the same spec is not run again. Raises what ``on_progress`` raises,
    once the stage has been stopped; KeyError for a stage that does not exist.
    """
    if stage not in SPECS:
        raise KeyError(f"There is no stage {stage}.")
    run = RunDir(folder)
    if (result := read_result(run, stage)) is not None:
        return Outcome("succeeded", result=result)
    run.error.unlink(missing_ok=True)
    seen = run.progress.stat().st_size if run.progress.exists() else 0
    cards = _cards(stage, run)
    shown = {"CUDA_VISIBLE_DEVICES": ",".join(cards)} if cards else {}
    told = ["jobs.stages.launch", str(len(cards)), stage] if len(cards) > 1 else [f"jobs.stages.{stage}"]
    with run.log.open("ab") as log:
        run.log.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", *told, str(folder)],
            cwd=ROOT,
            env=stage_environment({**shown, **(environment or {})}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        stopped = _follow(process, run, seen, on_progress, poll_seconds)
    finally:
        _stop(process, grace_seconds)
    return Outcome("cancelled") if stopped else _outcome(stage, run, process.returncode)


def _cards(stage: str, run: RunDir) -> list[str]:
    """The graphics cards that a stage is shown: a process for each, or one, since the trainer takes no second to itself."""
    # Private training goes row by row, in one process.
    private = json.loads(run.spec.read_text(encoding="utf-8")).get("dp_epsilon")
    cards = machine.graphics_cards()
    return cards if stage in _SHARED and not private else cards[:1]


def stage_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """All that a stage may know of its surroundings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        # Threads that wait spin for a moment, then sleep. Spinning without end, the default, stops a stage dead when
        # the engine wants a core; sleeping at once costs a third of its speed.
        "GOMP_SPINCOUNT": "100000",
        "GLIBC_TUNABLES": _ALLOCATOR,
        PARENT: str(os.getpid()),
        **(extra or {}),
    }


def _follow(
    process: subprocess.Popen[bytes], run: RunDir, offset: int, on_progress: OnProgress, poll_seconds: float
) -> bool:
    """Pass on progress until the stage ends (False) or is to be stopped (True)."""
    latest: Progress | None = None
    told_at = -HEARTBEAT_SECONDS
    while True:
        ended = process.poll() is not None
        lines, offset = read_new(run.progress, offset)
        if not lines and time.monotonic() - told_at >= HEARTBEAT_SECONDS and not ended:
            told_at = time.monotonic()
            if not on_progress(latest):
                return True
        for latest in lines:
            told_at = time.monotonic()
            if not on_progress(latest) and not ended:
                return True
        if ended:
            return False
        time.sleep(poll_seconds)


def _stop(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """End the stage and its children: SIGTERM to the group, time for a checkpoint, SIGKILL."""
    try:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(grace_seconds)
    except (subprocess.TimeoutExpired, ProcessLookupError):
        pass
    finally:
        # Also when the stage itself is gone: a converter it started may live on in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _outcome(stage: str, run: RunDir, exit_code: int) -> Outcome:
    if exit_code == 0:
        result = read_result(run, stage)
        if result is None:
            return Outcome("failed", "BadResult")
        return Outcome("succeeded", result=result)
    if exit_code == EXIT_STOPPED:
        return Outcome("cancelled")
    if exit_code == EXIT_DISK_FULL:
        advice = "The disk is full. Make room and start the run again; it goes on where it stopped."
        return Outcome("failed", "DiskFull", advice)
    if exit_code == EXIT_BUSY:
        return Outcome(
            "failed", "FolderBusy", "Another process still works in this run's folder. Retry shortly."
        )
    if exit_code < 0:
        return Outcome(
            "failed", f"Killed{-exit_code}", "The stage was killed, perhaps for want of memory. Retry."
        )
    try:
        error = json.loads(run.error.read_text(encoding="utf-8"))
        return Outcome("failed", str(error["type"]), str(error["message"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Outcome("failed", f"Exit{exit_code}")
