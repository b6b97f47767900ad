"""``manage.py device_budget NAME``: where an artifact runs, and how fast it can write there at best."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member, table
from jobs.devices import DEVICES, RECORD_TOKENS, SUMMARY_TOKENS, Budget, Device, tokens_per_s
from training.models import Evaluation, ModelArtifact
from training.services import devices

AT_ONCE = devices.EVALUATED_AT_ONCE


class Command(BaseCommand):
    help = (
        "Say which machines an artifact fits, this one as it is now among them, and its speed there at best."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the artifact's name, as the training run printed it")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = ready_member(options["clinic"]).membership.clinic
        artifact = ModelArtifact.objects.filter(clinic=clinic, name=options["name"]).first()
        if artifact is None:
            raise CommandError("There is no artifact of that name. See the Models page.")
        try:
            model = devices.model(artifact)
            here = devices.this_machine()
            budgets = devices.budgets(artifact, (*DEVICES, here))
        except devices.NotKnown as error:
            raise CommandError(str(error)) from error
        context = devices.context_tokens(artifact, model)
        self.stdout.write(
            f"{artifact.name}: {model.file_bytes / 1e6:.0f} MB, reads {context} tokens at once\n\n"
        )
        header = ["machine", "memory it takes", "there is", "fits", "tokens/s at most", "a summary at least"]
        self.stdout.write(table([header, *(_line(each) for each in budgets)]))
        self.stdout.write(
            f"\nEstimates. A summary: a record of {RECORD_TOKENS} tokens read, {SUMMARY_TOKENS} written."
        )
        evaluation = Evaluation.objects.filter(artifact=artifact).first()
        if evaluation:
            self.stdout.write(_measured(evaluation, tokens_per_s(model, here, RECORD_TOKENS, AT_ONCE), here))


def _line(each: Budget) -> list[str]:
    return [
        each.device.name,
        f"{each.needed_gigabytes:.2f} GB",
        f"{each.device.free_bytes / 1e9:.1f} GB",
        "yes" if each.fits else "no",
        f"{each.tokens_per_s:.0f}",
        f"{each.seconds:.1f} s",
    ]


def _measured(evaluation: Evaluation, at_most: float, here: Device) -> str:
    """The evaluation answers several requests at once, and counts the time in which records are read."""
    pace = evaluation.metrics["tuned"]["tokens_per_s"]
    return (
        f"Its evaluation wrote {pace:.0f} tokens/s, {AT_ONCE} summaries at once and the reading of the records included; "
        f"writing {AT_ONCE} at once alone, this machine ({here.bytes_per_s / 1e9:.0f} GB/s, "
        f"{here.operations_per_s / 1e9:.0f} billion operations/s just now) could reach {at_most:.0f}."
    )
