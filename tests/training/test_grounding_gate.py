"""A trained model that surely invents more than clinicians do does not come to answer for a clinic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from summaries.deployments import NotDeployable, current_deployment, deploy
from training.models import ModelArtifact, TrainingRun
from training.options import RunOptions
from training.services import grounded
from training.services.folders import rows_path

ClientFor = Callable[[User], Client]
INVENTED = " A colonoscopy is scheduled for her brother in Norway."
SOUND = model_rows.scored_evaluation(invents=24)
INVENTING = model_rows.scored_evaluation(invents=24, adds=INVENTED)


@pytest.fixture(autouse=True)
def installed(settings: Any, own_var: Path) -> None:
    model_rows.pretend_installed(settings, own_var)


def allow(run: TrainingRun, most_invented: float) -> None:
    run.options = {**run.options, "most_invented": most_invented}
    run.save()


def test_a_model_that_adds_inventions_is_refused_with_the_figures(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=INVENTING)
    found = grounded.grounded_of(run)
    assert found is not None
    assert found.model > found.clinicians + 30
    for file in ModelArtifact.objects.filter(stage__run=run, kind="gguf"):
        with pytest.raises(NotDeployable, match=rf"{found.model:.1f} that the record .* at most 10 may be"):
            deploy(artifact=file, user=admin)
    assert current_deployment(clinic) is None
    denied = AuditEntry.objects.filter(action="deploy", outcome="DENY")
    assert [entry.facts for entry in denied] == [{"reason": "invents too much"}] * 2


def test_a_model_that_invents_no_more_than_clinicians_is_deployed(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=SOUND)
    assert grounded.refusal_of(run) == ""
    assert deploy(artifact=model_rows.model_of(run), user=admin) == current_deployment(clinic)


def test_the_limit_is_the_run_s_own(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=INVENTING)
    allow(run, 100)
    assert grounded.refusal_of(run) == ""
    few = model_rows.finished_run(clinic, admin, "few", model_rows.scored_evaluation(rows=5, adds=INVENTED))
    assert grounded.grounded_of(few) is None, "five records prove nothing"
    with pytest.raises(ValueError, match="0 to 100"):
        RunOptions(most_invented=-1)


def test_what_may_be_chance_bars_nothing(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=INVENTING)
    found = grounded.grounded_of(run)
    assert found is not None
    allow(run, (found.more["low"] + found.more["value"]) / 2)
    assert grounded.refusal_of(run) == ""


def test_a_smaller_file_of_it_is_refused_too(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=INVENTING)
    rows_path(run).write_text("rows")
    model_rows.smaller_run(run, admin, "small", {"Q4_K": INVENTING})
    with pytest.raises(NotDeployable, match="It invents too much"):
        deploy(artifact=ModelArtifact.objects.get(name="small-q4_k"), user=admin)


def test_a_run_is_not_deployed_before_its_evaluation(clinic: Clinic, admin: User) -> None:
    run = model_rows.finished_run(clinic, admin)
    assert grounded.refusal_of(run) == "", "an earlier version kept no scores of each record"
    run.stages.filter(name="evaluate").update(status="running")
    with pytest.raises(NotDeployable, match="Let its run finish first"):
        deploy(artifact=model_rows.model_of(run), user=admin)


@pytest.mark.parametrize(
    ("evaluation", "told", "deployable"),
    [(SOUND, "only what is surely above is not deployed", True), (INVENTING, "surely above the 10", False)],
)
def test_the_page_shows_the_evidence(
    clinic: Clinic,
    admin: User,
    client_for: ClientFor,
    evaluation: dict[str, Any],
    told: str,
    deployable: bool,
) -> None:
    run = model_rows.finished_run(clinic, admin, evaluation=evaluation)
    found = grounded.grounded_of(run)
    assert found is not None
    url = reverse("training:artifact", args=[model_rows.model_of(run).uuid])
    content = client_for(admin).get(url).content.decode()
    assert told in content
    assert f"<strong>{found.model:.1f}</strong>" in content
    assert f"{found.more['low']:.1f} to {found.more['high']:.1f}" in content
    assert ("Deploy it" in content) == deployable
    assert ("Cannot be deployed." in content) != deployable
