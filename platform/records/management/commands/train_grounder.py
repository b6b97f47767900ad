"""``manage.py train_grounder``: make the detector's weights again from records with reference summaries and a seed."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar, read_json_lines
from grounding.decision import unread
from grounding.detector import CHECKS_CARD
from grounding.features import NAMES
from grounding.fitting import fit_rows
from grounding.training import Source, write_rows
from jobs import fetch
from jobs.rundir import file_sha256, write_json_atomic
from records.management import encoders
from sample_clinic.clinic import generate

ROWS_SEED, CLINIC_SEED = 17, 31
COMPOSED = 1200


class Command(BaseCommand):
    help = (
        "Fine-tune the encoder that tells whether a record bears a sentence out, and fit the decision that joins it with "
        "the checks (half an hour on two cores). --texts are JSON Lines of records with their summaries {source, target}; "
        "never the rows it is scored on. With --student a second one of half the layers is distilled from it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", default=str(settings.VAR / "grounder"))
        parser.add_argument("--texts", nargs="*", default=[])
        parser.add_argument("--composed", type=int, default=COMPOSED, help="records of the sample clinic")
        parser.add_argument("--epochs", type=float, default=1.0)
        parser.add_argument(
            "--minutes", type=float, default=30, help="the training ends by then, however far it came"
        )
        parser.add_argument("--student", action="store_true")
        parser.add_argument(
            "--checks-only",
            action="store_true",
            help="fit the decision of the checks alone, in a minute, without an encoder",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        out = Path(options["out"]).absolute()
        out.mkdir(parents=True, exist_ok=True)
        rows = out / "rows.jsonl"
        if not rows.is_file():
            self._write_rows(rows, options)
        if options["checks_only"]:
            return self._fit_checks(out / CHECKS_CARD, rows)
        self._fetch()
        made = self._train(out / "1-teacher", rows, options, "Training the detector")
        if options["student"]:
            made = self._train(out / "2-student", rows, options, "Distilling it", teacher=made / "hf")
        self.stdout.write(
            f"The detector stands in {made / 'onnx'}. To ship it: copy the folder over platform/grounding/weights."
        )

    def _fit_checks(self, path: Path, rows: Path) -> None:
        examples = [json.loads(line) for line in rows.open(encoding="utf-8")]
        decision, measured = fit_rows(examples, unread(len(examples)))
        facts = {"rows": len(examples), "rows_sha256": file_sha256(rows), "rows_seed": ROWS_SEED, **measured}
        write_json_atomic(path, {**facts, "features": NAMES, "decision": decision.to_card()})
        self.stdout.write(f"The checks alone: {json.dumps(measured)}. Their decision stands in {path}.")

    def _fetch(self) -> None:
        steps = StepBar("Fetching", "B", scale=True)
        try:
            fetch.fetch(
                encoders.BASE,
                settings.MODELS_DIR,
                on_progress=lambda done, total, note: steps.to(done, total, note=note),
            )
        except fetch.FetchError as error:
            raise CommandError(str(error)) from error
        steps.finish()

    def _write_rows(self, path: Path, options: dict[str, Any]) -> None:
        sources: list[Source] = [
            row for text in options["texts"] for row in read_json_lines(text, "source", "target")
        ]
        sources += [
            {"source": each.source, "target": each.target}
            for each in generate(CLINIC_SEED, options["composed"])
        ]
        steps = StepBar("Composing rows")
        draft = path.with_suffix(".part")
        write_rows(draft, sources, seed=ROWS_SEED, on_progress=steps.to)
        draft.replace(path)
        steps.finish()

    def _train(
        self, folder: Path, rows: Path, options: dict[str, Any], label: str, teacher: Path | None = None
    ) -> Path:
        told = {"epochs": options["epochs"], "max_seconds": 60 * options["minutes"]}
        return encoders.train(self, "train_grounder", folder, rows, label, teacher, **told)
