"""An erasure that is disturbed does all or nothing, and is finished later."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from dashboard.services import erasure
from records.models import (
    Record,
)
from records.services import datasets
from tests.dashboard.erasing import erase, in_split, readable, words_of
from training.models import RunStage, TrainingRun
from training.services.folders import rows_path
from training.services.plan import plan_stage

pytestmark = pytest.mark.django_db


def test_a_failure_in_the_middle_erases_nothing(
    finished: TrainingRun, officer: User, own_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(erasure, "stop_runs", broken)
    record = in_split("train")
    with pytest.raises(DatabaseError), transaction.atomic():
        erasure.erase_records(records=[record], user=officer)
    assert Record.objects.get(pk=record.pk).status == Record.Status.APPROVED
    assert readable(own_var).count(words_of(record)) >= 4
    assert rows_path(finished).exists()


def test_files_that_could_not_be_deleted_are_deleted_later_and_only_then_it_is_called_erased(
    finished: TrainingRun, officer: User, own_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    record = in_split("train")
    erasure.erase_records(records=[record], user=officer)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(PermissionError):
            erasure.finish_erasures()
    record.refresh_from_db()
    assert (record.status, record.erased_at) == (Record.Status.ERASED, None)
    erasure.finish_erasures()
    record.refresh_from_db()
    assert record.erased_at is not None
    assert words_of(record) not in readable(own_var)


def test_a_stage_that_still_runs_is_waited_for(run: TrainingRun, officer: User) -> None:
    model_rows.begin_training(run)
    record = in_split("train")
    erase([record], officer)
    record.refresh_from_db()
    assert record.erased_at is None
    stage = run.stages.get(name="train")
    rows_path(run).write_text("written by a stage that had not heard of it")
    RunStage.objects.filter(pk=stage.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=5))
    from training.services import reap

    reap.reap()
    erasure.finish_erasures()
    record.refresh_from_db()
    assert record.erased_at is not None
    assert not rows_path(run).exists()


def test_rows_that_were_read_before_an_erasure_are_not_left_in_a_file(
    run: TrainingRun, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, read = in_split("train"), datasets.rows_of

    def then_erased(dataset: Any) -> Any:
        rows = list(read(dataset))
        erase([record], officer)
        return rows

    monkeypatch.setattr("training.services.row_files.rows_of", then_erased)
    with pytest.raises(datasets.DatasetRevoked):
        plan_stage(run.stages.get(name="prepare"))
    assert not rows_path(run).exists()
