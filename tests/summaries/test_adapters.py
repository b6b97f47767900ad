"""Models that are adapters on a base of several clinics: deployed, pointed at, asked for by number, or refused in words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from stub_engine import stub_engine

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs.rundir import file_sha256
from summaries.deployments import NotDeployable, context_tokens, current_deployment, deploy
from summaries.engine import EngineClient
from tests.jobs.tiny_gguf import CHAT_TEMPLATE, write_tiny_adapter, write_tiny_gguf
from training.models import ModelArtifact, TrainingRun
from training.options import SmallerOptions
from training.services import smaller
from training.services.folders import artifact_path, rows_path
from training.services.runs import RunRefused

ClientFor = Callable[[User], Client]


@pytest.fixture
def base(settings: Any, own_var: Path) -> Path:
    """The file of the base that the clinics share."""
    model_rows.pretend_installed(settings, own_var)
    return write_tiny_gguf(settings.MODELS_DIR / model_rows.BASE / "model.gguf")


def made_as_adapter(run: TrainingRun, base: Path, seed: int) -> ModelArtifact:
    """The run's own model, with an adapter's real file in the place of a whole one's."""
    artifact = model_rows.model_of(run)
    path = write_tiny_adapter(artifact_path(artifact), base, seed=seed)
    artifact.sha256, artifact.bytes, artifact.quantization = file_sha256(path), path.stat().st_size, "LORA"
    artifact.save()
    return artifact


@pytest.fixture
def adapter(base: Path, clinic: Clinic, alice: User) -> ModelArtifact:
    return made_as_adapter(model_rows.finished_run(clinic, alice), base, seed=1)


@pytest.fixture
def others(base: Path, other_clinic: Clinic, bob: User) -> ModelArtifact:
    return made_as_adapter(model_rows.finished_run(other_clinic, bob), base, seed=2)


def pointed_at(var: Path) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = json.loads((var / "engine" / "deployed.json").read_text())["models"]
    return models


@pytest.mark.django_db(transaction=True)
def test_two_clinics_adapters_are_pointed_at_upon_the_same_base(
    adapter: ModelArtifact, others: ModelArtifact, alice: User, bob: User, base: Path, own_var: Path
) -> None:
    deploy(artifact=adapter, user=alice)
    deploy(artifact=others, user=bob)
    shared = {"sha256": file_sha256(base), "path": str(base)}
    assert pointed_at(own_var) == [
        {
            "sha256": each.sha256,
            "path": str(artifact_path(each)),
            "context_tokens": context_tokens(model_rows.BASE),
            "base": shared,
            "chat_template": CHAT_TEMPLATE,
        }
        for each in sorted((adapter, others), key=lambda each: each.pk, reverse=True)
    ]


@pytest.mark.django_db(transaction=True)
def test_an_adapter_whose_file_is_gone_keeps_no_other_clinic_from_deploying(
    adapter: ModelArtifact, others: ModelArtifact, alice: User, bob: User, own_var: Path
) -> None:
    deploy(artifact=adapter, user=alice)
    artifact_path(adapter).unlink()
    deploy(artifact=others, user=bob)
    assert [entry["sha256"] for entry in pointed_at(own_var)] == [others.sha256]


def test_upon_another_base_than_it_was_scored_on_it_is_not_deployed(
    adapter: ModelArtifact, alice: User, base: Path
) -> None:
    write_tiny_gguf(base, seed=5)
    with pytest.raises(NotDeployable, match="is not the one that this adapter was scored on"):
        deploy(artifact=adapter, user=alice)
    base.unlink()
    with pytest.raises(NotDeployable, match="smollm2-135m is missing"):
        deploy(artifact=adapter, user=alice)
    assert current_deployment(adapter.clinic) is None


def test_it_passes_the_same_gates_as_a_whole_file(adapter: ModelArtifact, alice: User) -> None:
    model_rows.memory_test(adapter.stage.run, drawn_out=2)
    with pytest.raises(NotDeployable):
        deploy(artifact=adapter, user=alice)
    assert AuditEntry.objects.filter(action="deploy", outcome="DENY").count() == 1


@pytest.mark.parametrize("number", [0, 3])
def test_each_request_names_the_clinics_own_adapter(own_var: Path, number: int) -> None:
    with stub_engine(own_var, "a" * 64) as engine:
        live = own_var / "engine" / "live.json"
        state = json.loads(live.read_text())
        state["models"]["a" * 64]["adapter"] = number
        live.write_text(json.dumps(state))
        EngineClient(own_var).summarize("a" * 64, [{"role": "user", "content": "Hello"}], max_new_tokens=10)
    assert json.loads(engine.received[0])["lora"] == [{"id": number, "scale": 1.0}]


def test_it_is_not_packed_for_a_machine_without_network(
    adapter: ModelArtifact, alice: User, client_for: ClientFor, tmp_path: Path
) -> None:
    told = "An adapter is nothing without its base. Pack a whole file"
    shown = client_for(alice).get(reverse("summaries:bundle", args=[adapter.uuid]), follow=True)
    assert told in shown.content.decode()
    with pytest.raises(CommandError, match=told):
        call_command(
            "export_bundle", adapter.name, "--out", str(tmp_path / "bundle"), "--clinic", adapter.clinic.name
        )


def test_it_is_not_made_smaller(adapter: ModelArtifact) -> None:
    rows_path(adapter.stage.run).write_text("rows")
    with pytest.raises(RunRefused, match="is an adapter on a base that others share"):
        smaller.check(adapter.stage.run, SmallerOptions())


def test_its_page_says_what_it_is_and_how_it_was_checked(
    adapter: ModelArtifact, alice: User, client_for: ClientFor
) -> None:
    stage = adapter.stage
    stage.metrics = {
        "parity": {
            "LORA_F16": {"agreed": 256, "tokens": 256, "kl": 0.0},
            "LORA": {"agreed": 250, "tokens": 256, "kl": 0.01},
        }
    }
    stage.save()
    shown = client_for(alice).get(reverse("training:artifact", args=[adapter.uuid])).content.decode()
    assert "97.6 % of 256 tokens" in shown
    assert "100.0 % upon the base before that was rounded" in shown
    assert "in memory once for the adapters of all clinics on this machine" in shown
    assert "Take it to a machine without network" not in shown
