"""``manage.py deploy NAME``: the deploy button's twin."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member
from summaries.deployments import NotDeployable, deploy
from training.models import ModelArtifact


class Command(BaseCommand):
    help = "Let an artifact answer for the clinic from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the artifact's name, as the training run printed it")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        mine = ModelArtifact.objects.filter(clinic=member.membership.clinic)
        artifact = mine.filter(name=options["name"]).first()
        if artifact is None:
            names = (
                ", ".join(mine.filter(kind=ModelArtifact.Kind.GGUF).values_list("name", flat=True))
                or "none yet"
            )
            raise CommandError(f"There is no artifact of that name. Artifacts here: {names}.")
        try:
            deploy(artifact=artifact, user=member)
        except NotDeployable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{artifact.name} is deployed. A running engine takes it up within seconds.")
