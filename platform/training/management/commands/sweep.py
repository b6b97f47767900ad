"""``manage.py sweep DATASET --base NAME --name NAME``: six settings, one after the other, and which does best."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import ready_member, table
from records.models import Dataset
from training.models import Sweep
from training.options import SWEEP, RunOptions, files_to_make
from training.services import runs, sweeps
from training.services.stages import execute_stage


class Command(BaseCommand):
    help = f"Try {len(SWEEP)} settings on a frozen dataset, one run after the other, and compare them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", help="a frozen dataset's name")
        parser.add_argument("--base", required=True, help="a base model's name (see fetch_model)")
        parser.add_argument("--name", required=True, help="the sweep's name; its runs are NAME-1, NAME-2, …")
        parser.add_argument("--epochs", type=float, default=RunOptions.epochs)
        parser.add_argument("--evaluate-rows", type=int, default=RunOptions.evaluate_rows)
        parser.add_argument(
            "--as-adapter", action="store_true", help="let each setting make an adapter on the shared base"
        )
        parser.add_argument("--here", action="store_true", help="work in this terminal, without a worker")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        clinic = member.membership.clinic
        dataset = Dataset.objects.filter(clinic=clinic, name=options["dataset"]).first()
        if dataset is None:
            names = ", ".join(Dataset.objects.filter(clinic=clinic).values_list("name", flat=True))
            raise CommandError(f"There is no dataset of that name. Datasets here: {names or 'none yet'}.")
        try:
            sweep = sweeps.start_sweep(
                clinic=clinic,
                user=member,
                name=options["name"],
                dataset=dataset,
                base=options["base"],
                options=RunOptions(
                    epochs=options["epochs"],
                    evaluate_rows=options["evaluate_rows"],
                    types=files_to_make(as_adapter=options["as_adapter"]),
                ),
                nudge=not options["here"],
            )
        except (ValueError, runs.RunRefused) as error:
            raise CommandError(str(error)) from error
        if options["here"]:
            self._work(sweep)
        else:
            self.stdout.write(f"{len(SWEEP)} runs wait for the worker: {sweep.name}-1 and on.")

    def _work(self, sweep: Sweep) -> None:
        for run in sweep.runs.order_by("pk"):
            for stage in run.stages.order_by("number"):
                self.stdout.write(f"{run.name}: {stage.name}")
                execute_stage(stage.uuid)
        self.stdout.write(compared(sweep))


def compared(sweep: Sweep) -> str:
    rows = [["run", "setting", "status", "valid loss", "ROUGE-1", ""]]
    for attempt in sweeps.attempts(sweep):
        loss = "" if attempt.valid_loss is None else f"{attempt.valid_loss:.3f}"
        rouge = "" if attempt.rouge_1 is None else f"{attempt.rouge_1:.1f}"
        best = "best" if attempt.is_best else ""
        rows.append([attempt.run.name, attempt.label, attempt.run.status, loss, rouge, best])
    return table(rows)
