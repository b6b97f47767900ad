"""``manage.py fetch_model NAME``: have a base model's weights on this machine, every hash checked."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar, table
from jobs import catalogue, fetch


class Command(BaseCommand):
    help = "Fetch a base model's weights. Without a name, list the base models."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        if name is None:
            self.stdout.write(_list())
            return
        try:
            base = catalogue.find(name, settings.LOCAL_MODELS_DIR)
            self.stdout.write(f"{name}: {base.licence}. {base.notice}")
            steps = StepBar(f"Fetching {name}", "B", scale=True)
            there = fetch.fetch(
                name,
                settings.MODELS_DIR,
                on_progress=lambda done, total, note: steps.to(done, total, note=note),
                local_root=settings.LOCAL_MODELS_DIR,
            )
            fetch.fetch_tools(
                settings.TOOLS_DIR, on_progress=lambda done, total, note: steps.to(done, total, note=note)
            )
            steps.finish()
        except (catalogue.UnknownBase, fetch.FetchError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} is here: {len(there.files)} files, each with the right sha256.")


def _list() -> str:
    rows = [["name", "kind", "parameters", "licence", "here"]]
    for base in catalogue.BASES.values():
        try:
            catalogue.installed(base.name, settings.MODELS_DIR)
            here = "yes"
        except catalogue.NotFetched:
            here = "no"
        rows.append([base.name, base.kind, f"{(base.parameters or 0) / 1e6:.0f} M", base.licence, here])
    return table(rows)
