"""A whole installation of its own: state folder, database, broker, and real processes."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from tests.stages.conftest import models_dir, tools_dir  # noqa: F401  (fixtures)
from tests.stages.tiny import visit_rows

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


def visits(count: int) -> list[dict[str, str]]:
    """Visits of as many patients, none almost the same as another: those would all land in one part of a dataset."""
    more = "\nPatient: I walk {0} minutes, sleep {0} hours and drink {0} cups."
    return [
        {**row, "source": row["source"] + more.format(number)} for number, row in enumerate(visit_rows(count))
    ]


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database of the kind under test that other processes can open too."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield f"sqlite:///{tmp_path / 'state' / 'e2e.sqlite3'}"
        return
    import psycopg

    name = f"e2e_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield url.rpartition("/")[0] + f"/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    url = os.environ.get("BROKER_URL", "")
    if not url.startswith("redis"):
        yield f"folder://{tmp_path / 'state' / 'broker'}"
        return
    import redis

    own = url.rpartition("/")[0] + "/9"
    redis.Redis.from_url(own).flushdb()
    yield own
    redis.Redis.from_url(own).flushdb()


@pytest.fixture
def installation(
    tmp_path: Path,
    models_dir: Path,  # noqa: F811
    tools_dir: Path,  # noqa: F811
    database_url: str,
    broker_url: str,
) -> Iterator[Installation]:
    var = tmp_path / "state"
    var.mkdir()
    there = Installation(
        var,
        {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "PRECIS_VAR": str(var),
            "PRECIS_MODELS_DIR": str(models_dir),
            "PRECIS_TOOLS_DIR": str(tools_dir),
            "PRECIS_LOCAL_MODELS": str(models_dir / "own"),
            "PRECIS_LEASE_SECONDS": "6",
            "PRECIS_CHECKPOINT_SECONDS": "1",
            "PRECIS_STAGE_THREADS": "1",
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
        },
    )
    yield there
    there.close()
