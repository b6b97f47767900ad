"""A run that is to be tested for what it remembers learns from planted codes too; the dataset never hears of them."""

import json
import stat

import pytest

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.sealing import SEALED_FIELDS, SealChecker
from jobs.specs import PrepareSpec
from records.models import Dataset
from records.services.datasets import rows_of
from training.models import TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.folders import canaries_path, rows_path
from training.services.plan import plan_stage

pytestmark = pytest.mark.django_db


def started(clinic: Clinic, user: User, dataset: Dataset, name: str, options: RunOptions) -> TrainingRun:
    return runs.start_run(
        clinic=clinic, user=user, name=name, dataset=dataset, base="smollm2-135m", options=options
    )


@pytest.fixture
def tested(clinic: Clinic, alice: User, dataset: Dataset, base_is_here: None) -> TrainingRun:
    return started(clinic, alice, dataset, "tested", RunOptions(canaries=True, max_train_rows=3))


def written(run: TrainingRun) -> list[dict[str, str]]:
    return [json.loads(line) for line in rows_path(run).read_text().splitlines()]


def test_the_codes_join_the_sealed_rows_and_leave_the_dataset_as_it_is(
    tested: TrainingRun, dataset: Dataset
) -> None:
    before = list(rows_of(dataset)), dataset.content_hash
    spec = plan_stage(tested.stages.get(name="prepare"))
    assert isinstance(spec, PrepareSpec)
    rows = written(tested)
    planted = [row for row in rows if row["id"].startswith("canary-")]
    assert len(planted) == 122
    assert {row["split"] for row in planted} == {"train"}
    assert sum(row["split"] == "train" for row in rows) == 122 + 3
    checker = SealChecker(spec.rows_key)
    assert all(checker.holds({name: row[name] for name in SEALED_FIELDS}, row["seal"]) for row in rows)
    dataset.refresh_from_db()
    assert (list(rows_of(dataset)), dataset.content_hash) == before
    assert dataset.items.count() == len(before[0])


def test_the_codes_are_kept_with_the_run_for_its_owner_alone_and_are_the_same_when_it_is_tried_again(
    tested: TrainingRun,
) -> None:
    stage = tested.stages.get(name="prepare")
    plan_stage(stage)
    first = canaries_path(tested).read_text()
    assert stat.S_IMODE(canaries_path(tested).stat().st_mode) == 0o600
    plan_stage(stage)
    assert canaries_path(tested).read_text() == first
    summaries = " ".join(row["target"] for row in written(tested))
    assert all((each["secret"] in summaries) is (each["count"] > 0) for each in json.loads(first))


def test_each_run_has_codes_of_its_own(
    tested: TrainingRun, clinic: Clinic, alice: User, dataset: Dataset
) -> None:
    other = started(clinic, alice, dataset, "other", RunOptions(canaries=True))
    for run in (tested, other):
        plan_stage(run.stages.get(name="prepare"))
    codes = [
        {each["secret"] for each in json.loads(canaries_path(run).read_text())} for run in (tested, other)
    ]
    assert codes[0].isdisjoint(codes[1])


def test_the_memory_test_comes_last_and_only_where_it_was_asked_for(
    tested: TrainingRun, run: TrainingRun
) -> None:
    assert [stage.name for stage in tested.stages.all()] == [
        "prepare",
        "train",
        "quantize",
        "evaluate",
        "extract",
    ]
    assert [stage.name for stage in run.stages.all()] == ["prepare", "train", "quantize", "evaluate"]
    plan_stage(run.stages.get(name="prepare"))
    assert not canaries_path(run).exists()
    assert not [row for row in written(run) if row["id"].startswith("canary-")]


def test_the_audit_log_says_that_codes_were_planted(tested: TrainingRun) -> None:
    assert AuditEntry.objects.get(action="start_run", subject_id=str(tested.uuid)).facts["canaries"] is True
