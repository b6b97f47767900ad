"""``manage.py export_review_rows OUT.jsonl``: what reviewers added and took back, with surrogates in the texts.

Rows are {text, spans: [{start, end, label}], added, rejected}: gold for ``score_phi``, and data for the tagger.
"""

import json
import os
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member
from records.services.review_rows import collect_review_rows


class Command(BaseCommand):
    help = "Write the texts that reviewers corrected as gold rows, made-up words in the place of every identifier."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", help="the file to write; it must not be there yet")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        try:
            descriptor = os.open(options["out"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['out']}: {error.strerror}.") from error
        found = collect_review_rows(clinic=member.membership.clinic, user=member)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found.rows)
        self.stdout.write(f"{len(found.rows)} rows are in {options['out']}.")
        if found.withheld:
            self.stderr.write(
                f"{found.withheld} texts are left out: their original was deleted, or what was hidden in one place "
                "still stands in another."
            )
