"""Who may write summaries for a student to learn: the clinic's own models, untouched bases, and a server in the clinic.

A teacher is a model that writes; that its tokenizer is another than the student's does not matter, since the student
learns its texts.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import Clinic
from jobs import catalogue
from jobs.rundir import file_sha256
from jobs.specs import ADAPTER, TEACHER_KEY
from training.models import ModelArtifact, TrainingRun
from training.services.bases import base_choices
from training.services.folders import artifact_path
from training.services.memory import memory_of
from training.services.revoked import revoked_artifacts


class TeacherRefused(Exception):
    """The teacher is not here, or may not teach; the message says what to do."""


@dataclass(frozen=True)
class Teacher:
    key: str
    """What a run's options keep: "server", "model:UUID" or "base:NAME"."""
    name: str
    what: str
    """In words, for whoever chooses."""
    gguf: Path | None = None
    sha256: str = ""
    """Empty for a base whose file was made on this machine."""
    chat_template: str = ""

    def told(self) -> dict[str, Any]:
        """The fields of a ``TeachSpec`` that say who teaches."""
        if self.gguf is None:
            return {"teacher": self.name, "url": settings.TEACHER_URL}
        return {
            "teacher": self.name,
            "gguf": str(self.gguf),
            "gguf_sha256": self.sha256 or file_sha256(self.gguf),
            "chat_template": self.chat_template,
        }


def choices(clinic: Clinic) -> list[Teacher]:
    """The server first: nobody names one that is worse than what this machine can hold."""
    return [*_server(), *_models(clinic), *_bases()]


def find(clinic: Clinic, wanted: str) -> Teacher:
    """By key or by name. Raises ``TeacherRefused``."""
    known = choices(clinic)
    for teacher in known:
        if wanted in (teacher.key, teacher.name):
            return teacher
    names = ", ".join(teacher.name for teacher in known) or "nobody"
    raise TeacherRefused(f"That teacher is not here, or may not teach. Here can teach: {names}.")


def name_of(run: TrainingRun) -> str:
    """Empty for a run that has no teacher; one that is gone, or may not teach any more, still has its name."""
    kind, _, which = run.options.get("teacher", "").partition(":")
    if kind == "server":
        return str(settings.TEACHER_MODEL)
    if kind == "model":
        return (
            ModelArtifact.objects.filter(uuid=which).values_list("name", flat=True).first()
            or "a model that is gone"
        )
    return str(which)


def environment(run: TrainingRun) -> dict[str, str]:
    """What the stage that asks the teacher must know and no file may hold; empty unless a server is asked."""
    if run.options.get("teacher") != "server":
        return {}
    certificates = {name: os.environ[name] for name in ("SSL_CERT_FILE",) if name in os.environ}
    return {TEACHER_KEY: settings.TEACHER_KEY, **certificates}


def _server() -> Iterator[Teacher]:
    if settings.TEACHER_URL:
        yield Teacher("server", settings.TEACHER_MODEL, "the model on the clinic's server")


def _models(clinic: Clinic) -> Iterator[Teacher]:
    """Evaluated whole files. A model that gives away what it learned, or learned planted codes, would teach just that."""
    evaluated = ModelArtifact.objects.filter(
        clinic=clinic, kind=ModelArtifact.Kind.GGUF, evaluation__isnull=False
    ).exclude(quantization=ADAPTER)
    for model in evaluated.exclude(pk__in=revoked_artifacts(clinic)).select_related("stage__run__source"):
        memory = memory_of(model.stage.run)
        if not (memory.planted or memory.refusal):
            yield Teacher(
                f"model:{model.uuid}", model.name, "trained here", artifact_path(model), model.sha256
            )


def _bases() -> Iterator[Teacher]:
    for base in base_choices():
        installed = catalogue.installed(base.name, settings.MODELS_DIR)
        if installed.gguf.is_file():
            sha256 = installed.files.get(catalogue.GGUF, {}).get("sha256", "")
            template = installed.chat_template or ""
            yield Teacher(f"base:{base.name}", base.name, "untouched", installed.gguf, sha256, template)
