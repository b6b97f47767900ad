"""What the commands that make an encoder again share: a base, a seed, and a stage followed to its end."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from config.commandline import StepBar
from jobs.progress import Progress
from jobs.rundir import file_sha256, write_json_atomic
from jobs.supervisor import run_stage

BASE = "minilm-l6"
SEED = 7


def train(
    command: BaseCommand,
    stage: str,
    folder: Path,
    examples: Path,
    label: str,
    teacher: Path | None,
    **told: Any,
) -> Path:
    """The artifact folder of ``stage``, run on ``examples`` with what else it is told. Raises CommandError."""
    folder.mkdir(exist_ok=True)
    spec = {
        "base": BASE,
        "models_dir": str(settings.MODELS_DIR),
        "examples": str(examples),
        "examples_sha256": file_sha256(examples),
        "teacher": str(teacher or ""),
        "seed": SEED,
        **told,
    }
    write_json_atomic(folder / "spec.json", spec)
    steps = StepBar(label, "steps")

    def follow(at: Progress | None) -> bool:
        if at:
            steps.to(at.done, at.total)
        return True  # go on: nobody stops a command but by Ctrl-C

    outcome = run_stage(stage, folder, on_progress=follow)
    steps.close()
    if outcome.result is None:
        raise CommandError(
            f"{label} ended early ({outcome.error_type}). {outcome.advice} See {folder / 'stage.log'}."
        )
    command.stdout.write(f"{label}: {json.dumps(outcome.result['metrics'])}")
    return folder / "artifact"
