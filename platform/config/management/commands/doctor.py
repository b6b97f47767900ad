"""``manage.py doctor``: the state of this installation on one page."""

import importlib.metadata
import os
import shutil
import socket
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.db import DatabaseError, connection
from kombu.exceptions import KombuError

from config.commandline import table
from jobs import catalogue
from jobs.app import app
from privacy.engine import ScrubError, get_scrubber, scrubber_version
from summaries.deployments import engine_client, explainer_client

PACKAGES = ("torch", "transformers", "trl", "peft", "xllamacpp", "django", "celery", "presidio-analyzer")
MIN_FREE_GB = 5


class Command(BaseCommand):
    help = "Versions, cores, disk, weights, engine and broker, each with what to do about it."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        checks: list[tuple[str, Callable[[], str]]] = [
            ("python", lambda: sys.version.split()[0]),
            *((name, lambda name=name: importlib.metadata.version(name)) for name in PACKAGES),
            ("cores", lambda: f"{os.cpu_count()}, stages use {settings.STAGE_THREADS}"),
            ("disk", _disk),
            ("weights", _weights),
            ("scrubber", _scrubber),
            ("database", _database),
            ("broker", _broker),
            ("web", _web),
            ("engine", _engine),
            ("explainer", _explainer),
        ]
        rows = [["what", "state"], *([name, check()] for name, check in checks)]
        self.stdout.write(table(rows))


def _disk() -> str:
    free = shutil.disk_usage(settings.VAR if settings.VAR.exists() else settings.BASE_DIR).free / 1e9
    return f"{free:.0f} GB free" + (
        "" if free > MIN_FREE_GB else f": make room, a training run needs {MIN_FREE_GB} GB"
    )


def _weights() -> str:
    here = []
    for name in catalogue.BASES:
        try:
            catalogue.installed(name, settings.MODELS_DIR)
            here.append(name)
        except catalogue.NotFetched:
            continue
    return ", ".join(here) or "none: run manage.py fetch_model smollm2-135m"


def _scrubber() -> str:
    try:
        get_scrubber().find("A line without an identifier.")
    except ScrubError as error:
        return f"does not load ({error}): records are set aside until it does, then scrub them again"
    return f"{scrubber_version()}, loads"


def _database() -> str:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        return f"not reachable ({type(error).__name__}): check DATABASE_URL and that the server runs"
    return f"{connection.vendor}, reachable"


def _broker() -> str:
    scheme = settings.BROKER_URL.partition("://")[0]
    try:
        with app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=3)
    except (OSError, KombuError) as error:
        return f"{scheme}, not reachable ({type(error).__name__}): check BROKER_URL and that the server runs"
    return f"{scheme}, reachable"


def _web() -> str:
    with socket.socket() as probe:
        probe.settimeout(1)
        answers = probe.connect_ex((settings.WEB_HOST, settings.WEB_PORT)) == 0
    return (
        f"answers on {settings.WEB_HOST}:{settings.WEB_PORT}"
        if answers
        else "does not answer: run manage.py up"
    )


def _engine() -> str:
    told = [f"{sha256[:12]} {state}".strip() for sha256, state in engine_client().health().items()]
    where = f"at {settings.ENGINE_URL}: " if settings.ENGINE_URL else ""
    return where + (", ".join(told) or "no model is served")


def _explainer() -> str:
    if not settings.EXPLAINER_URL:
        return "the deployed model"
    return f"{settings.EXPLAINER_MODEL} at {settings.EXPLAINER_URL}: {explainer_client().state('')}"
