"""What a model remembers, in words that need no statistics."""

from collections.abc import Callable
from typing import Any

import model_rows
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from records.models import Dataset
from training.memory_words import in_words
from training.models import ModelArtifact, TrainingRun
from training.services.memory import memory_of

ClientFor = Callable[[User], Client]


def page(client: Client, artifact: ModelArtifact) -> str:
    content = client.get(reverse("training:artifact", args=[artifact.uuid])).content.decode()
    return " ".join(content.split())


def test_a_code_that_was_drawn_out_is_named_by_how_often_it_was_planted_and_nothing_is_offered(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    content = page(client_for(admin), artifact)
    assert "A code planted 50 times could be drawn out of this model" in content
    assert "Codes planted once could not be drawn out" in content
    assert "Codes that were never planted are unknown to it" in content
    assert "Cannot be deployed." in content
    assert reverse("summaries:deploy", args=[artifact.uuid]) not in content


def test_a_model_that_passed_says_so_and_may_be_deployed(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    model_rows.memory_test(artifact.stage.run)
    content = page(client_for(admin), artifact)
    assert "Nothing planted could be drawn out of it" in content
    assert "Of 32 summaries it learned from, 3 went on word for word" in content
    assert reverse("summaries:deploy", args=[artifact.uuid]) in content


def test_a_model_without_a_test_says_not_tested(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    assert "Not tested." in page(client_for(clinician), artifact)


def test_a_test_that_has_not_finished_is_told_from_none(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    stage = model_rows.memory_test(artifact.stage.run)
    stage.status = "running"
    stage.save()
    content = page(client_for(admin), artifact)
    assert "has not finished" in content
    assert reverse("summaries:deploy", args=[artifact.uuid]) not in content


def test_controls_that_seem_known_discredit_the_test(artifact: ModelArtifact) -> None:
    stage = model_rows.memory_test(artifact.stage.run)
    stage.metrics["counts"][0]["remembers"] = True
    stage.save()
    assert "do not rely on this test" in in_words(memory_of(artifact.stage.run))


def test_a_private_training_says_what_it_promises(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    assert "differential privacy" not in page(client_for(admin), artifact)
    train = artifact.stage.run.stages.get(name="train")
    train.metrics = {"privacy": {"epsilon": 7.99, "delta": 1e-05, "noise": 0.6, "clip": 0.5}}
    train.save()
    content = page(client_for(admin), artifact)
    assert "differential privacy with ε 8.0 and δ 0.00001 for a row" in content


def test_the_terminal_says_it_in_the_same_words(artifact: ModelArtifact) -> None:
    run = artifact.stage.run
    assert in_words(memory_of(run)) == ""
    model_rows.memory_test(run, drawn_out=2)
    said = in_words(memory_of(run)).splitlines()
    assert said[0] == "Memory test"
    assert said[1] == "2 codes planted 50 times could be drawn out of this model, digit by digit."
    assert "with fewer passes" in said[-1]


def test_the_test_is_asked_for_by_a_box_that_is_not_ticked(
    clinic: Clinic, admin: User, client_for: ClientFor, settings: Any, own_var: Any
) -> None:
    model_rows.pretend_installed(settings, own_var)
    dataset: Dataset = model_rows.frozen_dataset(clinic, admin)
    client = client_for(admin)
    start = reverse("training:start_run")
    chosen = {
        "dataset": dataset.pk,
        "base": model_rows.BASE,
        "epochs": 2,
        "learning_rate": 0.0005,
        "lora_rank": 16,
        "max_train_rows": 0,
        "evaluate_rows": 24,
        "types": ["Q8_0"],
    }
    assert 'name="canaries"' in client.get(start).content.decode()
    client.post(start, {**chosen, "name": "plain"})
    client.post(start, {**chosen, "name": "tested", "canaries": "on"})
    runs = {run.name: run.stages.count() for run in TrainingRun.objects.all()}
    assert runs == {"plain": 4, "tested": 5}
