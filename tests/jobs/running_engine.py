"""A real engine in its own process, with what a test asks of it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.jobs.tiny_gguf import CHAT_TEMPLATE

ROOT = Path(__file__).resolve().parents[2]


class RunningEngine:
    def __init__(self, var: Path) -> None:
        self.var = var
        self.folder = var / "engine"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = var / "engine.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jobs.engine", "--var", str(var)],
                cwd=ROOT,
                stderr=log,
                preexec_fn=use_one_core,
            )

    def deploy(self, *paths: Path, **changes: Any) -> list[str]:
        """Point the engine at these files; returns their hashes."""
        entries = [
            {"path": str(path), "sha256": sha256(path), "context_tokens": 4096} | changes for path in paths
        ]
        temporary = self.folder / "deployed.tmp"
        temporary.write_text(json.dumps({"models": entries}))
        temporary.replace(self.folder / "deployed.json")
        return [entry["sha256"] for entry in entries]

    def deploy_upon(self, base: Path, *adapters: Path, **changes: Any) -> list[str]:
        """Point the engine at these adapters of one base; returns their hashes."""
        shared = {"path": str(base), "sha256": sha256(base)}
        return self.deploy(*adapters, base=shared, chat_template=CHAT_TEMPLATE, **changes)

    def live(self) -> dict[str, Any]:
        path = self.folder / "live.json"
        return json.loads(path.read_text()) if path.exists() else {"models": {}, "errors": {}}

    def wait_for_models(self, *hashes: str) -> dict[str, Any]:
        wait_for(lambda: set(self.live()["models"]) == set(hashes))
        return self.live()["models"]

    def servers(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def use_one_core() -> None:
    """The tiny model gains nothing from a second thread, and on a busy machine waits for it without end."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@contextmanager
def running_engine(var: Path) -> Iterator[RunningEngine]:
    engine = RunningEngine(var)
    try:
        yield engine
    finally:
        if engine.process.poll() is None:
            engine.stop()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wait_for(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
