"""Reviewed records, and a run that learned from them."""

from pathlib import Path
from typing import Any

import model_rows
import pytest

from accounts.models import Clinic, User
from jobs.rundir import RunDir
from records import store
from records.models import Record
from records.readers import Row
from records.services import datasets, review, scrubbing, uploads
from tests.dashboard.erasing import NOTE, THINGS
from training.models import TrainingRun
from training.services.folders import stage_folder
from training.services.plan import plan_stage


@pytest.fixture
def records(clinic: Clinic, officer: User) -> list[Record]:
    """Reviewed records, each with a word of its own; the first two are of one patient."""
    rows = [
        Row(days, NOTE.format(thing, days), f"Chest pain, {thing}.", patient="P1" if days < 2 else f"P{days}")
        for days, thing in enumerate(THINGS)
    ]
    made = uploads.import_rows(clinic=clinic, user=officer, rows=rows).records
    for record in made:
        scrubbing.scrub_record(record=record)
    review.approve_records(clinic=clinic, records=made, reviewer=officer, reason="a test")
    return [Record.objects.select_related("clinic").get(pk=record.pk) for record in made]


@pytest.fixture
def run(clinic: Clinic, alice: User, records: list[Record], settings: Any, own_var: Path) -> TrainingRun:
    """A finished run on all of them, with rows, tokens, and an evaluation whose samples quote each record."""
    model_rows.pretend_installed(settings, own_var)
    datasets.freeze_dataset(clinic=clinic, name="autumn", user=alice, attestation="a test")
    run = model_rows.queued_run(clinic, alice)
    plan_stage(run.stages.get(name="prepare"))
    tokens = RunDir(stage_folder(run.stages.get(name="prepare")))
    tokens.artifact.mkdir(parents=True)
    (tokens.artifact / "train.jsonl").write_text('{"prompt": [1, 2, 3]}')
    tokens.log.write_text("a library quoted: lantern")
    return run


@pytest.fixture
def finished(clinic: Clinic, alice: User, run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    samples = [
        {
            **model_rows.EVALUATION["samples"][0],
            "id": record.label,
            "source": store.load_original(record).source,
        }
        for record in Record.objects.select_related("clinic")
    ]
    monkeypatch.setitem(model_rows.EVALUATION, "samples", samples)
    model_rows.begin_training(run)
    monkeypatch.setattr(model_rows, "training_run", lambda *_: run)
    return model_rows.finished_run(clinic, alice)
