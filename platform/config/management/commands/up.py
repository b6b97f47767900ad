"""``manage.py up``: web, workers and engine together, on this machine; Ctrl-C stops them all."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from config.processes import AlreadyRunning, Process, only_one, run_all


class Command(BaseCommand):
    help = "Start the web server, the workers and the engine, and stop them together."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--first-run", action="store_true", help="also set up the sample clinic, once")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with only_one(settings.VAR / "up.lock"):
                call_command("migrate", verbosity=0, interactive=False)
                call_command("collectstatic", verbosity=0, interactive=False)
                failed = run_all(_processes(options["first_run"]), stop=threading.Event())
        except AlreadyRunning as error:
            raise CommandError(
                f"{error} Stop it first, or use it: it answers on port {settings.WEB_PORT}."
            ) from error
        if failed:
            raise CommandError("The first run did not finish; what it said stands above.")


def _processes(first_run: bool) -> list[Process]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    celery = [
        sys.executable,
        "-m",
        "celery",
        "--app",
        "jobs.app",
        "worker",
        "--loglevel",
        "INFO",
        "--without-mingle",
    ]
    beat = ["--beat", "--schedule", str(_folder("beat") / "schedule")]
    processes = [
        _process("web", _gunicorn()),
        _process("worker", [*celery, "--queues", "cpu", "--concurrency", "1", "--hostname", "cpu@%h", *beat]),
        _process("stages", [*celery, "--queues", "stages", "--concurrency", "1", "--hostname", "stages@%h"]),
    ]
    if not settings.ENGINE_URL:  # else one answers elsewhere in the clinic
        engine = [sys.executable, "-m", "jobs.engine", "--var", str(settings.VAR)]
        processes.append(_process("engine", engine))
    if first_run:
        processes.append(Process("first-run", [*manage, "first_run"], _environment(), restart=False))
    return processes


def _gunicorn() -> list[str]:
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi", "--config", "python:config.gunicorn"]
    bind = f"{settings.WEB_HOST}:{settings.WEB_PORT}"
    return [*gunicorn, "--bind", bind, "--worker-tmp-dir", str(_folder("tmp"))]


def _process(name: str, argv: list[str]) -> Process:
    return Process(name, argv, _environment(), log=_folder("log") / f"{name}.log")


def _environment() -> dict[str, str]:
    roots = os.pathsep.join([str(settings.BASE_DIR / "platform"), str(settings.BASE_DIR)])
    return {
        **os.environ,
        "PYTHONPATH": roots,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
        "PYTHONUNBUFFERED": "1",
    }


def _folder(name: str) -> Path:
    path: Path = settings.VAR / name
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
