"""Pages of models: where they come from, what training changed, and which one answers."""

import shutil
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import AuditEntry
from summaries.deployments import deploy
from training.models import ModelArtifact
from training.services.folders import run_folder

ClientFor = Callable[[User], Client]


def page(client: Client, artifact: ModelArtifact) -> str:
    response = client.get(reverse("training:artifact", args=[artifact.uuid]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_tells_which_model_answers(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    deploy(artifact=artifact, user=admin)
    content = client_for(admin).get(reverse("training:artifacts")).content.decode()
    assert content.count("Deployed") == 1
    for name in ("summarizer-1", "summarizer-1-q4_k", "summarizer-1-adapter"):
        assert f">{name}</a>" in content


def test_before_and_after_stand_side_by_side(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    content = page(client_for(clinician), artifact)
    assert "24 records" in content
    assert "9.7" in content
    assert "(7.1 to 12.4)" in content
    assert "+22.2" in content
    assert "Words in a summary" in content


def test_a_page_tells_how_far_the_served_file_answers_as_the_trained_model(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    told = "The served model answers as the trained one"
    assert told not in page(client_for(clinician), artifact)  # made before this was measured
    measured = {"F16": {"agreed": 1199, "tokens": 1200}, "Q8_0": {"agreed": 1190, "tokens": 1200}}
    artifact.stage.metrics = {"parity": measured}
    artifact.stage.save()
    content = page(client_for(clinician), artifact)
    assert f"{told}: 99.1 % of 1,200 tokens" in content
    assert "(99.9 % before its weights were rounded to Q8_0)" in content
    other = ModelArtifact.objects.get(name="summarizer-1-adapter")
    assert told not in page(client_for(clinician), other)


def test_a_gain_within_the_intervals_may_be_chance(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    evaluation = artifact.evaluation
    evaluation.metrics["tuned"]["rouge2"] = {"value": 2.9, "low": 1.5, "high": 4.4}
    evaluation.save()
    assert page(client_for(admin), artifact).count("may be chance") == 1


def test_samples_are_shown_escaped_and_each_look_is_audited(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    content = page(client, artifact)
    assert "The pain &lt;b&gt;radiates&lt;/b&gt;" in content
    assert "exertional chest pain for 3 days" in content
    entry = AuditEntry.objects.get(action="view_samples")
    assert (entry.actor, entry.subject_id) == (clinician, str(artifact.uuid))
    page(client, artifact)
    assert AuditEntry.objects.filter(action="view_samples").count() == 2


def test_record_text_is_not_kept_by_the_browser(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    response = client_for(admin).get(reverse("training:artifact", args=[artifact.uuid]))
    assert "no-store" in response["Cache-Control"]


def test_a_cleared_run_folder_leaves_the_scores(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    shutil.rmtree(run_folder(artifact.stage.run))
    content = page(client_for(admin), artifact)
    assert "31.9" in content
    assert "Sample summaries" not in content


def test_the_lineage_leads_from_the_file_to_its_dataset(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    content = page(client_for(admin), artifact)
    run = artifact.stage.run
    assert artifact.sha256 in content
    assert run.dataset.content_hash in content
    assert reverse("training:artifact", args=[artifact.parent.uuid]) in content


def test_an_adapter_is_not_offered_for_deployment(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    assert reverse("summaries:deploy", args=[artifact.uuid]) in page(client_for(admin), artifact)
    adapter = artifact.parent
    assert reverse("summaries:deploy", args=[adapter.uuid]) not in page(client_for(admin), adapter)


def test_only_who_may_deploy_is_offered_to(
    artifact: ModelArtifact, officer: User, client_for: ClientFor
) -> None:
    assert reverse("summaries:deploy", args=[artifact.uuid]) not in page(client_for(officer), artifact)


def test_another_clinics_model_looks_like_none(
    artifact: ModelArtifact, bob: User, client_for: ClientFor
) -> None:
    response = client_for(bob).get(reverse("training:artifact", args=[artifact.uuid]))
    assert response.status_code == 404
    assert not AuditEntry.objects.filter(action="view_samples").exists()


def test_models_are_only_looked_at(artifact: ModelArtifact, admin: User, client_for: ClientFor) -> None:
    assert client_for(admin).post(reverse("training:artifact", args=[artifact.uuid])).status_code == 405


def test_an_empty_list_says_where_models_come_from(admin: User, client_for: ClientFor) -> None:
    assert "No models yet" in client_for(admin).get(reverse("training:artifacts")).content.decode()
