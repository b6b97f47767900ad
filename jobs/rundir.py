"""A run folder: the names of its files, and how they are written and checked.

One writer per file. The service writes ``spec.json`` before the stage starts; the stage appends to
``progress.jsonl``, fills ``artifact/`` and writes ``result.json`` last, by rename, so that file standing
means "done".
"""

import hashlib
import json
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPEC = "spec.json"
PROGRESS = "progress.jsonl"
LOG = "stage.log"
ARTIFACT = "artifact"
RESULT = "result.json"
ERROR = "error.json"
LOCK = "lock"

PARENT = "PRECIS_SUPERVISOR_PID"
"""The variable that tells a stage whose death is its own."""
EXIT_STOPPED = 128 + signal.SIGTERM
"""A stage that was asked to stop and has kept what it needs to go on."""
EXIT_DISK_FULL = os.EX_IOERR
"""Told by the exit code, since a full disk takes no file that could tell it."""
EXIT_BUSY = os.EX_TEMPFAIL
"""A stage that found another one working in its folder."""


@dataclass(frozen=True)
class RunDir:
    """The paths of one stage's folder, ``var/runs/<run-uuid>/<number>-<stage>/``."""

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / SPEC

    @property
    def progress(self) -> Path:
        return self.path / PROGRESS

    @property
    def log(self) -> Path:
        """What the stage printed. For admins only: a library's traceback may quote a record."""
        return self.path / LOG

    @property
    def artifact(self) -> Path:
        return self.path / ARTIFACT

    @property
    def result(self) -> Path:
        return self.path / RESULT

    @property
    def error(self) -> Path:
        """``{"type", "message"}`` of a failed stage; the message is empty unless it is one of our own."""
        return self.path / ERROR

    @property
    def lock(self) -> Path:
        return self.path / LOCK


def write_json_atomic(path: Path, obj: Any) -> None:
    """Write ``obj`` as JSON, readable by this user only; a crash leaves the old file or the new one, never
    half.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(obj, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """The file's SHA-256 as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """One hash over files, by name and content, in whatever order they are given."""
    named = sorted(f"{path.name}:{file_sha256(path)}" for path in paths)
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def spec_sha256(spec: Mapping[str, Any]) -> str:
    """A hash of a spec that does not depend on the order of its keys."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def read_result(run: RunDir, stage: str) -> dict[str, Any] | None:
    """The result a stage left, or None unless it is whole: of this stage and spec, every output there with
    its size.

    Sizes and not hashes, since a model takes seconds to hash; whoever deploys an artifact checks its hash.
    """
    try:
        result = json.loads(run.result.read_text(encoding="utf-8"))
        spec = json.loads(run.spec.read_text(encoding="utf-8"))
        outputs = [(run.path / output["path"], output["bytes"]) for output in result["outputs"]]
        same = (result["stage"], result["spec_sha256"]) == (stage, spec_sha256(spec))
        whole = all(path.stat().st_size == size for path, size in outputs)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if same and whole else None
