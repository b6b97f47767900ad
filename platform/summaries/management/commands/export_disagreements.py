"""``manage.py export_disagreements OUT.jsonl``: where the explaining model and the check disagreed, as people decided."""

import json
import os
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member
from summaries.disagreements import collect


class Command(BaseCommand):
    help = "Write sentences that the explaining model and the check disagreed about, and that people decided about since."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", help="the file to write; it must not be there yet")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        try:
            descriptor = os.open(options["out"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['out']}: {error.strerror}.") from error
        rows = collect(clinic=member.membership.clinic, user=member)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self.stdout.write(f"{len(rows)} rows are in {options['out']}.")
