"""``manage.py deidentify IN.jsonl OUT.jsonl``: {id, text} in, {id, text, spans} out; nothing is stored."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import bar, read_json_lines, writing_json_lines
from privacy.engine import ScrubError, get_scrubber
from privacy.placeholders import replace


class Command(BaseCommand):
    help = "Replace identifiers by typed placeholders. Spans are offsets into the input text."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("input")
        parser.add_argument("output")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = read_json_lines(options["input"], "text")
        with writing_json_lines(options["output"]) as out:
            for number, row in enumerate(bar(rows, label="De-identifying", unit="texts"), start=1):
                try:
                    spans = get_scrubber().find(row["text"])
                except ScrubError as error:
                    raise CommandError(
                        f"Text {number} could not be scrubbed, so nothing was written: {error}"
                    ) from error
                (text,) = replace([row["text"]], [spans]).texts
                found = [{"start": span.start, "end": span.end, "label": span.kind.value} for span in spans]
                out.write({"id": row.get("id", number), "text": text, "spans": found})
        self.stdout.write(f"{len(rows)} texts written to {options['output']}.")
