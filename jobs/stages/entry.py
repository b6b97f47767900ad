"""How every stage starts and ends: one process per folder, dying with its supervisor, the result written
last.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from jobs import machine
from jobs.lifeline import die_with_parent
from jobs.rundir import (
    EXIT_BUSY,
    EXIT_DISK_FULL,
    EXIT_STOPPED,
    PARENT,
    RunDir,
    file_sha256,
    spec_sha256,
    write_json_atomic,
)
from jobs.specs import SPECS

LOCK_WAIT_SECONDS = 10.0
NICENESS = 10
_NO_ROOM_BYTES = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StageRefusal(Exception):
    """A stage will not work with what it was given. The message says what to do and never holds a record's
    words.
    """


class StageStopped(Exception):
    """The stage was asked to stop, has kept what it needs to go on, and ends here."""


@dataclass
class Output:
    """A file or folder under the run folder that the next stage, or the clinic, will use."""

    kind: str
    """adapter, gguf, rows, report, evaluation"""
    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is worth knowing, such as a GGUF's type."""

    def describe(self, run: RunDir) -> dict[str, Any]:
        size = self.path.stat().st_size
        place = str(self.path.relative_to(run.path))
        return {
            "kind": self.kind,
            "path": place,
            "sha256": file_sha256(self.path),
            "bytes": size,
            **self.facts,
        }


Main = Callable[[Any, RunDir], tuple[list[Output], dict[str, Any]]]
"""A stage: its spec and its folder in, its outputs and metrics out."""

_stop_requested = False


def stop_requested() -> bool:
    """True once SIGTERM has come, for a stage that ends at a place of its own choosing."""
    return _stop_requested


def leads() -> bool:
    """Whether this process writes what the stage leaves: the first of several that share it (jobs.stages.several)."""
    return os.environ.get("RANK", "0") == "0"


def start(stage: str, main: Main, *, stops_itself: bool = False) -> NoReturn:
    """Run the stage on the folder named on the command line, and leave with its exit code.

    ``stops_itself``: the stage looks at ``stop_requested`` and raises StageStopped; others are ended at once.
    """
    if parent := os.environ.get(PARENT):  # Absent when the stage is started by hand.
        die_with_parent(int(parent))
    # A clinician's summary goes before a training: whoever waits at a screen gets the processor first.
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, _remember_stop if stops_itself else _stop_now)
    run = RunDir(Path(sys.argv[1]).absolute())
    if not leads():
        sys.exit(_run(stage, main, run))
    with run.lock.open("w") as lock:
        if not _locked(lock.fileno()):
            sys.exit(EXIT_BUSY)
        run.result.unlink(missing_ok=True)
        run.error.unlink(missing_ok=True)
        sys.exit(_run(stage, main, run))


def _remember_stop(*_: object) -> None:
    global _stop_requested
    _stop_requested = True


def _stop_now(*_: object) -> None:
    raise StageStopped


def _locked(descriptor: int) -> bool:
    """Hold the folder's lock, waiting a little for a predecessor that is saving its last checkpoint."""
    give_up = time.monotonic() + LOCK_WAIT_SECONDS
    while time.monotonic() < give_up:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.2)
    return False


def _run(stage: str, main: Main, run: RunDir) -> int:
    try:
        obj = json.loads(run.spec.read_text(encoding="utf-8"))
        spec = SPECS[stage].from_json(obj)
        run.artifact.mkdir(exist_ok=True)
        outputs, metrics = main(spec, run)
        if not leads():
            return 0
        used = {"seconds": machine.process_seconds(), "peak_bytes": machine.peak_memory_bytes()}
        facts = {"stage": stage, "spec_sha256": spec_sha256(obj), "metrics": metrics, "used": used}
        write_json_atomic(run.result, {**facts, "outputs": [output.describe(run) for output in outputs]})
    except StageStopped:
        return EXIT_STOPPED
    except Exception as error:
        traceback.print_exc()
        if _disk_is_full(error, run.path):
            return EXIT_DISK_FULL
        message = str(error) if isinstance(error, StageRefusal) else ""
        # Of several processes the first to fail says why; the others fail for want of it.
        if not run.error.exists():
            write_json_atomic(run.error, {"type": type(error).__name__, "message": message})
        return 1
    return 0


def _disk_is_full(error: Exception, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # safetensors writes in Rust and has a type of its own, with the number in the text; torch.save does not even
    # say that much, so a disk without room is taken for the reason.
    told = any(f"(os error {number})" in str(error) for number in _FULL)
    return told or shutil.disk_usage(folder).free < _NO_ROOM_BYTES
