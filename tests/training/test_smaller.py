"""A model is made smaller: what may start, what each file lost, which may be deployed, and the page to choose on."""

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
from jobs.specs import MIXED, DistillSpec, ImportanceSpec, MeasureSpec, PruneSpec, QuantizeSpec
from summaries.deployments import NotDeployable, deploy
from training import frontier
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import SmallerOptions
from training.services import smaller
from training.services.comparing import compare
from training.services.erasure import erase_from_folder
from training.services.folders import artifact_folder, rows_path
from training.services.plan import plan_stage
from training.services.runs import RunRefused

ClientFor = Callable[[User], Client]
DEEP = SmallerOptions(cut="deep", types=("Q6_K", "Q4_K"))
GOOD = model_rows.scored_evaluation(invents=24)
POOR = model_rows.scored_evaluation(invents=24, forgets=8)


@pytest.fixture(autouse=True)
def installed(settings: Any, own_var: Path) -> None:
    model_rows.pretend_installed(settings, own_var)


@pytest.fixture
def source(clinic: Clinic, alice: User) -> TrainingRun:
    run = model_rows.finished_run(clinic, alice, "notes", GOOD)
    rows_path(run).write_text("rows")
    run.rows_sha256 = "0" * 64
    run.save()
    return run


def artifact(name: str) -> ModelArtifact:
    return ModelArtifact.objects.get(name=name)


def names_of(run: TrainingRun) -> list[str]:
    return list(run.stages.values_list("name", flat=True))


def specs_of(run: TrainingRun, settings: Any) -> list[Any]:
    config = settings.MODELS_DIR / run.base / "hf" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"num_hidden_layers": 30, "intermediate_size": 1536}))
    return [plan_stage(stage) for stage in RunStage.objects.filter(run=run).select_related("run__source")]


def test_storing_numbers_more_briefly_needs_no_learning(source: TrainingRun, alice: User) -> None:
    run = smaller.start_smaller(source=source, user=alice, name="notes-small", options=SmallerOptions())
    assert names_of(run) == ["importance", "quantize", "measure"]
    assert AuditEntry.objects.get(action="start_smaller").subject_id == str(run.uuid)


def test_what_is_left_out_is_healed_by_the_whole_model_and_measured_on_its_rows(
    source: TrainingRun, alice: User, settings: Any
) -> None:
    run = model_rows.smaller_run(source, alice, "deep", {"Q6_K": GOOD, "Q4_K": GOOD}, DEEP)
    prune, distill, importance, quantize, measure = specs_of(run, settings)
    whole = str(artifact_folder(source, "train"))
    assert isinstance(prune, PruneSpec)
    assert (prune.model, prune.layers, prune.mlp_channels, prune.trim_vocabulary) == (whole, 24, 1280, True)
    assert isinstance(distill, DistillSpec)
    assert (distill.teacher, distill.student) == (whole, str(artifact_folder(run, "prune")))
    assert isinstance(importance, ImportanceSpec)
    assert isinstance(quantize, QuantizeSpec)
    assert importance.model == quantize.adapter == str(artifact_folder(run, "distill"))
    assert quantize.types == ("Q6_K", "Q4_K", MIXED)
    assert isinstance(measure, MeasureSpec)
    assert list(measure.files) == ["notes", "deep-q6_k", "deep-q4_k"]
    assert measure.evaluation == str(artifact_folder(source, "evaluate") / "evaluation.json")
    assert {spec.prepared for spec in (prune, distill, importance, quantize)} == {
        str(artifact_folder(source, "prepare"))
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "failed"}, "finished training run"),
        ({"options": {"dp_epsilon": 8.0}}, "differential privacy"),
    ],
)
def test_a_run_that_cannot_be_made_smaller_says_why(
    source: TrainingRun, alice: User, change: dict[str, Any], why: str
) -> None:
    for name, value in change.items():
        setattr(source, name, {**source.options, **value} if name == "options" else value)
    source.save()
    with pytest.raises(RunRefused, match=why):
        smaller.start_smaller(source=source, user=alice, name="small", options=DEEP)
    assert not TrainingRun.objects.filter(name="small").exists()


def test_neither_a_smaller_run_nor_one_with_planted_codes_is_made_smaller(
    source: TrainingRun, alice: User
) -> None:
    run = model_rows.smaller_run(source, alice, "small", {"Q4_K": GOOD})
    with pytest.raises(RunRefused, match="Choose the run that it started from"):
        smaller.start_smaller(source=run, user=alice, name="smaller", options=SmallerOptions())
    model_rows.memory_test(source)
    with pytest.raises(RunRefused, match="for the memory test"):
        smaller.start_smaller(source=source, user=alice, name="smaller", options=SmallerOptions())


def test_rows_that_an_erasure_took_are_not_measured_on(source: TrainingRun, alice: User) -> None:
    rows_path(source).unlink()
    with pytest.raises(RunRefused, match="Train again first"):
        smaller.start_smaller(source=source, user=alice, name="small", options=SmallerOptions())


def test_a_file_that_lost_too_much_is_not_deployed_and_says_where_it_came_in(
    source: TrainingRun, alice: User
) -> None:
    model_rows.smaller_run(source, alice, "brief", {"Q6_K": GOOD, "Q4_K": POOR})
    deploy(artifact=artifact("brief-q6_k"), user=alice)
    with pytest.raises(NotDeployable, match="All of it came with storing its numbers as Q4_K"):
        deploy(artifact=artifact("brief-q4_k"), user=alice)
    assert AuditEntry.objects.get(outcome="DENY").facts["reason"] == "lost too much"
    model_rows.smaller_run(source, alice, "deep", {"Q6_K": POOR, "Q4_K": POOR}, DEEP)
    with pytest.raises(NotDeployable, match=r"came with leaving parts out, 0\.0 with .* leave less out"):
        deploy(artifact=artifact("deep-q4_k"), user=alice)


def test_a_clinic_may_allow_more_loss(source: TrainingRun, alice: User) -> None:
    generous = SmallerOptions(types=("Q4_K",), most_lost=40)
    model_rows.smaller_run(source, alice, "brief", {"Q4_K": POOR}, generous)
    assert deploy(artifact=artifact("brief-q4_k"), user=alice).closed_at is None


def test_no_loss_is_small_enough_for_a_file_that_invents_more(source: TrainingRun, alice: User) -> None:
    careless = model_rows.scored_evaluation(invents=1)
    generous = SmallerOptions(types=("Q4_K",), most_lost=100)
    model_rows.smaller_run(source, alice, "brief", {"Q4_K": careless}, generous)
    with pytest.raises(NotDeployable, match="It invents more than the model"):
        deploy(artifact=artifact("brief-q4_k"), user=alice)


def test_one_identifier_more_than_the_whole_model_wrote_is_too_many(source: TrainingRun, alice: User) -> None:
    naming = model_rows.scored_evaluation(invents=24, names=1)
    generous = SmallerOptions(types=("Q6_K", "Q4_K"), most_lost=100)
    model_rows.smaller_run(source, alice, "brief", {"Q6_K": GOOD, "Q4_K": naming}, generous)
    deploy(artifact=artifact("brief-q6_k"), user=alice)
    with pytest.raises(NotDeployable, match=r"24 held-out records hold 1 identifier .* whole model's 0"):
        deploy(artifact=artifact("brief-q4_k"), user=alice)


def test_what_the_whole_model_names_too_is_no_loss(clinic: Clinic, alice: User) -> None:
    naming = model_rows.scored_evaluation(invents=24, names=2)
    whole = model_rows.finished_run(clinic, alice, "naming", naming)
    rows_path(whole).write_text("rows")
    model_rows.smaller_run(whole, alice, "brief", {"Q4_K": naming})
    assert deploy(artifact=artifact("brief-q4_k"), user=alice).closed_at is None


def test_a_file_that_was_not_measured_is_not_deployed(source: TrainingRun, alice: User) -> None:
    model_rows.smaller_run(source, alice, "brief", {"Q4_K": GOOD})
    small = artifact("brief-q4_k")
    small.evaluation.delete()
    with pytest.raises(NotDeployable, match="not measured yet"):
        deploy(artifact=artifact("brief-q4_k"), user=alice)


def test_the_best_for_their_size_are_those_that_nothing_smaller_beats(
    source: TrainingRun, alice: User
) -> None:
    model_rows.smaller_run(source, alice, "brief", {"Q6_K": POOR, "Q4_K": GOOD})
    for name, size in (("notes", 140), ("brief-q6_k", 110), ("brief-q4_k", 80)):
        ModelArtifact.objects.filter(name=name).update(bytes=size * 1_000_000)
    variants = frontier.variants_of(source)
    assert [(each.artifact.name, each.is_best) for each in variants] == [
        ("notes", False),
        ("brief-q6_k", False),
        ("brief-q4_k", True),
    ]
    drawn = frontier.chart(variants)
    xs = [point.x for point in drawn.points]
    assert xs == sorted(xs, reverse=True)
    assert drawn.points[1].y > drawn.points[0].y, "worse is lower on the page"
    assert all(point.high_y <= point.y <= point.low_y for point in drawn.points)
    assert drawn.best_line == f"{drawn.points[2].x},{drawn.points[2].y}"


def test_a_smaller_model_is_compared_with_the_one_before_record_by_record(
    source: TrainingRun, alice: User
) -> None:
    model_rows.smaller_run(source, alice, "brief", {"Q4_K": POOR})
    assert compare(artifact("notes"), artifact("brief-q4_k")).rows == 24


def test_an_erased_record_leaves_the_measurements_too(source: TrainingRun, alice: User) -> None:
    run = model_rows.smaller_run(source, alice, "brief", {"Q6_K": GOOD, "Q4_K": GOOD})
    erase_from_folder(run, {"R-000003"})
    for path in artifact_folder(run, "measure").glob("*.json"):
        kept = json.loads(path.read_text())
        assert "R-000003" not in [*kept["per_row"]["ids"], *(sample["id"] for sample in kept["samples"])]


def page(client: Client, run: TrainingRun) -> str:
    response = client.get(reverse("training:sizes", args=[run.uuid]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_shows_every_size_and_what_may_not_be_deployed(
    source: TrainingRun, alice: User, clinician: User, client_for: ClientFor
) -> None:
    assert "One size so far" in page(client_for(alice), source)
    run = model_rows.smaller_run(source, alice, "brief", {"Q6_K": GOOD, "Q4_K": POOR})
    content = page(client_for(alice), source)
    assert "<h1>Sizes of notes</h1>" in page(client_for(alice), run), "the same page from either run"
    assert content.count("<circle") == 3
    assert content.count("Cannot be deployed.") == 1
    assert "301 MB" in content
    assert 'name="types"' in content
    assert 'name="types"' not in page(client_for(clinician), source)


def test_it_is_started_from_the_page_and_a_wrong_choice_is_told(
    source: TrainingRun, alice: User, client_for: ClientFor
) -> None:
    url = reverse("training:start_smaller", args=[source.uuid])
    asked = {"cut": "light", "types": ["Q5_K"], "mixed_like": "", "most_lost": "1.5", "name": "notes"}
    refused = client_for(alice).post(url, asked)
    assert refused.status_code == 400
    assert "There is a run named notes already" in refused.content.decode()
    response = client_for(alice).post(url, {**asked, "name": "notes-light"})
    run = TrainingRun.objects.get(name="notes-light")
    assert response["Location"] == reverse("training:run", args=[run.uuid])
    assert names_of(run) == ["prune", "distill", "importance", "quantize", "measure"]
    assert smaller.smaller_options(run) == SmallerOptions(
        cut="light", types=("Q5_K",), mixed_like="", most_lost=1.5
    )
    assert "notes-light</a> is being made" in page(client_for(alice), source)


def test_the_pages_of_a_smaller_run_and_its_model_work(
    source: TrainingRun, alice: User, client_for: ClientFor
) -> None:
    run = model_rows.smaller_run(source, alice, "brief", {"Q4_K": POOR})
    client = client_for(alice)
    content = client.get(reverse("training:run", args=[run.uuid])).content.decode()
    assert "It makes" in content
    assert "All sizes, side by side" in content
    assert "How it learns" not in content
    model = client.get(reverse("training:artifact", args=[artifact("brief-q4_k").uuid])).content.decode()
    assert "It lost" in model
    assert "Deploy it" not in model
    assert client.get(reverse("training:run_curve", args=[run.uuid])).json()["points"] == []
    assert client.get(reverse("training:run_tokens", args=[run.uuid])).status_code == 200
