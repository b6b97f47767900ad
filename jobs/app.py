"""The Celery app and its settings.

Messages carry ids only and results are not kept: a row in the database says what became of a job. A message
is acknowledged when it is received, because no broker's redelivery can be trusted with work of hours (see
docs/adr/0003); ``training.services.reap`` finds rows whose worker went away.
"""

import os

from celery import Celery
from celery.schedules import schedule
from django.conf import settings

from jobs import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
broker.register()

app = Celery("precis")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    imports=["jobs.tasks"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    task_default_queue="cpu",
    # Stages run for hours and use every core, so they have a worker of their own; scrubbing never waits for them.
    task_routes={"jobs.tasks.run_stage": {"queue": "stages"}},
    task_serializer="json",
    accept_content=["json"],
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
    beat_schedule={"reap": {"task": "jobs.tasks.reap", "schedule": schedule(15.0)}},
    beat_schedule_filename=str(settings.VAR / "beat" / "schedule"),
    timezone=settings.TIME_ZONE,
)
if settings.BROKER_URL.startswith("folder://"):
    app.conf.update(
        broker_transport_options=broker.transport_options(settings.VAR / "broker"),
        worker_enable_remote_control=False,
    )
