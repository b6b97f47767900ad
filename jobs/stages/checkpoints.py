"""Checkpoints that are whole or do not count: hashes in a manifest, set in place by rename, the newest two
kept.
"""

import json
import os
import shutil
from pathlib import Path

from jobs.rundir import file_sha256, sync_folder, write_json_atomic

MANIFEST = "manifest.json"
KEEP = 2


def publish(written: Path, folder: Path, step: int) -> Path:
    """Turn the directory a trainer has ``written`` into the checkpoint of ``step`` under ``folder``."""
    files = sorted(path for path in written.rglob("*") if path.is_file())
    for path in files:
        _sync(path)
    hashes = {str(path.relative_to(written)): file_sha256(path) for path in files}
    write_json_atomic(written / MANIFEST, {"step": step, "files": hashes})
    folder.mkdir(exist_ok=True)
    goal = folder / f"step-{step:07d}"
    shutil.rmtree(goal, ignore_errors=True)
    written.rename(goal)
    sync_folder(folder)
    for old in sorted(folder.glob("step-*"))[:-KEEP]:
        shutil.rmtree(old)
    return goal


def newest_valid(folder: Path) -> Path | None:
    """The newest checkpoint whose every file has its hash, or None."""
    return next(filter(is_valid, sorted(folder.glob("step-*"), reverse=True)), None)


def is_valid(checkpoint: Path) -> bool:
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
        return all(file_sha256(checkpoint / name) == sha256 for name, sha256 in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
