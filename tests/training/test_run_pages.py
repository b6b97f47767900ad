"""Pages of training runs: start, follow, stop, try again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.rundir import LOG
from training.models import Status, TrainingRun
from training.services.folders import stage_folder

ClientFor = Callable[[User], Client]


@pytest.fixture(autouse=True)
def installed(settings: Any, own_var: Path) -> None:
    model_rows.pretend_installed(settings, own_var)


def choices(**changed: Any) -> dict[str, Any]:
    """What a browser sends for an untouched form, and ``changed``."""
    form = {
        "base": "smollm2-135m",
        "name": "autumn-1",
        "epochs": "2.0",
        "learning_rate": "0.0005",
        "lora_rank": "16",
        "max_train_rows": "0",
        "evaluate_rows": "24",
        "max_tokens": "2048",
        "types": ["Q8_0", "Q4_K"],
    }
    return {**form, **changed}


def page(client: Client, name: str, *args: Any) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def test_a_run_is_started_from_the_form(
    clinic: Clinic, admin: User, client_for: ClientFor, sent: list[Any]
) -> None:
    dataset = model_rows.frozen_dataset(clinic, admin)
    response = client_for(admin).post(
        reverse("training:start_run"), choices(dataset=dataset.pk, epochs="0.5")
    )
    run = TrainingRun.objects.get()
    assert response.url == reverse("training:run", args=[run.uuid])
    assert (run.name, run.dataset, run.started_by, run.options["epochs"]) == ("autumn-1", dataset, admin, 0.5)
    assert AuditEntry.objects.filter(action="start_run", subject_id=str(run.uuid)).count() == 1


def test_a_run_is_asked_for_an_adapter_on_the_shared_base(
    clinic: Clinic, admin: User, client_for: ClientFor
) -> None:
    dataset = model_rows.frozen_dataset(clinic, admin)
    client = client_for(admin)
    assert "the base is in memory once" in page(client, "training:start_run")
    asked = choices(dataset=dataset.pk, as_adapter="on")
    refused = client.post(reverse("training:start_run"), {**asked, "method": "dora"}).content.decode()
    assert "DoRA cannot be served upon a shared base" in refused
    client.post(reverse("training:start_run"), asked)
    assert TrainingRun.objects.get().options["types"] == ["LORA", "Q8_0", "Q4_K"]


def test_the_form_shows_licences_and_suggests_a_free_name(
    clinic: Clinic, admin: User, client_for: ClientFor
) -> None:
    model_rows.queued_run(clinic, admin, name="summarizer-2")
    content = page(client_for(admin), "training:start_run")
    assert "Apache License 2.0" in content
    assert 'value="summarizer-3"' in content
    assert "minilm-l6" not in content, "an encoder cannot write summaries"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": "Bad Name"}, "small letters"),
        ({"name": "smollm2-135m"}, "name of a base model"),
        ({"base": "../secret"}, "not one of the available choices"),
        ({"base": "gemma3-270m"}, "not one of the available choices"),
        ({"epochs": "0"}, "greater than or equal"),
        ({"learning_rate": "0.5"}, "up to 0.01"),
        ({"epochs": "NaN"}, "Enter a number"),
        ({"types": []}, "required"),
    ],
)
def test_a_choice_that_cannot_work_is_explained(
    clinic: Clinic, admin: User, client_for: ClientFor, changed: dict[str, Any], told: str
) -> None:
    dataset = model_rows.frozen_dataset(clinic, admin)
    response = client_for(admin).post(reverse("training:start_run"), choices(dataset=dataset.pk, **changed))
    assert response.status_code == 400
    assert told in response.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_name_is_used_once(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.queued_run(clinic, admin, name="autumn-1")
    response = client_for(admin).post(reverse("training:start_run"), choices(dataset=run.dataset.pk))
    assert response.status_code == 400
    assert "There is a run named autumn-1 already" in response.content.decode()


def test_another_clinics_dataset_cannot_be_chosen(
    clinic: Clinic, admin: User, other_clinic: Clinic, bob: User, client_for: ClientFor
) -> None:
    model_rows.frozen_dataset(clinic, admin)
    theirs = model_rows.frozen_dataset(other_clinic, bob, name="birch records")
    assert "birch records" not in page(client_for(admin), "training:start_run")
    response = client_for(admin).post(reverse("training:start_run"), choices(dataset=theirs.pk))
    assert response.status_code == 400
    assert not TrainingRun.objects.exists()


def test_without_a_dataset_the_page_says_what_comes_first(admin: User, client_for: ClientFor) -> None:
    assert "No dataset yet" in page(client_for(admin), "training:start_run")


def test_without_a_base_model_the_page_names_the_command(
    clinic: Clinic, admin: User, client_for: ClientFor, settings: Any, tmp_path: Path
) -> None:
    model_rows.frozen_dataset(clinic, admin)
    settings.MODELS_DIR = tmp_path / "empty"
    assert "manage.py fetch_model" in page(client_for(admin), "training:start_run")


def test_the_list_shows_progress_and_the_gain(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    model_rows.finished_run(clinic, admin, name="done")
    model_rows.training_run(clinic, admin, name="busy")
    content = page(client_for(admin), "training:runs")
    assert "9.7 → <strong>31.9</strong>" in content
    assert "Train 25 %" in content


def test_a_running_run_shows_where_it_stands(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.training_run(clinic, admin)
    content = page(client_for(admin), "training:run", run.uuid)
    assert "about 4 minutes left" in content
    assert "step 30 of 120" in content
    assert "229 tokens/s" in content
    assert 'name="poll"' in content


def test_the_polled_part_is_a_part(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.training_run(clinic, admin)
    response = client_for(admin).get(reverse("training:run_fragment", args=[run.uuid]))
    assert b"<html" not in response.content
    assert b"step 30 of 120" in response.content
    assert "HX-Refresh" not in response


def test_polling_ends_with_the_run(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.finished_run(clinic, admin)
    response = client_for(admin).get(reverse("training:run_fragment", args=[run.uuid]))
    assert b"hx-get" not in response.content
    assert response["HX-Refresh"] == "true", "the page then shows what the run made"


def test_the_curve_comes_from_the_file_and_in_pieces(
    clinic: Clinic, admin: User, client_for: ClientFor
) -> None:
    run = model_rows.training_run(clinic, admin)
    client, url = client_for(admin), reverse("training:run_curve", args=[run.uuid])
    first = client.get(url).json()
    assert [point["step"] for point in first["points"]] == list(range(1, 31))
    model_rows.write_curve(run.stages.get(name="train"), steps=33, since=30)
    later = client.get(url, {"offset": first["offset"]}).json()
    assert [point["step"] for point in later["points"]] == [31, 32, 33]
    assert not later["is_over"]


def test_a_curve_before_training_is_empty(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.queued_run(clinic, admin)
    assert client_for(admin).get(reverse("training:run_curve", args=[run.uuid])).json() == {
        "points": [],
        "offset": 0,
        "is_over": False,
    }


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 40, "1.5"])
def test_a_nonsense_offset_is_refused(
    clinic: Clinic, admin: User, client_for: ClientFor, offset: str
) -> None:
    run = model_rows.queued_run(clinic, admin)
    response = client_for(admin).get(reverse("training:run_curve", args=[run.uuid]), {"offset": offset})
    assert response.status_code == 400


def test_garbage_in_the_progress_file_is_passed_over(
    clinic: Clinic, admin: User, client_for: ClientFor
) -> None:
    run = model_rows.training_run(clinic, admin)
    with (stage_folder(run.stages.get(name="train")) / "progress.jsonl").open("ab") as file:
        file.write(b'{"at": 1}\nnot json\n' + json.dumps({"half": "a line"}).encode())
    points = client_for(admin).get(reverse("training:run_curve", args=[run.uuid])).json()["points"]
    assert len(points) == 30


def test_a_running_run_is_asked_to_stop(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.training_run(clinic, admin)
    response = client_for(admin).post(reverse("training:cancel_run", args=[run.uuid]), follow=True)
    run.refresh_from_db()
    assert run.cancel_requested_at is not None
    assert "is being stopped" in response.content.decode()
    assert AuditEntry.objects.filter(action="cancel_run").count() == 1


def test_stopping_what_is_over_changes_nothing(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.finished_run(clinic, admin)
    response = client_for(admin).post(reverse("training:cancel_run", args=[run.uuid]), follow=True)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED
    assert "over already" in response.content.decode()


def test_a_failure_is_told_in_plain_words_and_can_be_tried_again(
    clinic: Clinic, admin: User, client_for: ClientFor
) -> None:
    run = model_rows.training_run(clinic, admin)
    (stage_folder(run.stages.get(name="train")) / LOG).touch()
    model_rows.fail(run, "train", "DiskFull", "The disk is full. Free 2 GB, then try again.")
    client = client_for(admin)
    content = page(client, "training:run", run.uuid)
    assert "The disk is full. Free 2 GB, then try again." in content
    assert f"runs/{run.uuid}/1-train/stage.log" in content
    assert content.count("Not begun") == 2, "nobody waits for the stages after the failed one"
    client.post(reverse("training:retry_run", args=[run.uuid]))
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.QUEUED, "")
    assert AuditEntry.objects.filter(action="retry_run").count() == 1


def test_a_finished_run_cannot_be_tried_again(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.finished_run(clinic, admin)
    response = client_for(admin).post(reverse("training:retry_run", args=[run.uuid]), follow=True)
    assert "Only a failed or cancelled run" in response.content.decode()


def test_a_run_that_nobody_takes_up_says_so(clinic: Clinic, admin: User, client_for: ClientFor) -> None:
    run = model_rows.queued_run(clinic, admin)
    client = client_for(admin)
    assert "Nobody has taken this run up" not in page(client, "training:run", run.uuid)
    TrainingRun.objects.filter(pk=run.pk).update(created_at="2020-01-01T00:00:00Z")
    assert "Nobody has taken this run up" in page(client, "training:run", run.uuid)


def test_a_clinician_follows_runs_but_sees_no_buttons(
    clinic: Clinic, admin: User, clinician: User, client_for: ClientFor
) -> None:
    run = model_rows.training_run(clinic, admin)
    content = page(client_for(clinician), "training:run", run.uuid)
    assert reverse("training:cancel_run", args=[run.uuid]) not in content


READ = ["training:run", "training:run_fragment", "training:run_curve"]
CHANGE = ["training:cancel_run", "training:retry_run"]


@pytest.mark.parametrize("name", [*READ, *CHANGE])
def test_another_clinics_run_looks_like_none(
    clinic: Clinic, admin: User, bob: User, client_for: ClientFor, name: str
) -> None:
    run = model_rows.training_run(clinic, admin)
    client = client_for(bob)
    ask = client.post if name in CHANGE else client.get
    assert ask(reverse(name, args=[run.uuid])).status_code == 404
    assert AuditEntry.objects.filter(clinic=bob.membership.clinic, outcome="DENY", action=name).count() == 1


@pytest.mark.parametrize("name", [*READ, *CHANGE])
def test_the_wrong_method_is_refused(clinic: Clinic, admin: User, client_for: ClientFor, name: str) -> None:
    run = model_rows.training_run(clinic, admin)
    client = client_for(admin)
    ask = client.get if name in CHANGE else client.post
    assert ask(reverse(name, args=[run.uuid])).status_code == 405


@pytest.mark.parametrize("name", ["training:start_run", *CHANGE])
def test_only_administrators_train(
    clinic: Clinic, admin: User, officer: User, clinician: User, client_for: ClientFor, name: str
) -> None:
    run = model_rows.training_run(clinic, admin)
    url = reverse(name, args=[] if name == "training:start_run" else [run.uuid])
    for user in (officer, clinician):
        assert client_for(user).post(url).status_code == 403
    run.refresh_from_db()
    assert run.cancel_requested_at is None


@pytest.mark.parametrize("name", ["training:runs", "training:start_run", "training:artifacts"])
def test_strangers_are_sent_to_the_sign_in_page(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name)).url.startswith(reverse("accounts:sign_in"))


def test_clerks_have_no_business_with_models(clerk: User, client_for: ClientFor) -> None:
    for name in ("training:runs", "training:artifacts"):
        assert client_for(clerk).get(reverse(name)).status_code == 403
