"""A trained model teaches another: it writes what records lack, the check sifts it, and the other learns the rest."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Clinic, User
from jobs.catalogue import installed
from jobs.fetch import fetch
from jobs.rundir import RunDir
from jobs.stages.weights import load_tokenizer
from records.models import Dataset
from records.readers import Row
from records.services import datasets, review, scrubbing, uploads
from tests.e2e.conftest import visits
from tests.stages.tiny_bases import write_base
from training.display import taught
from training.models import TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.folders import artifact_folder, stage_folder
from training.services.stages import execute_stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
OPTIONS = RunOptions(epochs=12, learning_rate=1e-2, evaluate_rows=4, types=("Q8_0",), max_tokens=512)


@pytest.fixture
def dataset(clinic: Clinic, officer: User) -> Dataset:
    """Visits, twelve of which nobody has summarized."""
    rows = [
        Row(n, each["source"], each["target"] if n >= 12 else "", section=each["section"], patient=f"P{n}")
        for n, each in enumerate(visits(80))
    ]
    records = uploads.import_rows(clinic=clinic, user=officer, rows=rows).records
    for record in records:
        scrubbing.scrub_record(record=record)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="test")
    chosen = datasets.ready_records(clinic) | datasets.unlabelled_records(clinic)
    return datasets.freeze_dataset(
        clinic=clinic, name="visits", user=officer, attestation="test", records=chosen
    )


def work(run: TrainingRun, *stages: str) -> None:
    for stage in run.stages.filter(name__in=stages):
        execute_stage(stage.uuid)
        stage.refresh_from_db()
        log = RunDir(stage_folder(stage)).log
        assert stage.status == "succeeded", log.read_text() if log.exists() else stage.error_type


@pytest.fixture
def student(models_dir: Path) -> str:
    """A base of another family, with a tokenizer of another kind."""
    write_base("llama3.1", models_dir / "own" / "student")
    fetch("local:student", models_dir, on_progress=lambda *_: None, local_root=models_dir / "own")
    return "local:student"


def test_what_a_trained_model_writes_is_sifted_and_goes_to_a_student_with_another_tokenizer(
    clinic: Clinic,
    alice: User,
    dataset: Dataset,
    student: str,
    models_dir: Path,
    tools_dir: Path,
    settings: Any,
) -> None:
    settings.MODELS_DIR, settings.TOOLS_DIR, settings.STAGE_THREADS = models_dir, tools_dir, 1
    asked: dict[str, Any] = {"clinic": clinic, "user": alice, "dataset": dataset}
    first = runs.start_run(**asked, base="local:tiny", name="first", options=OPTIONS)
    work(first, "prepare", "train", "quantize", "evaluate")
    teacher = first.stages.get(name="quantize").artifacts.get(kind="gguf")
    second = runs.start_run(
        **asked, base=student, name="second", options=replace(OPTIONS, teacher=f"model:{teacher.uuid}")
    )
    work(second, "teach", "prepare")
    told = taught(second)
    assert told is not None
    assert told.words.startswith("12 summaries written by first, ")
    lines = [
        json.loads(line)
        for line in (artifact_folder(second, "teach") / "taught.jsonl").read_text().splitlines()
    ]
    assert {(line["teacher"], line["teacher_sha256"]) for line in lines} == {("first", teacher.sha256)}
    kept = {f"{line['id']}-taught": line["target"] for line in lines if not line["why"]}
    assert 0 < len(kept) < 12
    prepared = [
        json.loads(line)
        for line in (artifact_folder(second, "prepare") / "train.jsonl").read_text().splitlines()
    ]
    base = installed(student, models_dir)
    tokenizer = load_tokenizer(base.hf, base)
    learned = {row["id"]: tokenizer.decode(row["completion"]) for row in prepared}
    assert {id: text for id, text in learned.items() if id.endswith("-taught")}.keys() <= kept.keys()
    assert all(kept[id] in learned[id] for id in kept if id in learned)
    assert any(id in learned for id in kept)
