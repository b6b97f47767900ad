"""``manage.py preview_tokens RUN`` or ``DATASET_OR_ROWS --base NAME``: what is trained, masked and cut, token by token."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from accounts.models import User
from config.commandline import ready_member
from records import readers
from records.models import Dataset, Split
from records.services.datasets import rows_of
from training.models import TrainingRun
from training.options import RunOptions
from training.services import previews, runs
from training.services.previews import Example, Preview

LABELS = {
    "bos": "BEGIN",
    "masked": "MASKED",
    "trained": "TRAINED",
    "end": "END",
    "cut": "CUT",
}


class Command(BaseCommand):
    help = "Show a few rows as the trainer gets them: what it learns, what it only reads, where a turn ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "data", help="a run's or a frozen dataset's name, or a file of rows {source, target[, section]}"
        )
        parser.add_argument("--base", help="a base model's name; not needed for a run")
        parser.add_argument("--valid", help="a second file: rows to be held out")
        parser.add_argument("--max-tokens", type=int, default=RunOptions.max_tokens)
        parser.add_argument("--seed", type=int, default=RunOptions.seed, help="draws the rows to show")
        parser.add_argument("--json", action="store_true", help="all of it as one JSON object")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            preview = self._preview(**options)
        except (ValueError, runs.RunRefused, previews.PreviewRefused, readers.UnreadableFile) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(preview), ensure_ascii=False))
            return
        self._show(preview)

    def _preview(
        self, *, data: str, base: str | None, valid: str | None, clinic: str | None, **options: Any
    ) -> Preview:
        member = ready_member(clinic)
        run = TrainingRun.objects.filter(clinic=member.membership.clinic, name=data).first()
        if run and not base and not Path(data).is_file():
            if preview := previews.open_preview(run=run, user=member):
                return preview
            raise CommandError(f"{data} has no preview: it has not come so far, or its rows were erased.")
        if not base:
            raise CommandError(
                "There is no such run. For a dataset or a file, name a base model with --base."
            )
        runs.check_base(base)
        rows = [*self._rows(data, Split.TRAIN, member)]
        rows += self._rows(valid, Split.VALID, member) if valid else []
        return previews.preview_rows(rows, base=base, max_tokens=options["max_tokens"], seed=options["seed"])

    def _rows(self, data: str, split: Split, member: User) -> Iterator[dict[str, str]]:
        """Of a file, as they stand in it: before a run they would be scrubbed."""
        if not Path(data).is_file():
            clinic = member.membership.clinic
            dataset = Dataset.objects.filter(clinic=clinic, name=data).first()
            if dataset is None:
                raise CommandError(f"{data} is neither a file nor a frozen dataset of {clinic.name}.")
            yield from rows_of(dataset)
            return
        reading = readers.read(readers.suffix_of(data), Path(data).read_bytes())
        for fault in reading.errors:
            self.stderr.write(f"{data}, row {fault.number}: {fault.message} Left out.")
        for row in reading.rows:
            yield {
                "id": f"{split} row {row.number}",
                "split": split.value,
                "source": row.source,
                "target": row.target,
                "section": row.section,
                "patient": row.patient,
            }

    def _show(self, preview: Preview) -> None:
        for finding in preview.findings:
            self.stdout.write(f"{finding['what']}: {', '.join(finding['ids'])}. {finding['to_do']}")
        for example in preview.examples:
            self._show_example(example, preview.limit)

    def _show_example(self, example: Example, limit: int) -> None:
        self.stdout.write(
            f"\n{example.id} ({', '.join(example.why)}): {example.prompt_tokens} tokens masked, "
            f"{example.summary_tokens} trained, {example.cut_tokens} beyond {limit} cut"
        )
        for piece in example.pieces:
            tokens = "|".join(token.replace("\n", "↵") for token in piece.tokens)
            self.stdout.write(f"{LABELS[piece.kind]:>8} {tokens}")
