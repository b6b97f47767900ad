"""``manage.py import_records FILE``: the upload page's twin. What the rows say goes the same way through the gate."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import bar, ready_member
from records import readers
from records.models import Record
from records.services import scrubbing, uploads


class Command(BaseCommand):
    help = "Import and scrub the records of a file of any form that Precis reads; they then wait for review."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument(
            "--encoding", default="", help="how the text is encoded, where the file does not say"
        )
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        path = Path(options["file"])
        try:
            upload, head = uploads.receive_upload(
                clinic=member.membership.clinic,
                user=member,
                name=path.name,
                data=path.read_bytes(),
                encoding=options["encoding"],
            )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        except readers.EncodingUnknown as question:
            for choice in question.choices:
                self.stdout.write(
                    "\n".join([f"--encoding {choice.encoding}: {choice.label}", *choice.lines, ""])
                )
            raise CommandError(
                f"{path}: {question} Look for the lines in which every sign is right and name their --encoding."
            ) from question
        except readers.UnreadableFile as error:
            raise CommandError(f"{path}: {error}") from error
        for note in head.notes:
            self.stderr.write(note)
        for fault in head.errors:
            self.stderr.write(f"Row {fault.number} is left out: {fault.message}")
        imported = uploads.confirm_upload(upload=upload, user=member)
        waiting = [record for record in imported.records if record.status == Record.Status.RECEIVED]
        for record in bar(waiting, label="Scrubbing", unit="records"):
            scrubbing.scrub_record(record=record)
        quarantined = upload.records.filter(status=Record.Status.QUARANTINED).count()
        self.stdout.write(
            f"{imported.created} new records, {len(imported.records) - imported.created} were here already, "
            f"{len(head.errors)} rows left out, {quarantined} quarantined."
        )
