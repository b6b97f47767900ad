"""``manage.py adopt_tagger local:NAME``: have a Hugging Face token classifier find identifiers in the embedded one's place."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar
from jobs import catalogue, fetch
from jobs.rundir import write_json_atomic
from jobs.supervisor import run_stage


class Command(BaseCommand):
    help = (
        "Check and convert a token classifier (safetensors) from a folder under PRECIS_LOCAL_MODELS, for example "
        "stanford-deidentifier-base downloaded on another machine; it is used once PRECIS_TAGGER names what comes out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        steps = StepBar(f"Reading {name}", "B", scale=True)
        try:
            fetch.fetch(
                name,
                settings.MODELS_DIR,
                on_progress=lambda done, total, note: steps.to(done, total, note=note),
                local_root=settings.LOCAL_MODELS_DIR,
            )
        except (catalogue.UnknownBase, fetch.FetchError) as error:
            raise CommandError(str(error)) from error
        folder = Path(settings.VAR) / "taggers" / name.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        write_json_atomic(folder / "spec.json", {"base": name, "models_dir": str(settings.MODELS_DIR)})
        outcome = run_stage("export_tagger", folder, on_progress=lambda at: True)
        steps.close()
        if outcome.result is None:
            raise CommandError(
                f"{name} could not be converted ({outcome.error_type}). {outcome.advice}".strip()
            )
        self.stdout.write(f"Set PRECIS_TAGGER={folder / 'artifact' / 'onnx'} and start Precis again.")
