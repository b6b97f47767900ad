"""``manage.py score_summaries PRED.jsonl``: ROUGE of predictions against references, as published (F1 × 100)."""

import json
from typing import Any

from django.core.management import BaseCommand, CommandParser

from config.commandline import read_json_lines, table
from jobs.metrics import rouge


class Command(BaseCommand):
    help = "Score a file of {reference, prediction} rows."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("predictions")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = read_json_lines(options["predictions"], "reference", "prediction")
        scores = {name: round(value, 2) for name, value in rouge(rows).items()}
        if options["json"]:
            self.stdout.write(json.dumps(scores))
            return
        self.stdout.write(
            table([["metric", "F1 × 100"], *([name, f"{value:.2f}"] for name, value in scores.items())])
        )
        self.stdout.write(f"{len(rows)} rows")
