"""``manage.py export_disagreements OUT.jsonl``: where the explaining model and the check disagreed, as people decided."""

from typing import Any

from django.core.management import BaseCommand, CommandParser

from config.commandline import new_json_lines, ready_member
from summaries.disagreements import collect


class Command(BaseCommand):
    help = "Write sentences that the explaining model and the check disagreed about, and that people decided about since."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("out", help="the file to write; it must not be there yet")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        with new_json_lines(options["out"]) as out:
            rows = collect(clinic=member.membership.clinic, user=member)
            for row in rows:
                out.write(row)
        self.stdout.write(f"{len(rows)} rows are in {options['out']}.")
