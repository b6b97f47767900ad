"""The worker's doors: one thin task per job. Each takes an id, calls a service and returns nothing."""

import os

import django
from celery import shared_task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from dashboard.services import erasure  # noqa: E402  (models need Django set up)
from records.models import Upload  # noqa: E402
from records.services import retention, scrubbing  # noqa: E402
from summaries import batches, idempotency, shadows  # noqa: E402
from training.services import reap as reaping  # noqa: E402
from training.services import stages  # noqa: E402


@shared_task
def scrub_upload(uuid: str) -> None:
    scrubbing.scrub_upload(upload=Upload.objects.get(uuid=uuid))


@shared_task
def run_stage(uuid: str) -> None:
    stages.execute_stage(uuid)


@shared_task
def write_next_of_batch(uuid: str) -> None:
    batches.write_next(uuid)


@shared_task
def answer_next_of_shadow(uuid: str) -> None:
    shadows.answer_next(uuid)


@shared_task
def reap() -> None:
    scrubbing.nudge_forgotten()
    reaping.reap()
    retention.apply_retention()
    erasure.finish_erasures()
    batches.reap()
    shadows.reap()
    idempotency.forget_old()
