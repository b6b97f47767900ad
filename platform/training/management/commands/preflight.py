"""``manage.py preflight DATASET_OR_ROWS --base NAME``: what a training would take, measured by a few real steps."""

import json
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar, ready_member
from jobs.progress import Progress
from records import readers
from records.models import Dataset
from records.services.datasets import rows_of
from training.estimates import duration, preflight_words
from training.options import RunOptions
from training.services import preflight, runs

HELD_OUT_EACH = 10


class Command(BaseCommand):
    help = "Rehearse a training: its time, memory and disk, before it is started. Nothing of it is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "data", help="a frozen dataset's name, or a file of rows {source, target[, section]}"
        )
        parser.add_argument("--base", required=True, help="a base model's name (see fetch_model)")
        parser.add_argument("--epochs", type=float, default=RunOptions.epochs)
        parser.add_argument("--rank", type=int, default=RunOptions.lora_rank, help="LoRA rank")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            runs.check_base(options["base"])
            chosen = RunOptions(epochs=options["epochs"], lora_rank=options["rank"])
            rows = self._rows(options["data"], options["clinic"])
            steps = StepBar("Measuring")

            def show(progress: Progress | None) -> bool:
                if progress is not None and not options["json"]:
                    steps.to(progress.done, progress.total, progress.unit, progress.message)
                return True

            facts = preflight.measure(rows=rows, base=options["base"], options=chosen, on_progress=show)
            steps.close()
        except (ValueError, runs.RunRefused, preflight.PreflightRefused, readers.UnreadableFile) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        self.stdout.write("\n".join(preflight_words(facts)))
        for part, seconds in facts["parts_s"].items():
            self.stdout.write(f"  {part:<14}{duration(seconds):>14}")

    def _rows(self, data: str, clinic_name: str | None) -> list[dict[str, str]]:
        if Path(data).is_file():
            return _rows_of_file(Path(data))
        clinic = ready_member(clinic_name).membership.clinic
        dataset = Dataset.objects.filter(clinic=clinic, name=data).first()
        if dataset is None:
            raise CommandError(f"{data} is neither a file nor a frozen dataset of {clinic.name}.")
        return list(rows_of(dataset))


def _rows_of_file(path: Path) -> list[dict[str, str]]:
    """Rows with both sides; each tenth is held out for validation, as a dataset would hold some."""
    reading = readers.read(readers.suffix_of(str(path)), path.read_bytes())
    whole = [row for row in reading.rows if row.source.strip() and row.target.strip()]
    return [
        {
            "id": str(row.number),
            "split": "valid" if place % HELD_OUT_EACH == HELD_OUT_EACH - 1 else "train",
            "source": row.source,
            "target": row.target,
            "section": row.section,
        }
        for place, row in enumerate(whole)
    ]
