"""Summaries that a test begins with, written as the portal has them written."""

from typing import Any

from accounts.models import Clinic, User
from records.models import Record
from summaries.questions import asked_of_record, asked_of_text
from summaries.services import Writing, Written


def summarize_text(*, clinic: Clinic, text: str, user: User, **more: Any) -> Written:
    return Writing(asked_of_text(clinic=clinic, text=text, user=user, **more)).to_the_end()


def summarize_record(*, record: Record, user: User) -> Written:
    return Writing(asked_of_record(record=record, user=user)).to_the_end()
