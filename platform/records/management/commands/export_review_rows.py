"""``manage.py export_review_rows OUT.jsonl``: what reviewers added and took back, with surrogates in the texts.

Rows are {text, spans: [{start, end, label}], added, rejected}: gold for ``score_phi``, and data for the tagger.
"""

from typing import Any

from django.core.management import BaseCommand, CommandParser

from config.commandline import new_json_lines, ready_member
from records.services.review_rows import collect_review_rows


class Command(BaseCommand):
    help = "Write the texts that reviewers corrected as gold rows, made-up words in the place of every identifier."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", help="the file to write; it must not be there yet")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        with new_json_lines(options["out"]) as out:
            found = collect_review_rows(clinic=member.membership.clinic, user=member)
            for row in found.rows:
                out.write(row)
        self.stdout.write(f"{len(found.rows)} rows are in {options['out']}.")
        if found.withheld:
            self.stderr.write(
                f"{found.withheld} texts are left out: their original was deleted, or what was hidden in one place "
                "still stands in another."
            )
