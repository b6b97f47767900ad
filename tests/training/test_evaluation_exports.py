"""The evaluation of a model on its page, as JSON and as a report to print."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from training.models import MEMORY_TEST, Evaluation, ModelArtifact, Status
from training.report import before_and_after
from training.services.folders import run_folder

ClientFor = Callable[[User], Client]


@pytest.fixture
def artifact(clinic: Clinic, alice: User, settings: Any, own_var: Path) -> ModelArtifact:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(clinic, alice, evaluation=model_rows.scored_evaluation())
    return model_rows.model_of(run)


def get(client: Client, name: str, artifact: ModelArtifact) -> Any:
    return client.get(reverse(f"training:{name}", args=[artifact.uuid]))


@pytest.mark.parametrize("name", ["artifact", "artifact_report"])
def test_page_and_report_tell_the_same(
    name: str, artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    content = get(client_for(clinician), name, artifact).content.decode()
    for words in (
        "24 records",
        "1 record was too long",
        "Summaries with a number not in the record",
        "By section of the note",
        "Assessment",
        "By length of the record",
        "Clinicians left 2 summaries at “none”",
        "manage.py fetch_model minilm-l6",
        "Not in the record: 5",
        "The pain &lt;b&gt;radiates&lt;/b&gt;",
    ):
        assert words in content, words
    assert content.count("Clinician&#x27;s summary</h3>") + content.count("Clinician's summary</h3>") == 20


def test_the_row_in_the_database_holds_neither_texts_nor_single_records(artifact: ModelArtifact) -> None:
    stored = json.dumps(Evaluation.objects.get().metrics)
    assert "radiates" not in stored
    assert "R-0000" not in stored


def test_the_file_holds_all_and_is_not_kept_by_the_browser(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    response = get(client_for(clinician), "artifact_evaluation", artifact)
    assert response["Content-Disposition"] == 'attachment; filename="evaluation-summarizer-1.json"'
    assert "no-store" in response["Cache-Control"]
    found = response.json()
    assert found["artifact"]["sha256"] == artifact.sha256
    assert len(found["evaluation"]["per_row"]["ids"]) == 24
    assert len(found["evaluation"]["samples"]) == 20
    assert found["evaluation"]["differences"]["rouge1"]["p"] < 0.05


@pytest.mark.parametrize(("name", "form"), [("artifact_report", "report"), ("artifact_evaluation", "json")])
def test_each_export_is_written_down_without_words(
    name: str, form: str, artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    get(client_for(clinician), name, artifact)
    entry = AuditEntry.objects.get(action="export_evaluation")
    assert (entry.actor, entry.subject_id, entry.facts) == (clinician, str(artifact.uuid), {"format": form})


def test_an_export_needs_the_right_to_look(
    artifact: ModelArtifact, clerk: User, bob: User, client_for: ClientFor
) -> None:
    for name in ("artifact_report", "artifact_evaluation"):
        assert get(client_for(clerk), name, artifact).status_code == 403
        assert get(client_for(bob), name, artifact).status_code == 404
        assert client_for(clerk).post(reverse(f"training:{name}", args=[artifact.uuid])).status_code == 403
    assert not AuditEntry.objects.filter(action="export_evaluation").exists()


def test_without_an_evaluation_there_is_nothing_to_export(
    artifact: ModelArtifact, alice: User, client_for: ClientFor
) -> None:
    sibling = ModelArtifact.objects.get(name="summarizer-1-q4_k")
    for name in ("artifact_report", "artifact_evaluation"):
        assert get(client_for(alice), name, sibling).status_code == 404


def test_an_evaluation_of_an_earlier_version_still_exports(
    clinic: Clinic, alice: User, artifact: ModelArtifact, client_for: ClientFor
) -> None:
    old = model_rows.model_of(model_rows.finished_run(clinic, alice, "old"))
    report = get(client_for(alice), "artifact_report", old).content.decode()
    assert "31.9" in report
    assert "By section" not in report
    assert get(client_for(alice), "artifact_evaluation", old).json()["evaluation"]["rows"] == 24


def test_a_cleared_run_folder_leaves_the_means(
    artifact: ModelArtifact, alice: User, client_for: ClientFor
) -> None:
    shutil.rmtree(run_folder(artifact.stage.run))
    assert "By section" in get(client_for(alice), "artifact_report", artifact).content.decode()
    assert "per_row" not in get(client_for(alice), "artifact_evaluation", artifact).json()["evaluation"]


def test_the_memory_test_goes_along(artifact: ModelArtifact, alice: User, client_for: ClientFor) -> None:
    stages = artifact.stage.run.stages
    test = stages.create(number=stages.count(), name=MEMORY_TEST, status=Status.RUNNING)
    told = "whether it gives them away has not finished"
    assert told in get(client_for(alice), "artifact_report", artifact).content.decode()
    assert get(client_for(alice), "artifact_evaluation", artifact).json()["memory_test"] is None
    stages.filter(pk=test.pk).update(status=Status.SUCCEEDED, metrics={"remembers": False, "counts": []})
    assert get(client_for(alice), "artifact_evaluation", artifact).json()["memory_test"]["remembers"] is False


def test_the_table_of_a_terminal_has_what_was_measured(artifact: ModelArtifact) -> None:
    lines = before_and_after(artifact.stage.run).splitlines()
    assert [line.split("  ")[0] for line in lines[2:9]] == [
        "ROUGE-1",
        "ROUGE-2",
        "ROUGE-L",
        "ROUGE-Lsum",
        "unsupported %",
        "new number %",
        "copied %",
    ]
    assert "50.0 (29.2 to 70.8)" in next(line for line in lines if line.startswith("new number"))
