"""Nudges to the workers. The database row is the truth; a message only says that a row wants looking at."""

from django.db import transaction

from jobs.app import app


def enqueue(task: str, identifier: str) -> None:
    """After the transaction commits, send ``jobs.tasks.<task>`` with one id. A lost message is sent again by reap."""
    transaction.on_commit(lambda: app.send_task(f"jobs.tasks.{task}", args=[identifier]))
