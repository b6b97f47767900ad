"""``manage.py deidentify IN OUT.jsonl``: any file that records come in, or {id, text[, patient]} lines; nothing is stored.

python manage.py deidentify notes.jsonl out.jsonl --operator surrogate --key-file surrogates.key
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar, each_json_line, writing_json_lines
from config.keys import derive
from privacy.engine import ScrubError, get_scrubber
from privacy.operators import Operator, apply
from records import readers

LEAST_KEY_BYTES = 16


@dataclass(frozen=True)
class _Text:
    """One record of the input, and how much of the input has been read once it is done."""

    id: Any
    text: str
    summary: str
    patient: str
    done: int
    total: int


class Command(BaseCommand):
    help = (
        "Replace identifiers by placeholders, surrogates or asterisks; {id, text, spans} lines come out. Spans are "
        "offsets into the input text. A .jsonl file is read line by line, however large it is."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("input")
        parser.add_argument("output")
        parser.add_argument("--operator", choices=list(Operator), default=Operator.PLACEHOLDER)
        parser.add_argument(
            "--key-file",
            help="a secret that decides surrogates and the shift of dates; this installation's own, unless given",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        secret = _secret(options["key_file"])
        is_lines = options["input"].lower().endswith(".jsonl")
        bar = StepBar("De-identifying", unit="B" if is_lines else "texts", scale=is_lines)
        count = 0
        try:
            with writing_json_lines(options["output"]) as out:
                texts = _lines(options["input"]) if is_lines else self._rows(options["input"])
                for count, text in enumerate(texts, start=1):
                    out.write(_replaced(text, count, options["operator"], secret))
                    bar.to(text.done, text.total)
            bar.finish()
        finally:
            bar.close()
        self.stdout.write(f"{count} texts written to {options['output']}.")

    def _rows(self, path: str) -> Iterator[_Text]:
        """The records of a file of any other kind. What no reader can use is named and left out."""
        try:
            reading = readers.read(readers.suffix_of(path), Path(path).read_bytes())
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except readers.UnreadableFile as error:
            raise CommandError(f"{path}: {error}") from error
        for fault in reading.errors:
            self.stderr.write(f"Row {fault.number} is left out: {fault.message}")
        total = len(reading.rows)
        for done, row in enumerate(reading.rows, start=1):
            yield _Text(row.number, row.source, row.target, row.patient, done, total)


def _lines(path: str) -> Iterator[_Text]:
    for number, (row, done) in enumerate(each_json_line(path, "text"), start=1):
        total = Path(path).stat().st_size
        yield _Text(row.get("id", number), row["text"], "", str(row.get("patient") or ""), done, total)


def _secret(path: str | None) -> bytes:
    if path is None:
        return derive("surrogates")
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
    if len(secret) < LEAST_KEY_BYTES:
        raise CommandError(f"{path}: a key of {LEAST_KEY_BYTES} bytes or more is needed.")
    return secret


def _replaced(text: _Text, number: int, operator: str, secret: bytes) -> dict[str, Any]:
    # A text without a patient is its own patient, as for uploads.
    patient = f"patient\0{text.patient}" if text.patient else f"text\0{text.text}"
    key = hmac.digest(secret, patient.encode("utf-8", "surrogatepass"), "sha256")
    fields = [text.text, text.summary] if text.summary else [text.text]
    try:
        spans = [get_scrubber().find(field) for field in fields]
    except ScrubError as error:
        raise CommandError(f"Text {number} could not be scrubbed, so nothing was written: {error}") from error
    texts = apply(operator, fields, spans, key=key).texts
    found = [
        [{"start": span.start, "end": span.end, "label": span.kind.value} for span in row] for row in spans
    ]
    row = {"id": text.id, "text": texts[0], "spans": found[0]}
    return {**row, "summary": texts[1], "summary_spans": found[1]} if text.summary else row
