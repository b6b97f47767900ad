"""``manage.py first_run``: a clinic, its first administrator, weights, sample records and a first model.

Goes through the same services and the same worker as the pages. Every step looks for what is there already, so
a second run, or one after a power loss, repeats nothing. ``manage.py up --first-run`` starts it beside the rest.
"""

import json
import time
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import transaction

from accounts.models import Clinic, Membership, Role, User
from audit import staff
from config.commandline import StepBar, bar
from privacy.kinds import Span
from records.models import Dataset, Field, Record, Redaction
from records.readers import Row
from records.services import datasets, review, uploads
from sample_clinic import SampleRecord, generate
from summaries.deployments import NotDeployable, current_deployment, deploy, engine_client
from summaries.engine import READY
from training.models import ModelArtifact, Status, TrainingRun
from training.options import RunOptions
from training.report import before_and_after
from training.services import runs

CLINIC, ADMIN, DATASET, RUN, BASE = "Sample Clinic", "admin", "sample-records", "sample-model", "smollm2-135m"
# Chosen so that training takes about five minutes on two cores; docs/benchmarks.md has the figures.
OPTIONS = RunOptions(epochs=1.0, max_train_rows=160, evaluate_rows=16, types=("Q8_0",))


class Command(BaseCommand):
    help = "Set up a clinic with sample records and train, score and deploy a first model."

    def handle(self, *args: Any, **options: Any) -> None:
        admin, password = _first_admin()
        if password:
            # Said once, and before the long work: were that cut off, the password would be lost.
            self.stdout.write(
                f"One-time password of the first user, {ADMIN}:  {password}  (it is kept nowhere)"
            )
        if current_deployment(admin.membership.clinic) is None:
            call_command("fetch_model", BASE)
            samples = generate()
            _import(admin, samples)
            _review(admin, samples)
            run = _train(admin, _freeze(admin))
            _deploy(admin, run)
        _wait_for_engine(admin.membership.clinic)
        for sample_run in TrainingRun.objects.filter(clinic=admin.membership.clinic, name=RUN):
            self.stdout.write("\n" + before_and_after(sample_run))
        self.stdout.write(
            f"\nPrecis answers on http://{settings.WEB_HOST}:{settings.WEB_PORT}/  (Ctrl-C stops it)"
        )
        told = (
            "with the one-time password above"
            if password
            else f"(password lost? manage.py changepassword {ADMIN})"
        )
        self.stdout.write(f"Sign in as {ADMIN} {told}.")


@transaction.atomic
def _first_admin() -> tuple[User, str]:
    """The clinic's administrator, and the one-time password if the account is new."""
    membership = Membership.objects.filter(role=Role.ADMIN, user__username=ADMIN).first()
    if membership is not None:
        return membership.user, ""
    clinic = Clinic.objects.first() or staff.create_clinic(name=CLINIC)
    return staff.add_member(clinic=clinic, username=ADMIN, role=Role.ADMIN, by=None)


def as_row(number: int, sample: SampleRecord) -> Row:
    return Row(number, sample.source, sample.target, sample.patient, sample.section, sample.kind)


def _import(admin: User, samples: list[SampleRecord]) -> None:
    """Upload the samples as a file, as a clerk would; the worker scrubs them."""
    clinic = admin.membership.clinic
    rows = [as_row(number, sample) for number, sample in enumerate(samples, start=1)]
    if uploads.find_record(clinic, rows[-1]) is None:
        lines = [
            json.dumps(
                {
                    "text": r.source,
                    "summary": r.target,
                    "patient": r.patient,
                    "section": r.section,
                    "kind": r.kind,
                }
            )
            for r in rows
        ]
        upload, _ = uploads.receive_upload(
            clinic=clinic, user=admin, name="sample.jsonl", data="\n".join(lines).encode()
        )
        uploads.confirm_upload(upload=upload, user=admin)
    steps = StepBar("Scrubbing", "records")
    while waiting := Record.objects.filter(clinic=clinic, status=Record.Status.RECEIVED).count():
        steps.to(len(rows) - waiting, len(rows))
        time.sleep(0.5)
    steps.finish()


def _review(admin: User, samples: list[SampleRecord]) -> None:
    """Review the samples by their gold spans: what was missed is added, what was no identifier is rejected."""
    clinic = admin.membership.clinic
    for number, sample in enumerate(bar(samples, label="Reviewing", unit="records"), start=1):
        record = uploads.find_record(clinic, as_row(number, sample))
        if record is None or record.status != Record.Status.SCRUBBED:
            continue
        found = list(record.redactions.all())
        gold = {Field.SOURCE.value: sample.source_spans, Field.TARGET.value: sample.target_spans}
        review.review_record(
            record=record,
            reviewer=admin,
            rejected=[r.pk for r in found if not any(_overlap(r, span) for span in gold[r.field])],
            added=[
                review.AddedSpan(field, span.start, span.end, span.kind)
                for field, spans in gold.items()
                for span in spans
                if not any(r.field == field and r.start <= span.start and span.end <= r.end for r in found)
            ],
        )


def _overlap(redaction: Redaction, span: Span) -> bool:
    return redaction.start < span.end and span.start < redaction.end


def _freeze(admin: User) -> Dataset:
    clinic = admin.membership.clinic
    there = Dataset.objects.filter(clinic=clinic, name=DATASET).first()
    return there or datasets.freeze_dataset(
        clinic=clinic, name=DATASET, user=admin, attestation="synthetic records of manage.py first_run"
    )


def _train(admin: User, dataset: Dataset) -> TrainingRun:
    """Queue the run for the worker and follow it to its end."""
    clinic = admin.membership.clinic
    run = TrainingRun.objects.filter(clinic=clinic, name=RUN).first()
    if run is None:
        run = runs.start_run(clinic=clinic, user=admin, name=RUN, dataset=dataset, base=BASE, options=OPTIONS)
    elif run.status in {Status.FAILED, Status.CANCELLED}:
        runs.retry_run(run=run, user=admin)
        run.refresh_from_db()
    for stage in run.stages.order_by("number"):
        steps = StepBar(f"{stage.number + 1}/4 {stage.name}")
        while not run.is_over and stage.status in {Status.QUEUED, Status.RUNNING}:
            progress = stage.progress
            if progress:
                steps.to(progress["done"], progress["total"], progress["unit"], progress["message"])
            time.sleep(0.5)
            stage.refresh_from_db()
            run.refresh_from_db()
        steps.finish() if stage.status == Status.SUCCEEDED else steps.close()
    run.refresh_from_db()
    if run.status != Status.SUCCEEDED:
        raise CommandError(f"The first model could not be trained: {run.error} Run make run again to go on.")
    return run


def _deploy(admin: User, run: TrainingRun) -> None:
    try:
        deploy(artifact=ModelArtifact.objects.get(clinic=run.clinic, name=run.name), user=admin)
    except NotDeployable as error:  # an engine elsewhere in the clinic cannot have the model yet
        raise CommandError(f"{error} Run make run again to go on.") from None


def _wait_for_engine(clinic: Clinic, timeout_seconds: float = 120) -> None:
    deployment = current_deployment(clinic)
    assert deployment is not None, "a model was just deployed"
    steps = StepBar("Starting the engine", "models")
    client, deadline = engine_client(), time.monotonic() + timeout_seconds
    while client.state(deployment.artifact.sha256) != READY:
        if time.monotonic() > deadline:
            raise CommandError("The engine did not start. See var/log/engine.log, then run make run again.")
        time.sleep(0.5)
    steps.finish()
