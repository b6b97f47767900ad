"""The rehearsal before a training: kept on the run, obeyed by it, shown beside what it took."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from jobs.progress import Progress
from jobs.rundir import RunDir
from jobs.supervisor import Outcome
from records.models import Dataset
from training.estimates import duration, error_words, later_words, preflight_words, size
from training.models import RunStage, Status, TrainingRun
from training.services import preflight
from training.services.erasure import erase_from_folder
from training.services.folders import preflight_folder
from training.services.plan import plan_stage
from training.services.stages import claim, execute_stage, settle

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]
FACTS: dict[str, Any] = {
    "seconds": 1200.0,
    "parts_s": {"loading": 20.0, "steps": 1100.0, "validation": 60.0, "checkpoints": 20.0},
    "peak_bytes": 2_100_000_000,
    "limit_bytes": 15_000_000_000,
    "disk_bytes": {"needed": 800_000_000, "checkpoint": 60_000_000},
    "free_disk_bytes": 67_000_000_000,
    "chosen": {"tokens_at_once": 0, "recompute": False},
}


class Machine:
    """Stands for the children: says what each stage ends with, and remembers what it was told."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {"preflight": succeeded(FACTS)}
        self.specs: dict[str, dict[str, Any]] = {}

    def run_stage(self, name: str, folder: Path, *, on_progress: Any, **_: Any) -> Outcome:
        self.specs[name] = json.loads(RunDir(folder).spec.read_text())
        on_progress(Progress(1.0, 3, 9, "tokens", "step 3 of 9", 5.0, {"loss": 2.0}))
        return self.outcomes.get(name, succeeded({}))


def succeeded(metrics: dict[str, Any], **used: float) -> Outcome:
    result: dict[str, Any] = {"metrics": metrics, "outputs": []}
    return Outcome("succeeded", result={**result, "used": used} if used else result)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr("training.services.preflight.run_stage", machine.run_stage)
    monkeypatch.setattr("training.services.stages.run_stage", machine.run_stage)
    return machine


@pytest.fixture
def train(run: TrainingRun) -> RunStage:
    """The train stage of a prepared run, waiting."""
    prepare = claim(run.stages.get(name="prepare").uuid)
    assert prepare is not None
    settle(prepare, succeeded({}))
    return run.stages.get(name="train")


def test_a_training_is_rehearsed_with_what_it_will_be_told(train: RunStage, machine: Machine) -> None:
    execute_stage(train.uuid)
    train.refresh_from_db()
    assert train.status == Status.SUCCEEDED
    told, rehearsed = machine.specs["train"], machine.specs["preflight"]
    assert {name: rehearsed[name] for name in told} == told
    assert rehearsed["types"] == ["Q8_0", "Q4_K"]
    assert TrainingRun.objects.get(pk=train.run_id).preflight == FACTS


def test_the_training_goes_the_way_the_rehearsal_chose_also_when_it_is_tried_again(
    train: RunStage, machine: Machine
) -> None:
    chosen = {"tokens_at_once": 900, "recompute": True}
    machine.outcomes["preflight"] = succeeded({**FACTS, "chosen": chosen})
    machine.outcomes["train"] = Outcome("failed", "DiskFull", "Make room.")
    execute_stage(train.uuid)
    assert (machine.specs["train"]["tokens_at_once"], machine.specs["train"]["recompute"]) == (900, True)
    again = plan_stage(RunStage.objects.select_related("run").get(pk=train.pk)).to_json()
    assert again == machine.specs["train"]


def test_what_cannot_fit_fails_before_the_first_step_with_the_advice(
    train: RunStage, machine: Machine
) -> None:
    machine.outcomes["preflight"] = Outcome("failed", "StageRefusal", "Choose a smaller base model.")
    execute_stage(train.uuid)
    run = TrainingRun.objects.get(pk=train.run_id)
    assert (run.status, run.error) == (Status.FAILED, "Choose a smaller base model.")
    assert "train" not in machine.specs


def test_a_rehearsal_killed_for_want_of_memory_says_so(train: RunStage, machine: Machine) -> None:
    machine.outcomes["preflight"] = Outcome("failed", "Killed9", "perhaps")
    execute_stage(train.uuid)
    run = TrainingRun.objects.get(pk=train.run_id)
    assert "too little memory" in run.error
    assert f"manage.py machine_plan {run.base}" in run.error
    assert run.stages.get(name="train").error_type == "NotEnoughMemory"


def test_a_cancel_during_the_rehearsal_ends_the_run(train: RunStage, machine: Machine) -> None:
    machine.outcomes["preflight"] = Outcome("cancelled")
    claimed = claim(train.uuid)
    assert claimed is not None
    TrainingRun.objects.filter(pk=train.run_id).update(cancel_requested_at="2026-11-25T12:00Z")
    settle(claimed, preflight.rehearse(claimed.run, lambda _: False))
    assert TrainingRun.objects.get(pk=train.run_id).status == Status.CANCELLED


def test_the_bar_stays_the_trainings_own(train: RunStage, machine: Machine) -> None:
    told: list[Progress | None] = []
    preflight.rehearse(train.run, lambda progress: told.append(progress) or True)  # type: ignore[func-returns-value]
    (line,) = told
    assert line is not None
    assert (line.total, line.seconds_left, line.metrics) == (0, None, {})
    assert line.message == "measuring first: step 3 of 9"


def rehearsed(train: RunStage, attempts: int = 1, **used: float) -> TrainingRun:
    TrainingRun.objects.filter(pk=train.run_id).update(preflight=FACTS)
    metrics = {"used": used} if used else {}
    RunStage.objects.filter(pk=train.pk).update(
        metrics=metrics, attempts=attempts, status=Status.SUCCEEDED if used else Status.RUNNING
    )
    return TrainingRun.objects.get(pk=train.run_id)


def test_the_page_shows_the_estimate_beside_what_it_took(
    train: RunStage, admin: User, client_for: ClientFor
) -> None:
    url = reverse("training:run", args=[train.run.uuid])
    rehearsed(train)
    before = client_for(admin).get(url).content.decode()
    assert "Training takes about 20 minutes and 2.1 GB of memory; 15.0 GB are free." in before
    assert "not yet" in before
    rehearsed(train, seconds=1000.0, peak_bytes=2_000_000_000)
    after = client_for(admin).get(url).content.decode()
    assert "17 minutes" in after
    assert "+20 %" in after
    assert "+5 %" in after


def test_a_resumed_training_is_not_compared(train: RunStage, admin: User, client_for: ClientFor) -> None:
    run = rehearsed(train, attempts=2, seconds=300.0, peak_bytes=2_000_000_000)
    content = client_for(admin).get(reverse("training:run", args=[run.uuid])).content.decode()
    assert "went on from a checkpoint" in content
    assert "+300 %" not in content
    assert "resumed" in error_words(preflight.rehearsal_of(run))


def test_the_terminal_says_the_error_of_the_estimate(train: RunStage) -> None:
    run = rehearsed(train, seconds=1000.0, peak_bytes=2_000_000_000)
    assert error_words(preflight.rehearsal_of(run)) == (
        "Training time: 17 minutes (estimated 20 minutes, +20 %). Memory: 2.0 GB (estimated 2.1 GB, +5 %)"
    )


def test_short_memory_is_explained() -> None:
    parts = {**FACTS, "chosen": {"tokens_at_once": 500, "recompute": False}}
    assert "in parts" in preflight_words(parts)[-1]
    twice = {**FACTS, "chosen": {"tokens_at_once": 500, "recompute": True}}
    assert "computed twice" in preflight_words(twice)[-1]


def test_what_comes_after_training_is_known_from_earlier_runs(train: RunStage, run: TrainingRun) -> None:
    earlier = TrainingRun.objects.create(
        clinic=run.clinic, name="earlier", dataset=run.dataset, base=run.base, started_by=run.started_by
    )
    RunStage.objects.create(
        run=earlier,
        number=2,
        name="quantize",
        status=Status.SUCCEEDED,
        metrics={"used": {"seconds": 70.0, "peak_bytes": 1}},
    )
    rehearsal = preflight.rehearsal_of(rehearsed(train))
    assert rehearsal is not None
    assert later_words(rehearsal) == "compressing 70 seconds"


@pytest.mark.parametrize(("seconds", "said"), [(40, "40 seconds"), (720, "12 minutes"), (9000, "2.5 hours")])
def test_durations_are_said_as_a_person_would(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(4.9e6, "4.9 MB"), (168e6, "168 MB"), (16.06e9, "16.1 GB")])
def test_sizes_are_said_as_a_person_would(count: float, said: str) -> None:
    assert size(count) == said


def test_the_command_measures_a_dataset_and_leaves_nothing(
    dataset: Dataset, base_is_here: None, machine: Machine, own_var: Path
) -> None:
    out = StringIO()
    call_command("preflight", dataset.name, "--base", "smollm2-135m", "--json", stdout=out)
    assert json.loads(out.getvalue()) == FACTS
    assert machine.specs["preflight"]["epochs"] == 2.0
    assert not list(own_var.glob(".preflight-*"))


def test_the_command_measures_a_file_and_holds_each_tenth_row_out(
    base_is_here: None, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    write = preflight.write_sealed
    monkeypatch.setattr(
        preflight, "write_sealed", lambda path, rows, sealer: write(path, seen_of(rows, seen), sealer)
    )
    file = tmp_path / "rows.jsonl"
    lines = [{"source": f"Cough for {n} days.", "target": f"Cough {n}."} for n in range(20)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = StringIO()
    call_command("preflight", str(file), "--base", "smollm2-135m", stdout=out)
    assert "Training takes about 20 minutes" in out.getvalue()
    assert [row["split"] for row in seen].count("valid") == 2


def seen_of(rows: Any, seen: list[dict[str, str]]) -> list[dict[str, str]]:
    seen += rows
    return seen


def test_the_command_explains_what_it_cannot_find(dataset: Dataset, base_is_here: None) -> None:
    with pytest.raises(CommandError, match="neither a file nor a frozen dataset"):
        call_command("preflight", "nothing", "--base", "smollm2-135m")
    with pytest.raises(CommandError, match=r"manage\.py fetch_model gemma3-270m"):
        call_command("preflight", dataset.name, "--base", "gemma3-270m")


def test_the_command_passes_a_refusal_on(
    dataset: Dataset, base_is_here: None, machine: Machine, own_var: Path
) -> None:
    machine.outcomes["preflight"] = Outcome("failed", "StageRefusal", "Choose a smaller base model.")
    with pytest.raises(CommandError, match="smaller base model"):
        call_command("preflight", dataset.name, "--base", "smollm2-135m")
    assert not list(own_var.glob(".preflight-*"))


def test_an_erasure_takes_what_the_rehearsal_printed(train: RunStage) -> None:
    log = RunDir(preflight_folder(train.run)).log
    log.parent.mkdir(parents=True)
    log.write_text("a library may quote a row")
    erase_from_folder(train.run, ["1"])
    assert not log.exists()
