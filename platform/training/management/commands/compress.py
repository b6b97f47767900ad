"""``manage.py compress RUN --budget 80MB``: make a run's model fit a size, and report what was tried.

Storing its numbers more briefly comes first; parts are left out only where that is not enough.
"""

import re
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from accounts.models import Clinic
from config.commandline import ready_member, table
from training.frontier import Variant, variants_of
from training.management.working import work
from training.models import ModelArtifact, TrainingRun
from training.options import SmallerOptions
from training.services import fitting, smaller
from training.services.runs import RunRefused

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB)", re.IGNORECASE)


class Command(BaseCommand):
    help = (
        "Make the model of a finished run fit a size, losing as little as can be, and say what each try lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="a finished training run's name")
        parser.add_argument(
            "--budget", required=True, help="the largest file you have room for, as 80MB or 1.5GB"
        )
        parser.add_argument(
            "--most-lost",
            type=float,
            default=SmallerOptions.most_lost,
            help="ROUGE-1 points that may be lost; a file that loses more is not deployed",
        )
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        budget = _bytes(options["budget"])
        source, whole = _source(member.membership.clinic, options["run"])
        try:
            tries = fitting.tries(whole, budget, options["most_lost"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not tries:
            raise CommandError(
                f"Nothing that Precis does would bring {source.name} from {whole.megabytes:.0f} MB to that. It could come "
                f"to about {fitting.smallest_bytes(whole) / 1e6:.0f} MB; or train a smaller base model."
            )
        found = _best(source, budget)
        for number, chosen in enumerate(tries, start=source.smaller_runs.count() + 1):
            if found:
                break
            try:
                run = smaller.start_smaller(
                    source=source,
                    user=member,
                    name=f"{source.name}-small-{number}",
                    options=chosen,
                    nudge=False,
                )
            except RunRefused as error:
                raise CommandError(str(error)) from error
            work(run, member, say=self.stdout.write, warn=self.stderr.write)
            found = _best(source, budget)
        self.stdout.write(_report(source, budget))
        if found is None:
            raise CommandError("None of these is small enough and loses little enough.")
        name = found.artifact.name
        self.stdout.write(f"{name} fits: manage.py deploy {name}")


def _bytes(size: str) -> int:
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise CommandError("Give the budget as a number with MB or GB, for example 80MB.")
    return int(float(match[1]) * {"MB": 1e6, "GB": 1e9}[match[2].upper()])


def _source(clinic: Clinic, name: str) -> tuple[TrainingRun, ModelArtifact]:
    runs = TrainingRun.objects.filter(clinic=clinic, source=None)
    source = runs.filter(name=name).select_related("clinic", "dataset").first()
    whole = smaller.whole_of(source) if source else None
    if source is None or whole is None:
        names = ", ".join(runs.filter(status="succeeded").values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no finished run of that name. There are: {names}.")
    return source, whole


def _best(source: TrainingRun, budget: int) -> Variant | None:
    """The best of what fits and may be deployed."""
    fitting = [each for each in variants_of(source) if each.artifact.bytes <= budget and not each.refusal]
    return max(fitting, key=lambda each: each.rouge_1["value"], default=None)


def _report(source: TrainingRun, budget: int) -> str:
    rows = [["model", "MB", "ROUGE-1 (95 %)", "lost", "tokens/s", ""]]
    for each in variants_of(source):
        score = each.rouge_1
        fits = "" if each.artifact.bytes <= budget else "too large"
        rows.append(
            [
                each.artifact.name,
                f"{each.artifact.megabytes:.1f}",
                f"{score['value']:.1f} ({score['low']:.1f} to {score['high']:.1f})",
                f"{each.loss.rouge_1:.1f}" if each.loss else "",
                f"{each.served['tokens_per_s']:.0f}" if each.served else "",
                each.refusal or fits,
            ]
        )
    return table(rows)
