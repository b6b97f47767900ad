"""The row is the truth: claims, leases, fencing, reaping, cancelling and retrying."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.progress import Progress
from jobs.supervisor import Outcome
from records import store
from records.models import Dataset, DatasetItem, Record, ScrubbedText
from training.models import ModelArtifact, RunStage, Status, TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.folders import stage_folder
from training.services.plan import plan_stage
from training.services.reap import reap
from training.services.stages import claim, execute_stage, heartbeat, settle

pytestmark = pytest.mark.django_db


def stage_of(run: TrainingRun, number: int = 0) -> RunStage:
    return run.stages.get(number=number)


def taken(run: TrainingRun, number: int = 0) -> RunStage:
    stage = claim(stage_of(run, number).uuid)
    assert stage is not None
    return stage


def let_the_lease_run_out(stage: RunStage) -> None:
    RunStage.objects.filter(pk=stage.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def succeeded(outputs: list[dict[str, Any]] | None = None) -> Outcome:
    return Outcome("succeeded", result={"outputs": outputs or [], "metrics": {"rows": 10}})


def test_a_stage_is_claimed_once(run: TrainingRun) -> None:
    assert claim(stage_of(run).uuid) is not None
    assert claim(stage_of(run).uuid) is None
    assert TrainingRun.objects.get(pk=run.pk).status == Status.RUNNING


def test_a_later_stage_waits_for_the_earlier_ones(run: TrainingRun) -> None:
    assert claim(stage_of(run, 1).uuid) is None
    assert stage_of(run, 1).attempts == 0


def test_finishing_a_stage_nudges_the_next_one(
    run: TrainingRun, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    stage = taken(run)
    with django_capture_on_commit_callbacks(execute=True):
        settle(stage, succeeded())
    assert stage_of(run).status == Status.SUCCEEDED
    assert stage_of(run).metrics == {"rows": 10}
    assert sent == [("run_stage", str(stage_of(run, 1).uuid))]


def test_a_heartbeat_renews_the_lease_and_keeps_the_progress(run: TrainingRun) -> None:
    stage = taken(run)
    let_the_lease_run_out(stage)
    assert heartbeat(stage, Progress(at=1.0, done=3, total=10, unit="rows"))
    fresh = stage_of(run)
    assert fresh.lease_expires_at is not None
    assert fresh.lease_expires_at > timezone.now()
    assert (fresh.progress["done"], fresh.percent) == (3, 30)


def test_a_vanished_worker_s_stage_is_queued_again(
    run: TrainingRun, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    let_the_lease_run_out(taken(run))
    with django_capture_on_commit_callbacks(execute=True):
        reap()
    assert stage_of(run).status == Status.QUEUED
    assert sent == [("run_stage", str(stage_of(run).uuid))]


def test_a_stage_with_a_live_lease_is_left_alone(run: TrainingRun) -> None:
    taken(run)
    reap()
    assert stage_of(run).status == Status.RUNNING


def test_a_worker_that_comes_back_too_late_writes_nothing(run: TrainingRun) -> None:
    stale = taken(run)
    let_the_lease_run_out(stale)
    reap()
    fresh = taken(run)
    assert not heartbeat(stale, Progress(at=1.0, done=9, total=10, unit="rows"))
    settle(stale, succeeded())
    settle(stale, Outcome("failed", "Late"))
    assert stage_of(run).status == Status.RUNNING
    assert stage_of(run).progress == {}
    settle(fresh, succeeded())
    assert stage_of(run).status == Status.SUCCEEDED


def test_a_stage_whose_worker_keeps_vanishing_fails_with_advice(run: TrainingRun) -> None:
    for _ in range(5):
        let_the_lease_run_out(taken(run))
        reap()
    failed = TrainingRun.objects.get(pk=run.pk)
    assert (failed.status, stage_of(run).error_type) == (Status.FAILED, "WorkerVanished")
    assert "5 times" in failed.error


def test_a_nudge_that_got_lost_is_sent_again_and_does_not_pile_up(
    run: TrainingRun, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    RunStage.objects.filter(run=run, number=0).update(nudged_at=timezone.now() - timedelta(minutes=2))
    with django_capture_on_commit_callbacks(execute=True):
        reap()
        reap()
    assert sent == [("run_stage", str(stage_of(run).uuid))]


def test_a_queued_run_is_cancelled_at_once(run: TrainingRun, alice: User) -> None:
    runs.cancel_run(run=run, user=alice)
    assert TrainingRun.objects.get(pk=run.pk).status == Status.CANCELLED
    assert claim(stage_of(run).uuid) is None


def test_a_running_stage_is_told_to_stop_by_its_next_heartbeat(run: TrainingRun, alice: User) -> None:
    stage = taken(run)
    runs.cancel_run(run=run, user=alice)
    assert not heartbeat(stage, None)
    settle(stage, Outcome("cancelled"))
    assert TrainingRun.objects.get(pk=run.pk).status == Status.CANCELLED


def test_a_cancelled_stage_whose_worker_vanished_is_cancelled_by_the_reaper(
    run: TrainingRun, alice: User
) -> None:
    stage = taken(run)
    runs.cancel_run(run=run, user=alice)
    let_the_lease_run_out(stage)
    reap()
    assert TrainingRun.objects.get(pk=run.pk).status == Status.CANCELLED


def test_a_stage_that_finished_before_it_heard_of_the_cancel_stays_finished(
    run: TrainingRun, alice: User
) -> None:
    stage = taken(run)
    runs.cancel_run(run=run, user=alice)
    settle(stage, succeeded())
    assert stage_of(run).status == Status.SUCCEEDED
    reap()
    assert TrainingRun.objects.get(pk=run.pk).status == Status.CANCELLED


def test_a_failed_run_says_what_to_do_and_can_be_tried_again(run: TrainingRun, alice: User) -> None:
    settle(taken(run), Outcome("failed", "DiskFull", "The disk is full. Make room and retry."))
    failed = TrainingRun.objects.get(pk=run.pk)
    assert (failed.status, failed.error) == (Status.FAILED, "The disk is full. Make room and retry.")
    runs.retry_run(run=failed, user=alice)
    assert claim(stage_of(run).uuid) is not None


def test_only_a_run_that_is_over_can_be_tried_again(run: TrainingRun, alice: User) -> None:
    with pytest.raises(runs.RunRefused):
        runs.retry_run(run=run, user=alice)


def test_an_unforeseen_error_stores_its_type_and_none_of_its_words(run: TrainingRun) -> None:
    settle(taken(run), Outcome("failed", "KeyError"))
    failed = TrainingRun.objects.get(pk=run.pk)
    assert failed.error == "The stage “prepare” ended with KeyError."
    assert AuditEntry.objects.filter(action="fail_run", facts__error_type="KeyError").exists()


def test_a_run_without_the_base_s_weights_is_refused_with_the_command_that_fetches_them(
    clinic: Clinic, alice: User, dataset: Dataset, base_is_here: None
) -> None:
    with pytest.raises(runs.RunRefused, match="fetch_model gemma3-270m"):
        runs.start_run(
            clinic=clinic, user=alice, name="x", dataset=dataset, base="gemma3-270m", options=RunOptions()
        )


@pytest.mark.parametrize(
    ("name", "base", "says"),
    [
        ("first", "smollm2-135m", "already"),
        ("../x", "smollm2-135m", "small letters"),
        ("gemma3-270m", "smollm2-135m", "base model"),
        ("x", "http://169.254.169.254/model", "no base model of that name"),
        ("x", "../smollm2-135m", "no base model of that name"),
    ],
)
def test_a_run_that_cannot_work_is_refused_before_it_starts(
    run: TrainingRun, clinic: Clinic, alice: User, dataset: Dataset, name: str, base: str, says: str
) -> None:
    with pytest.raises(runs.RunRefused, match=says):
        runs.start_run(clinic=clinic, user=alice, name=name, dataset=dataset, base=base, options=RunOptions())


def test_the_first_stage_gets_scrubbed_rows_and_their_hash(run: TrainingRun) -> None:
    spec = plan_stage(stage_of(run)).to_json()
    rows = Path(spec["rows"])
    assert rows.stat().st_mode & 0o777 == 0o600
    text = rows.read_text()
    assert "[NAME_1]" in text
    assert "Smith" not in text
    assert {row["section"] for row in map(json.loads, text.splitlines())} == {"PLAN"}
    assert TrainingRun.objects.get(pk=run.pk).rows_sha256 == spec["rows_sha256"]


def test_a_forged_row_fails_the_run_before_any_stage_sees_it(run: TrainingRun) -> None:
    record = Record.objects.first()
    assert record is not None
    forged = ScrubbedText.objects.create(
        record=record, version=9, blob=b"x" * 99, seal="0" * 64, scrubber="none"
    )
    DatasetItem.objects.create(dataset=run.dataset, scrubbed_text=forged, split="train")
    with pytest.raises(store.SealBroken):
        execute_stage(stage_of(run).uuid)
    assert stage_of(run).error_type == "SealBroken"
    assert not (stage_folder(stage_of(run)) / "spec.json").exists()


def test_artifacts_are_named_after_their_run(run: TrainingRun) -> None:
    for number in range(2):
        settle(taken(run, number), succeeded())
    quantize = taken(run, 2)
    outputs = [
        {"kind": "gguf", "type": "Q8_0", "path": "artifact/model-Q8_0.gguf", "sha256": "1" * 64, "bytes": 10},
        {"kind": "gguf", "type": "Q4_K", "path": "artifact/model-Q4_K.gguf", "sha256": "2" * 64, "bytes": 6},
    ]
    settle(quantize, succeeded(outputs))
    names = ModelArtifact.objects.filter(clinic=run.clinic).values_list("name", "quantization")
    assert set(names) == {("first", "Q8_0"), ("first-q4_k", "Q4_K")}
