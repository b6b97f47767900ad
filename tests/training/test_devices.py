"""The model's page and the command tell where a model runs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from tests.jobs.tiny_gguf import write_tiny_gguf
from training.models import ModelArtifact
from training.services import devices
from training.services.folders import artifact_path

ClientFor = Callable[[User], Client]


@pytest.fixture
def artifact(clinic: Clinic, admin: User, settings: Any, own_var: Path) -> ModelArtifact:
    model_rows.pretend_installed(settings, own_var)
    made = model_rows.model_of(model_rows.finished_run(clinic, admin))
    write_tiny_gguf(artifact_path(made))
    return made


def page(client: Client, artifact: ModelArtifact) -> str:
    return client.get(reverse("training:artifact", args=[artifact.uuid])).content.decode()


def test_the_page_tells_where_it_runs(
    artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    content = page(client_for(clinician), artifact)
    assert [name in content for name in ("Laptop, 8 GB", "Raspberry Pi 5, 4 GB", "Phone, 8 GB")] == [True] * 3
    assert "Estimates" in content
    assert "wrote 60 tokens a second, with four summaries at once" in content


def test_the_context_is_the_one_it_was_trained_with(artifact: ModelArtifact) -> None:
    model = devices.model(artifact)
    assert devices.context_tokens(artifact, model) == 2048
    run = artifact.stage.run
    run.options = {**run.options, "max_tokens": 8192}
    assert devices.context_tokens(artifact, model) == 4096  # the file's own limit


def test_a_file_that_is_gone_leaves_the_page(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    artifact_path(artifact).unlink()
    content = page(client_for(admin), artifact)
    assert "Raspberry" not in content
    assert "31.9" in content


def test_who_may_deploy_may_take_it_along(
    artifact: ModelArtifact, admin: User, clinician: User, client_for: ClientFor
) -> None:
    link = reverse("summaries:bundle", args=[artifact.uuid])
    assert link in page(client_for(admin), artifact)
    assert link not in page(client_for(clinician), artifact)
    assert artifact.parent is not None
    assert "Where it runs" not in page(client_for(admin), artifact.parent)
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    assert link not in page(client_for(admin), artifact)


def test_the_command_sets_the_measured_pace_beside_the_limit(artifact: ModelArtifact) -> None:
    out = io.StringIO()
    call_command("device_budget", artifact.name, stdout=out)
    told = out.getvalue()
    for name in ("Laptop, 8 GB", "Raspberry Pi 5, 4 GB", "Phone, 8 GB", "This machine, just now"):
        assert name in told
    assert "Its evaluation wrote 60 tokens/s, 4 summaries at once" in told


def test_the_command_says_what_it_cannot_tell(artifact: ModelArtifact) -> None:
    assert artifact.parent is not None
    with pytest.raises(CommandError, match="Only GGUF"):
        call_command("device_budget", artifact.parent.name)
    with pytest.raises(CommandError, match="no artifact of that name"):
        call_command("device_budget", "nobody")
