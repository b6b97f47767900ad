"""``manage.py machine_plan BASE``: what machine a base model needs, before anything is fetched."""

import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from training.estimates import plan_rows
from training.services import machine_plan


class Command(BaseCommand):
    help = "Say what memory, disk and machine training a base model takes, without its weights."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("base", help="a base model's name (see fetch_model), fetched or not")
        parser.add_argument("--rank", type=int, default=16, help="LoRA rank")
        parser.add_argument("--rows", type=int, default=1, help="rows in one step")
        parser.add_argument("--tokens", type=int, default=2048, help="tokens of a row")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plan = machine_plan.plan_machine(
                base=options["base"],
                lora_rank=options["rank"],
                rows=options["rows"],
                tokens=options["tokens"],
            )
        except machine_plan.PlanRefused as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(plan))
            return
        self.stdout.write("\n".join(plan["needs"]))
        for label, value in plan_rows(plan):
            self.stdout.write(f"  {label:<48}{value:>12}")
