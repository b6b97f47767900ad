"""An installation whose engine is elsewhere in the clinic: from the deployment to the summary, with a real server."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Scope, User
from config.management.commands import first_run
from summaries import shadows
from summaries.deployments import NotDeployable, current_deployment, deploy, read_at_once, roll_back
from summaries.engine import served_name
from summaries.models import Summary
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.outside_server import KEY, OutsideServer, outside_server
from tests.summaries.conftest import IssueKey
from training.models import ModelArtifact

ClientFor = Callable[[User], Client]
Serve = Callable[..., Any]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("outside") / "model.gguf", seed=1)


@pytest.fixture
def serve(model: Path, settings: Any) -> Serve:
    """Serve the tiny model under a name, as the engine that the settings name."""

    @contextmanager
    def serving(name: str, context_tokens: int = 4096) -> Iterator[OutsideServer]:
        with outside_server(model, name, context_tokens) as server:
            settings.ENGINE_URL, settings.ENGINE_KEY = server.url, KEY
            yield server

    return serving


def summarize(key: str) -> Any:
    return Client().post(
        "/api/v1/summaries",
        json.dumps({"text": "Zebulon Quarrington has a cough."}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


def health() -> str:
    return str(Client().get("/api/v1/health").json()["status"])


def test_nobody_asks_our_own_engine_past_the_settings() -> None:
    platform = Path(settings.BASE_DIR) / "platform"
    choosing = [
        path.name for path in platform.rglob("*.py") if "EngineClient(settings.VAR)" in path.read_text()
    ]
    assert choosing == ["deployments.py"]


def test_a_summary_comes_from_the_engine_elsewhere(
    artifact: ModelArtifact, admin: User, issue_key: IssueKey, serve: Serve
) -> None:
    with serve(served_name(artifact.sha256)):
        deploy(artifact=artifact, user=admin)
        response = summarize(issue_key(Scope.SUMMARIZE))
        assert health() == "ok"
        told = io.StringIO()
        call_command("doctor", stdout=told)
    assert response.status_code == 200, response.json()
    assert response.json()["summary"]
    assert Summary.objects.get().deployment.artifact == artifact
    assert f"{artifact.sha256[:12]} ready" in told.getvalue()


def test_a_model_that_the_engine_lacks_is_not_deployed_and_its_name_is_told(
    artifact: ModelArtifact, admin: User, client_for: ClientFor, serve: Serve
) -> None:
    with serve("llama"):
        with pytest.raises(NotDeployable, match=f"under the name {served_name(artifact.sha256)}"):
            deploy(artifact=artifact, user=admin)
        page = client_for(admin).post(reverse("summaries:deploy", args=[artifact.uuid]), follow=True)
        assert served_name(artifact.sha256) in page.content.decode()
    assert current_deployment(artifact.clinic) is None


def test_an_engine_that_reads_less_at_once_than_the_model_is_refused_at_the_deployment(
    artifact: ModelArtifact, admin: User, serve: Serve
) -> None:
    """Otherwise it would be refused with every long record, and the clinician be told to shorten it."""
    needed = read_at_once(artifact)
    with (
        serve(served_name(artifact.sha256), needed // 2),
        pytest.raises(NotDeployable, match=rf"reads {needed // 2} tokens .* pieces of up to {needed}"),
    ):
        deploy(artifact=artifact, user=admin)


def test_the_first_run_stops_where_the_engine_must_be_given_the_new_model(
    artifact: ModelArtifact, admin: User, serve: Serve
) -> None:
    run = artifact.stage.run
    run.name = artifact.name
    with (
        serve("another-model"),
        pytest.raises(CommandError, match=r"does not serve this model.*make run again"),
    ):
        first_run._deploy(admin, run)


def test_a_silent_engine_and_a_wrong_key_are_told_apart(
    artifact: ModelArtifact, admin: User, settings: Any, serve: Serve
) -> None:
    with serve(served_name(artifact.sha256)):
        settings.ENGINE_KEY = "another"
        with pytest.raises(NotDeployable, match="refuses our key"):
            deploy(artifact=artifact, user=admin)
    with pytest.raises(NotDeployable, match="does not answer"):
        deploy(artifact=artifact, user=admin)


def test_a_killed_engine_and_one_that_lost_the_model_are_told_apart(
    artifact: ModelArtifact, admin: User, client_for: ClientFor, issue_key: IssueKey, serve: Serve
) -> None:
    key = issue_key(Scope.SUMMARIZE)
    with serve(served_name(artifact.sha256)):
        deploy(artifact=artifact, user=admin)
    assert health() == "starting"
    response = summarize(key)
    assert response.status_code == 503
    assert response.json()["error"] == "The engine does not answer."
    with serve("another-model"):
        assert health() == "not served"
        response = summarize(key)
        assert response.status_code == 503
        assert "does not list" in response.json()["error"]
        page = client_for(admin).get(reverse("summaries:portal")).content.decode()
        assert "The engine does not have the model just now." in page
    assert not Summary.objects.exists()


def test_neither_the_way_back_nor_a_shadow_leads_to_a_model_that_the_engine_lacks(
    artifact: ModelArtifact, admin: User, serve: Serve
) -> None:
    other = ModelArtifact.objects.filter(kind="gguf").exclude(pk=artifact.pk).get()
    with serve(served_name(other.sha256)):
        deploy(artifact=other, user=admin)
    with serve(served_name(artifact.sha256)):
        deploy(artifact=artifact, user=admin)
        with pytest.raises(NotDeployable, match=served_name(other.sha256)):
            shadows.start(artifact=other, percent=100, user=admin)
        with pytest.raises(NotDeployable, match=served_name(other.sha256)):
            roll_back(clinic=artifact.clinic, user=admin)
    assert current_deployment(artifact.clinic).artifact == artifact  # type: ignore[union-attr]
