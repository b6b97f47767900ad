"""Six settings, one after the other: turns, comparing, keeping, cancelling; on the page and in the terminal."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.supervisor import Outcome
from records.models import Dataset
from training.models import Evaluation, ModelArtifact, RunStage, Status, Sweep, TrainingRun
from training.options import SWEEP, RunOptions
from training.services import runs, sweeps
from training.services.reap import NUDGE_AGAIN_SECONDS, reap
from training.services.stages import claim, settle

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


@pytest.fixture
def sweep(clinic: Clinic, alice: User, dataset: Dataset, base_is_here: None) -> Sweep:
    return sweeps.start_sweep(
        clinic=clinic,
        user=alice,
        name="night",
        dataset=dataset,
        base="smollm2-135m",
        options=RunOptions(),
    )


def run_of(sweep: Sweep, number: int) -> TrainingRun:
    return sweep.runs.get(name=f"{sweep.name}-{number}")


def stage_of(run: TrainingRun, name: str = "prepare") -> RunStage:
    return run.stages.get(name=name)


def finish(run: TrainingRun, valid_loss: float, rouge_1: float) -> None:
    """Pass through all stages as a worker would, with these scores."""
    for stage in run.stages.order_by("number"):
        claimed = claim(stage.uuid)
        assert claimed is not None
        metrics = {"valid_loss": valid_loss} if stage.name == "train" else {}
        settle(claimed, Outcome("succeeded", result={"metrics": metrics, "outputs": []}))
    artifact = ModelArtifact.objects.create(
        clinic=run.clinic, name=run.name, kind="gguf", stage=stage, path="x", sha256="0" * 64, bytes=1
    )
    scores = {**model_rows.EVALUATION, "tuned": {**model_rows.EVALUATION["tuned"]}}
    scores["tuned"]["rouge1"] = {"value": rouge_1, "low": rouge_1, "high": rouge_1}
    Evaluation.objects.create(artifact=artifact, stage=stage, metrics=scores)


def test_six_settings_become_six_runs_around_what_was_chosen(sweep: Sweep) -> None:
    chosen = [RunOptions.from_json(run.options) for run in sweep.runs.order_by("pk")]
    assert len(chosen) == len(SWEEP) == 6
    assert (chosen[0].epochs, chosen[0].learning_rate, chosen[0].lora_rank) == (
        RunOptions.epochs,
        RunOptions.learning_rate,
        RunOptions.lora_rank,
    )
    assert len({(o.epochs, o.learning_rate, o.lora_rank) for o in chosen}) == 6
    assert {o.types for o in chosen} == {("Q8_0",)}
    entry = AuditEntry.objects.get(action="start_sweep", subject_id=str(sweep.uuid))
    assert entry.facts["runs"] == 6
    assert AuditEntry.objects.filter(action="start_run").count() == 6


def test_settings_stay_within_what_a_run_allows() -> None:
    extreme = RunOptions(epochs=50, learning_rate=0.01, lora_rank=256)
    assert [setting.applied_to(extreme) for setting in SWEEP]
    assert [setting.applied_to(RunOptions(lora_rank=1)) for setting in SWEEP]


def test_only_the_first_is_woken(
    clinic: Clinic,
    alice: User,
    dataset: Dataset,
    base_is_here: None,
    sent: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        sweep = sweeps.start_sweep(
            clinic=clinic, user=alice, name="n", dataset=dataset, base="smollm2-135m", options=RunOptions()
        )
    assert sent == [("run_stage", str(stage_of(run_of(sweep, 1)).uuid))]


def test_a_run_waits_for_the_one_before_it_and_is_woken_by_its_end(
    sweep: Sweep, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    second = stage_of(run_of(sweep, 2))
    assert claim(second.uuid) is None
    with django_capture_on_commit_callbacks(execute=True):
        finish(run_of(sweep, 1), 1.5, 30.0)
    assert sent[-1] == ("run_stage", str(second.uuid))
    assert claim(second.uuid) is not None


def test_a_failed_run_does_not_hold_up_the_night(
    sweep: Sweep, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    claimed = claim(stage_of(run_of(sweep, 1)).uuid)
    assert claimed is not None
    with django_capture_on_commit_callbacks(execute=True):
        settle(claimed, Outcome("failed", "DiskFull", "Make room."))
    assert ("run_stage", str(stage_of(run_of(sweep, 2)).uuid)) in sent


def test_a_lost_nudge_is_sent_again_to_the_run_whose_turn_it_is_alone(
    sweep: Sweep, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    RunStage.objects.update(nudged_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        reap()
    assert NUDGE_AGAIN_SECONDS > 0
    assert sent == [("run_stage", str(stage_of(run_of(sweep, 1)).uuid))]


def test_cancelling_cancels_the_queued_runs_and_asks_the_running_one_to_stop(
    sweep: Sweep, alice: User
) -> None:
    claim(stage_of(run_of(sweep, 1)).uuid)
    sweeps.cancel_sweep(sweep=sweep, user=alice)
    statuses = [run.status for run in sweep.runs.order_by("pk")]
    assert statuses == [Status.RUNNING, *[Status.CANCELLED] * 5]
    assert run_of(sweep, 1).cancel_requested_at is not None
    assert AuditEntry.objects.filter(action="cancel_sweep", subject_id=str(sweep.uuid)).count() == 1
    sweeps.cancel_sweep(sweep=sweep, user=alice)
    assert AuditEntry.objects.filter(action="cancel_sweep").count() == 1


def test_the_best_is_the_lowest_validation_loss_not_the_highest_rouge(sweep: Sweep) -> None:
    finish(run_of(sweep, 1), 1.50, 40.0)
    finish(run_of(sweep, 2), 1.42, 35.0)
    tried = sweeps.attempts(sweep)
    assert [attempt.is_best for attempt in tried] == [False, True, False, False, False, False]
    assert [attempt.rouge_1 for attempt in tried[:3]] == [40.0, 35.0, None]


def test_without_validation_records_it_is_refused(
    clinic: Clinic, alice: User, dataset: Dataset, base_is_here: None
) -> None:
    dataset.valid_count = 0
    with pytest.raises(runs.RunRefused, match="validation records"):
        sweeps.start_sweep(
            clinic=clinic, user=alice, name="n", dataset=dataset, base="smollm2-135m", options=RunOptions()
        )


def test_a_taken_name_starts_nothing(sweep: Sweep, clinic: Clinic, alice: User) -> None:
    again: dict[str, Any] = {"clinic": clinic, "user": alice, "dataset": sweep.dataset, "base": sweep.base}
    with pytest.raises(runs.RunRefused, match="sweep named night already"):
        sweeps.start_sweep(**again, name="night", options=RunOptions())
    Sweep.objects.filter(pk=sweep.pk).update(name="other")
    with pytest.raises(runs.RunRefused, match="run named night-1 already"):
        sweeps.start_sweep(**again, name="night", options=RunOptions())
    assert TrainingRun.objects.count() == 6
    assert Sweep.objects.count() == 1


def test_it_is_started_from_the_form(
    clinic: Clinic, admin: User, dataset: Dataset, base_is_here: None, client_for: ClientFor
) -> None:
    form = {
        "base": "smollm2-135m",
        "name": "autumn",
        "epochs": "1",
        "learning_rate": "0.0005",
        "lora_rank": "16",
        "max_train_rows": "0",
        "evaluate_rows": "24",
        "types": ["Q8_0", "Q4_K"],
        "dataset": dataset.pk,
    }
    response = client_for(admin).post(reverse("training:start_run"), {**form, "sweep": "1"})
    sweep = Sweep.objects.get()
    assert response.url == reverse("training:sweep", args=[sweep.uuid])
    assert sweep.runs.count() == 6
    again = client_for(admin).post(reverse("training:start_run"), {**form, "sweep": "1"})
    assert again.status_code == 400
    assert "There is a sweep named autumn already" in again.content.decode()


def test_the_page_compares_and_keeps_with_one_click(sweep: Sweep, admin: User, client_for: ClientFor) -> None:
    finish(run_of(sweep, 1), 1.5, 30.0)
    finish(run_of(sweep, 2), 1.4, 32.0)
    client, url = client_for(admin), reverse("training:sweep", args=[sweep.uuid])
    content = client.get(url).content.decode()
    assert "<strong>1.400</strong>" in content
    assert "Best so far" in content
    assert "32.0" in content
    best = run_of(sweep, 2)
    client.post(reverse("training:keep_run", args=[sweep.uuid, best.uuid]))
    assert "You keep night-2" in client.get(url).content.decode()
    assert AuditEntry.objects.filter(action="keep_run", subject_id=str(best.uuid)).count() == 1


def test_an_unfinished_run_cannot_be_kept(sweep: Sweep, admin: User, client_for: ClientFor) -> None:
    client_for(admin).post(reverse("training:keep_run", args=[sweep.uuid, run_of(sweep, 3).uuid]))
    sweep.refresh_from_db()
    assert sweep.kept is None


def test_the_table_stops_asking_once_all_is_over(
    sweep: Sweep, alice: User, admin: User, client_for: ClientFor
) -> None:
    url = reverse("training:sweep_fragment", args=[sweep.uuid])
    assert "hx-get" in client_for(admin).get(url).content.decode()
    sweeps.cancel_sweep(sweep=sweep, user=alice)
    content = client_for(admin).get(url).content.decode()
    assert "hx-get" not in content
    assert "<html" not in content


def test_a_run_names_the_sweep_it_belongs_to(sweep: Sweep, admin: User, client_for: ClientFor) -> None:
    content = client_for(admin).get(reverse("training:run", args=[run_of(sweep, 1).uuid])).content.decode()
    assert reverse("training:sweep", args=[sweep.uuid]) in content


def test_cancelled_from_the_page(sweep: Sweep, admin: User, client_for: ClientFor) -> None:
    client_for(admin).post(reverse("training:cancel_sweep", args=[sweep.uuid]))
    assert set(sweep.runs.values_list("status", flat=True)) == {Status.CANCELLED}


def urls(sweep: Sweep) -> dict[str, str]:
    run = run_of(sweep, 1)
    return {
        "sweep": reverse("training:sweep", args=[sweep.uuid]),
        "sweep_fragment": reverse("training:sweep_fragment", args=[sweep.uuid]),
        "cancel_sweep": reverse("training:cancel_sweep", args=[sweep.uuid]),
        "keep_run": reverse("training:keep_run", args=[sweep.uuid, run.uuid]),
    }


@pytest.mark.parametrize("name", ["sweep", "sweep_fragment", "cancel_sweep", "keep_run"])
def test_another_clinic_finds_nothing_and_the_wrong_method_is_refused(
    sweep: Sweep, admin: User, bob: User, client_for: ClientFor, name: str
) -> None:
    url, changes = urls(sweep)[name], name in {"cancel_sweep", "keep_run"}
    theirs = client_for(bob)
    assert (theirs.post(url) if changes else theirs.get(url)).status_code == 404
    ours = client_for(admin)
    assert (ours.get(url) if changes else ours.post(url)).status_code == 405
    assert not sweep.runs.exclude(status=Status.QUEUED).exists()


@pytest.mark.parametrize("name", ["cancel_sweep", "keep_run"])
def test_only_administrators_decide(sweep: Sweep, clinician: User, client_for: ClientFor, name: str) -> None:
    assert client_for(clinician).post(urls(sweep)[name]).status_code == 403
    assert client_for(clinician).get(urls(sweep)["sweep"]).status_code == 200


def test_the_command_queues_it(dataset: Dataset, base_is_here: None, sent: list[Any]) -> None:
    out = StringIO()
    call_command("sweep", dataset.name, "--base", "smollm2-135m", "--name", "night", stdout=out)
    assert "6 runs wait for the worker" in out.getvalue()
    assert Sweep.objects.get().runs.count() == 6


def test_asked_to_the_command_has_each_setting_make_an_adapter_on_the_shared_base(
    dataset: Dataset, base_is_here: None
) -> None:
    call_command("sweep", dataset.name, "--base", "smollm2-135m", "--name", "night", "--as-adapter")
    assert [run.options["types"] for run in TrainingRun.objects.all()] == [["LORA"]] * 6


def test_the_command_names_the_datasets_there_are(dataset: Dataset, base_is_here: None) -> None:
    with pytest.raises(CommandError, match=f"Datasets here: {dataset.name}"):
        call_command("sweep", "nothing", "--base", "smollm2-135m", "--name", "night")
