"""``manage.py export_bundle NAME``: a model to take to a machine without any network."""

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member
from summaries import bundles
from summaries.deployments import NotDeployable
from training.models import ModelArtifact


class Command(BaseCommand):
    help = "Pack an artifact with all that a machine without any network needs to summarize with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the artifact's name, as the training run printed it")
        parser.add_argument("--out", type=Path, help="a new folder, or a .zip file (default: NAME-bundle)")
        parser.add_argument(
            "--wheel", type=Path, help="the engine's library for another kind of Linux machine"
        )
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        goal = (options["out"] or Path(f"{options['name']}-bundle")).absolute()
        if goal.exists():
            raise CommandError(f"{goal} exists already. Name another with --out.")
        try:
            artifact = ModelArtifact.objects.get(clinic=member.membership.clinic, name=options["name"])
            contents = bundles.pack(artifact=artifact, user=member, wheel=options["wheel"])
        except ModelArtifact.DoesNotExist:
            raise CommandError("There is no artifact of that name. See the Models page.") from None
        except (NotDeployable, bundles.NotPacked) as error:
            raise CommandError(str(error)) from error
        if goal.suffix == ".zip":
            bundles.write_zip(contents, goal)
        else:
            bundles.write_folder(contents, goal)
        self.stdout.write(f"{len(contents)} files packed into {goal}. Its README.txt says how to use it.")
