"""``manage.py compare ARTIFACT ARTIFACT``: paired tests of two artifacts on the records that both were scored on."""

import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member, table
from training.measures import Scored
from training.services.comparing import Comparison, NotComparable, artifact_named, compare


class Command(BaseCommand):
    help = "Compare two evaluated artifacts, record by record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("first", help="an artifact's name")
        parser.add_argument("second", help="the name of the one to hold against it")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = ready_member(options["clinic"]).membership.clinic
        try:
            first, second = (artifact_named(clinic, options[name]) for name in ("first", "second"))
            compared = compare(first, second)
        except NotComparable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(_facts(compared)) if options["json"] else _words(compared))


def _facts(compared: Comparison) -> dict[str, Any]:
    return {
        "first": compared.first.name,
        "second": compared.second.name,
        "rows": compared.rows,
        "only_first": compared.only_first,
        "only_second": compared.only_second,
        "measures": {
            each.measure.key: {"first": each.first, "second": each.second, "difference": each.test}
            for each in compared.scores
        },
    }


def _words(compared: Comparison) -> str:
    header = ["measure", compared.first.name, compared.second.name, "difference", "p", ""]
    left_out = compared.only_first + compared.only_second
    note = f", {left_out} that only one was scored on left out" if left_out else ""
    return (
        f"{compared.rows} records in common{note}; 95 % intervals in brackets, "
        "p by approximate randomization\n" + table([header, *(_line(each) for each in compared.scores)])
    )


def _line(each: Scored) -> list[str]:
    assert each.test is not None, "two artifacts are compared only where there are rows enough"
    return [
        each.measure.label,
        _interval(each.first, each.measure.digits),
        _interval(each.second, each.measure.digits),
        _interval(each.test, each.measure.digits, "+"),
        f"{each.test['p']:.3f}",
        each.verdict,
    ]


def _interval(score: Any, digits: int, sign: str = "") -> str:
    return f"{score['value']:{sign}.{digits}f} ({score['low']:.{digits}f} to {score['high']:.{digits}f})"
