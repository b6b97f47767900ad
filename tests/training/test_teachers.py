"""A run with a teacher: who may teach, what it is asked about, and which rows the student then learns from."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.rundir import RunDir
from jobs.sealing import SEALED_FIELDS, SealChecker
from jobs.specs import TeachSpec
from records.models import Dataset, Split
from records.readers import Row
from records.services import datasets
from records.services.datasets import rows_of, unlabelled_records
from records.services.review import approve_records
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows
from tests.scripted_teacher import KEY, NAME, ScriptedTeacher, scripted_teacher
from training.display import taught_words
from training.models import ModelArtifact, TrainingRun
from training.options import RunOptions
from training.services import runs, sweeps, teachers
from training.services.erasure import erase_from_folder, holds_rows
from training.services.folders import rows_path, run_folder, stage_folder, untaught_path
from training.services.plan import plan_stage
from training.services.revoked import is_revoked
from training.services.row_files import TaughtRowsChanged
from training.services.stages import execute_stage

pytestmark = [pytest.mark.django_db]
ClientFor = Callable[[User], Client]
SERVER = RunOptions(teacher="server")
UNLABELLED = "Patient with a rash on the left arm for {days} days. No fever. Given cetirizine {days} times."


def says(prompt: str) -> str:
    """Right of every rash but the one of 43 days, which it gives another length and a dose."""
    days = next(number for number in range(40, 50) if f"for {number} days" in prompt)
    return (
        f"Rash on the left arm for {days} days." if days != 43 else "Rash for 7 days, given cetirizine 10 mg."
    )


def unlabelled(clinic: Clinic, user: User, count: int = 4) -> None:
    """Reviewed records without a summary, each of a patient of its own."""
    rows = [
        Row(days, UNLABELLED.format(days=days), "", patient=f"U{days}", kind="visit note")
        for days in range(40, 40 + count)
    ]
    records = import_rows(clinic=clinic, user=user, rows=rows).records
    for record in records:
        scrub_record(record=record)
    approve_records(clinic=clinic, records=records, reviewer=user, reason="a test")


@pytest.fixture
def dataset(clinic: Clinic, officer: User) -> Dataset:
    """Six records with a summary, and four without."""
    labelled = model_rows.scrubbed_records(clinic, officer)
    approve_records(clinic=clinic, records=labelled, reviewer=officer, reason="a test")
    unlabelled(clinic, officer)
    chosen = datasets.ready_records(clinic) | unlabelled_records(clinic)
    return datasets.freeze_dataset(
        clinic=clinic, name="autumn", user=officer, attestation="a test", records=chosen
    )


@pytest.fixture
def server(settings: Any, own_var: Path) -> Iterator[ScriptedTeacher]:
    model_rows.pretend_installed(settings, own_var)
    with scripted_teacher(says) as teacher:
        settings.TEACHER_URL, settings.TEACHER_KEY, settings.TEACHER_MODEL = teacher.url, KEY, NAME
        settings.STAGE_THREADS = 1
        yield teacher


Start = Callable[..., TrainingRun]


@pytest.fixture
def start(clinic: Clinic, alice: User, dataset: Dataset, server: ScriptedTeacher) -> Start:
    def started(options: RunOptions = SERVER, name: str = "taught") -> TrainingRun:
        return runs.start_run(
            clinic=clinic, user=alice, name=name, dataset=dataset, base=model_rows.BASE, options=options
        )

    return started


def teach(run: TrainingRun) -> None:
    execute_stage(run.stages.get(number=0).uuid)
    run.refresh_from_db()


def written(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_teacher_is_asked_about_training_records_alone(start: Start, dataset: Dataset) -> None:
    held_out = {row["id"] for row in rows_of(dataset) if row["split"] != Split.TRAIN}
    assert held_out
    for options, count in ((SERVER, 4), (replace(SERVER, teach="all"), dataset.train_count)):
        run = start(options, f"taught-{count}")
        spec = plan_stage(run.stages.get(name="teach"))
        assert isinstance(spec, TeachSpec)
        assert (spec.teacher, spec.gguf, spec.drafts) == (NAME, "", 1)
        asked = written(untaught_path(run))
        assert len(asked) == count
        assert not held_out & {row["id"] for row in asked}
        checker = SealChecker(spec.rows_key)
        assert all(checker.holds({name: row[name] for name in SEALED_FIELDS}, row["seal"]) for row in asked)


@pytest.mark.slow
def test_what_was_kept_joins_the_rows_of_people_and_nothing_else_does(
    start: Start, dataset: Dataset, server: ScriptedTeacher
) -> None:
    before = list(rows_of(dataset)), dataset.content_hash
    run = start()
    assert [stage.name for stage in run.stages.all()] == ["teach", "prepare", "train", "quantize", "evaluate"]
    teach(run)
    stage = run.stages.get(name="teach")
    assert stage.status == "succeeded", RunDir(stage_folder(stage)).log.read_text()
    assert (stage.metrics["asked"], stage.metrics["kept"]) == (4, 3)
    assert stage.metrics["left_out"] == {"ungrounded": 1}
    plan_stage(run.stages.get(name="prepare"))
    rows = written(rows_path(run))
    by_people = [row for row in rows if not row["id"].endswith("-taught")]
    assert [row["id"] for row in by_people] == [row["id"] for row in before[0] if row["target"]]
    by_teacher = [row for row in rows if row not in by_people]
    assert [row["target"] for row in by_teacher] == [
        f"Rash on the left arm for {n} days." for n in (40, 41, 42)
    ]
    assert {row["split"] for row in by_teacher} == {"train"}
    assert (list(rows_of(dataset)), dataset.content_hash) == before
    texts = [path.read_text() for path in run_folder(run).rglob("*") if path.is_file()]
    assert not any(KEY in text or "10 mg" in text for text in texts)


@pytest.mark.slow
def test_a_second_summary_stands_beside_the_first(start: Start, server: ScriptedTeacher) -> None:
    server.says = lambda _: "The patient has no fever."
    run = start(replace(SERVER, teach="all"))
    teach(run)
    plan_stage(run.stages.get(name="prepare"))
    ids = {row["id"] for row in written(rows_path(run))}
    second = {id for id in ids if id.endswith("-taught")}
    assert second
    assert len(ids - second) == 6


def test_without_a_teacher_nothing_is_learned_from_records_without_a_summary(
    start: Start, alice: User, client_for: ClientFor
) -> None:
    run = start(RunOptions())
    assert run.stages.get(number=0).name == "prepare"
    plan_stage(run.stages.get(name="prepare"))
    assert len(written(rows_path(run))) == 6
    page = client_for(alice).get(reverse("training:run", args=[run.uuid])).content.decode()
    assert "4 records of autumn have no summary. Nothing was learned from them" in page


@pytest.mark.slow
def test_the_run_s_page_says_who_taught_and_what_was_left_out(
    start: Start, alice: User, client_for: ClientFor
) -> None:
    run = start()
    teach(run)
    page = client_for(alice).get(reverse("training:run", args=[run.uuid])).content.decode()
    assert (
        f"4 summaries written by {NAME}, 3 kept: 1 had a sentence that the check could not bear out." in page
    )
    assert "Rash" not in page
    entry = AuditEntry.objects.get(action="start_run", subject_id=str(run.uuid))
    assert entry.facts["teacher"] == "server"


def test_the_counts_are_told_in_the_order_in_which_they_were_looked_at() -> None:
    left_out = {"copied": 41, "ungrounded": 1080}
    told = taught_words({"asked": 1412, "kept": 291, "teacher": "llama", "left_out": left_out})
    assert told == (
        "1,412 summaries written by llama, 291 kept: 41 copied the record, 1,080 had a sentence that the check could not "
        "bear out."
    )


@pytest.mark.slow
def test_a_server_that_does_not_answer_fails_the_run_in_words_and_it_goes_on_later(
    start: Start, alice: User, server: ScriptedTeacher, settings: Any
) -> None:
    settings.TEACHER_URL = "http://127.0.0.1:9"
    run = start()
    teach(run)
    assert run.status == "failed"
    assert f"{NAME} cannot be asked. The engine does not answer." in run.error
    settings.TEACHER_URL = server.url
    runs.retry_run(run=run, user=alice)
    teach(run)
    assert run.stages.get(name="teach").status == "succeeded"


@pytest.mark.slow
def test_taught_rows_that_were_changed_behind_the_stage_s_back_are_not_sealed(start: Start) -> None:
    run = start()
    teach(run)
    path = stage_folder(run.stages.get(name="teach")) / "artifact" / "taught.jsonl"
    path.write_text(path.read_text().replace("left", "right"))
    with pytest.raises(TaughtRowsChanged):
        plan_stage(run.stages.get(name="prepare"))


@pytest.mark.slow
def test_an_erasure_takes_what_the_teacher_was_asked_and_wrote(start: Start) -> None:
    run = start()
    teach(run)
    assert holds_rows(run)
    erase_from_folder(run, {"R-000007"})
    assert not holds_rows(run)
    assert not RunDir(stage_folder(run.stages.get(name="teach"))).artifact.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (RunOptions(teacher="model:nobody"), "That teacher is not here"),
        (RunOptions(teacher="base:smollm2-135m"), "Here can teach: llama-3.1-8b"),
    ],
)
def test_a_teacher_that_is_not_here_stops_the_start(start: Start, options: RunOptions, told: str) -> None:
    with pytest.raises(runs.RunRefused, match=told):
        start(options)
    assert not TrainingRun.objects.exists()


def test_a_teacher_with_nothing_to_summarize_stops_the_start(
    clinic: Clinic, alice: User, officer: User, server: ScriptedTeacher
) -> None:
    whole = model_rows.frozen_dataset(clinic, officer)
    with pytest.raises(runs.RunRefused, match="Every record of autumn has a summary"):
        runs.start_run(
            clinic=clinic, user=alice, name="n", dataset=whole, base=model_rows.BASE, options=SERVER
        )


def test_neither_with_differential_privacy_nor_six_times_over(
    clinic: Clinic, alice: User, dataset: Dataset, server: ScriptedTeacher
) -> None:
    with pytest.raises(ValueError, match="Choose one of the two"):
        replace(SERVER, dp_epsilon=8.0)
    with pytest.raises(runs.RunRefused, match="write all summaries again"):
        sweeps.start_sweep(
            clinic=clinic, user=alice, name="six", dataset=dataset, base=model_rows.BASE, options=SERVER
        )


def test_an_evaluated_model_teaches_until_its_records_are_erased_and_so_do_those_it_taught(
    clinic: Clinic, alice: User, bob: User, officer: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    first = model_rows.finished_run(clinic, alice, "first")
    model = model_rows.model_of(first)
    assert [each.name for each in teachers.choices(clinic)] == ["first"]
    assert teachers.choices(bob.membership.clinic) == []
    told = teachers.find(clinic, "first").told()
    assert (told["gguf_sha256"], told["teacher"]) == (model.sha256, "first")
    other = datasets.freeze_dataset(clinic=clinic, name="other", user=officer, attestation="a test", seed=8)
    student = model_rows.finished_run(clinic, alice, "second")
    student.dataset, student.options = other, {**student.options, "teacher": f"model:{model.uuid}"}
    student.save()
    taught = ModelArtifact.objects.get(name="second")
    assert not is_revoked(taught)
    record = first.dataset.items.filter(split=Split.TRAIN)[0].scrubbed_text.record
    first.dataset.revocations.create(record=record, split=Split.TRAIN, revoked_by=officer)
    assert is_revoked(model)
    assert is_revoked(taught)
    assert teachers.choices(clinic) == []


def test_a_teacher_whose_record_was_erased_meanwhile_fails_the_waiting_run_in_words(
    clinic: Clinic,
    alice: User,
    officer: User,
    dataset: Dataset,
    client_for: ClientFor,
    settings: Any,
    own_var: Path,
) -> None:
    model_rows.pretend_installed(settings, own_var)
    first = model_rows.finished_run(clinic, alice, "first")
    other = datasets.freeze_dataset(clinic=clinic, name="other", user=officer, attestation="a test", seed=8)
    chosen = RunOptions(teacher=f"model:{model_rows.model_of(first).uuid}", teach="all")
    waiting = runs.start_run(
        clinic=clinic, user=alice, name="second", dataset=other, base=model_rows.BASE, options=chosen
    )
    record = first.dataset.items.filter(split=Split.TRAIN)[0].scrubbed_text.record
    first.dataset.revocations.create(record=record, split=Split.TRAIN, revoked_by=officer)
    teach(waiting)
    assert waiting.status == "failed"
    assert waiting.error == (
        "That teacher is not here, or may not teach. Here can teach: nobody. Start a run with another teacher, or "
        "without one."
    )
    assert not untaught_path(waiting).exists()
    page = client_for(alice).get(reverse("training:run", args=[waiting.uuid])).content.decode()
    assert f"It also learns from summaries that {model_rows.model_of(first).name} writes." in page
    assert "stage.log" not in page, "no process was started that could have written one"
    with pytest.raises(runs.RunRefused, match="may not teach"):
        runs.retry_run(run=waiting, user=alice)


def test_a_model_with_planted_codes_does_not_teach(
    clinic: Clinic, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(clinic, alice, "tested")
    model_rows.memory_test(run)
    assert teachers.choices(clinic) == []


def asked(dataset: Dataset, **changes: str) -> dict[str, Any]:
    chosen = RunOptions()
    return {
        "dataset": dataset.pk,
        "base": model_rows.BASE,
        "name": "taught",
        "epochs": "1",
        "learning_rate": chosen.learning_rate,
        "lora_rank": chosen.lora_rank,
        "max_train_rows": 0,
        "evaluate_rows": 24,
        "types": ["Q8_0"],
        **changes,
    }


def test_it_is_chosen_on_the_page_that_starts_a_run(
    dataset: Dataset, alice: User, server: ScriptedTeacher, client_for: ClientFor
) -> None:
    client, url = client_for(alice), reverse("training:start_run")
    page = client.get(url).content.decode()
    assert f"{NAME} (the model on the clinic&#x27;s server)" in page
    assert "(4 of them without a summary)" in page
    refused = client.post(url, asked(dataset, teacher="model:nobody"))
    assert refused.status_code == 400
    client.post(url, asked(dataset, teacher="server", teach="all", teacher_drafts="3"))
    run = TrainingRun.objects.get(name="taught")
    assert RunOptions.from_json(run.options).teacher_drafts == 3
    assert (run.options["teacher"], run.options["teach"]) == ("server", "all")
    assert not server.prompts, "a page asks no model"


def test_the_command_keeps_rows_without_a_summary_for_the_teacher(
    clinic: Clinic,
    alice: User,
    server: ScriptedTeacher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def file_of(name: str, rows: list[tuple[str, str]]) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in rows))
        return str(path)

    def note(days: int) -> tuple[str, str]:
        return model_rows.NOTE.format(days=days), model_rows.REFERENCE.format(days=days)

    monkeypatch.setattr("training.management.commands.train.work", lambda *_, **__: None)
    monkeypatch.setattr("training.management.commands.train.before_and_after", lambda _: "")
    train = file_of("train.jsonl", [note(2), (UNLABELLED.format(days=40), "")])
    files = ["--data", train, "--valid", file_of("valid.jsonl", [note(9)])]
    rest = ["--base", model_rows.BASE, "--name", "n"]
    with pytest.raises(CommandError, match=f"Here can teach: {NAME}"):
        call_command("train", *files, *rest, "--teacher", "nobody")
    call_command("train", *files, *rest, "--teacher", NAME, "--teacher-drafts", "2")
    run = TrainingRun.objects.get(name="n")
    assert (run.options["teacher"], run.options["teacher_drafts"]) == ("server", 2)
    assert run.dataset.train_count == 2
    assert datasets.unlabelled_count(run.dataset) == 1
