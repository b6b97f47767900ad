"""Commands and processes of an installation, each process in a group of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from django.conf import settings

ROOT = Path(settings.BASE_DIR)


class Installation:
    """Runs commands and programs in the installation's environment, each in a process group of its own."""

    def __init__(self, var: Path, environment: dict[str, str]) -> None:
        self.var, self.environment = var, {**os.environ, **environment}
        self.started: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str, timeout: float = 300) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def shell(self, program: str) -> str:
        """What a program prints that runs inside the installation's Django."""
        return self.manage("shell", "--no-imports", "-c", program).strip()

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.var / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def start_worker(self, queues: str = "cpu,stages", *more: str) -> subprocess.Popen[bytes]:
        arguments = ["-m", "celery", "--app", "jobs.app", "worker", "--concurrency", "1", "--queues", queues]
        return self.start("worker", *arguments, "--loglevel", "INFO", "--without-mingle", *more)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """``kill -9`` of the process and its whole group."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def processes(self, word: str) -> list[psutil.Process]:
        """Living processes of this installation with ``word`` on their command line."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            line = " ".join(process.info["cmdline"] or [])
            if word in line and str(self.var) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                self.kill(process)


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)
