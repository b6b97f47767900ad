"""A model that gives away what it learned does not come to answer for a clinic."""

from collections.abc import Callable

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import AuditEntry
from summaries.deployments import NotDeployable, current_deployment, deploy
from training.models import ModelArtifact

ClientFor = Callable[[User], Client]


def all_files(artifact: ModelArtifact) -> list[ModelArtifact]:
    """Each GGUF file of the artifact's run: all are made of one adapter."""
    return list(ModelArtifact.objects.filter(stage__run=artifact.stage.run, kind="gguf"))


def test_no_file_of_a_model_that_gave_a_code_away_is_deployed(artifact: ModelArtifact, admin: User) -> None:
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    assert len(all_files(artifact)) == 2
    for file in all_files(artifact):
        with pytest.raises(NotDeployable, match="fewer passes"):
            deploy(artifact=file, user=admin)
    assert current_deployment(artifact.clinic) is None


def test_the_refusal_is_audited_with_who_tried(artifact: ModelArtifact, admin: User) -> None:
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    with pytest.raises(NotDeployable):
        deploy(artifact=artifact, user=admin)
    entry = AuditEntry.objects.get(action="deploy")
    assert (entry.outcome, entry.actor, entry.facts) == ("DENY", admin, {"reason": "memory test"})
    assert entry.subject_id == str(artifact.uuid)


def test_a_model_with_planted_codes_waits_for_its_test(artifact: ModelArtifact, admin: User) -> None:
    stage = model_rows.memory_test(artifact.stage.run)
    for status in ("queued", "running", "failed", "cancelled"):
        stage.status = status
        stage.save()
        with pytest.raises(NotDeployable, match="has not finished"):
            deploy(artifact=artifact, user=admin)


def test_a_model_that_gave_nothing_away_is_deployed(artifact: ModelArtifact, admin: User) -> None:
    model_rows.memory_test(artifact.stage.run)
    assert deploy(artifact=artifact, user=admin) == current_deployment(artifact.clinic)


def test_a_model_that_was_not_tested_is_deployed_as_before(artifact: ModelArtifact, admin: User) -> None:
    assert deploy(artifact=artifact, user=admin) == current_deployment(artifact.clinic)


def test_a_page_left_open_cannot_deploy_it_either(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    model_rows.memory_test(artifact.stage.run, drawn_out=2)
    posted = client_for(admin).post(reverse("summaries:deploy", args=[artifact.uuid]), follow=True)
    assert "fewer passes" in posted.content.decode()
    assert current_deployment(artifact.clinic) is None


def test_the_command_refuses_it_in_the_same_words(artifact: ModelArtifact) -> None:
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    with pytest.raises(CommandError, match="fewer passes"):
        call_command("deploy", artifact.name)
