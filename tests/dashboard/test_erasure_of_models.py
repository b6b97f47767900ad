"""What was made of an erased record is revoked: datasets, runs, models, and the model that answers."""

import json
from pathlib import Path

import model_rows
import pytest

from accounts.models import Clinic, User
from audit.models import AuditEntry
from dashboard.services import erasure
from dashboard.services.erasure import ServingModel
from records.models import (
    DatasetProposal,
    Record,
    Revocation,
)
from records.services import datasets, proposals
from summaries import deployments
from summaries.models import Deployment, Shadow
from tests.dashboard.erasing import THINGS, erase, in_split, shadow_of
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.folders import stage_folder
from training.services.revoked import is_revoked

pytestmark = pytest.mark.django_db


def test_a_dataset_that_held_it_is_revoked_and_trains_nothing(
    run: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    record, counts = in_split("train"), (run.dataset.train_count, run.dataset.content_hash)
    erase([record], officer)
    run.dataset.refresh_from_db()
    assert (run.dataset.train_count, run.dataset.content_hash) == counts
    revocation = Revocation.objects.get()
    assert (revocation.dataset, revocation.record, revocation.split) == (run.dataset, record, "train")
    with pytest.raises(datasets.DatasetRevoked):
        list(datasets.rows_of(run.dataset))
    run.refresh_from_db()
    assert run.status == "cancelled"
    with pytest.raises(runs.RunRefused, match="erased"):
        runs.retry_run(run=run, user=alice)
    with pytest.raises(runs.RunRefused, match="erased"):
        runs.start_run(
            clinic=clinic,
            user=alice,
            name="second",
            dataset=run.dataset,
            base=model_rows.BASE,
            options=RunOptions(),
        )


def test_a_new_dataset_leaves_it_out(run: TrainingRun, officer: User, clinic: Clinic) -> None:
    record = in_split("train")
    erase([record], officer)
    again = datasets.freeze_dataset(clinic=clinic, name="winter", user=officer, attestation="a test")
    labels = {row["id"] for row in datasets.rows_of(again)}
    assert len(labels) == len(THINGS) - 1
    assert record.label not in labels


def test_models_that_learned_from_it_are_not_deployed_any_more(
    finished: TrainingRun, officer: User, alice: User
) -> None:
    erase([in_split("train")], officer)
    artifacts = ModelArtifact.objects.filter(stage__run=finished)
    assert len(artifacts) == 3
    assert all(map(is_revoked, artifacts))
    with pytest.raises(deployments.NotDeployable, match="erased"):
        deployments.deploy(artifact=model_rows.model_of(finished), user=alice)


def test_models_that_were_only_measured_with_it_stay(
    finished: TrainingRun, officer: User, alice: User
) -> None:
    record = in_split("test")
    erase([record], officer)
    assert finished.dataset.revocations.get().split == "test"
    assert deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    stored = json.loads(
        next(Path(stage_folder(finished.stages.get(name="evaluate"))).rglob("evaluation.json")).read_text()
    )
    assert record.label not in {sample["id"] for sample in stored["samples"]}
    assert len(stored["samples"]) == len(THINGS) - 1


def test_a_deployed_model_that_learned_from_it_needs_a_decision(
    finished: TrainingRun, officer: User, alice: User
) -> None:
    deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record = in_split("train")
    with pytest.raises(erasure.ChoiceNeeded):
        erasure.erase_records(records=[record], user=officer)
    assert Record.objects.get(pk=record.pk).status == Record.Status.APPROVED


@pytest.mark.parametrize(
    ("choice", "open_deployments"), [(ServingModel.STAND_DOWN, 0), (ServingModel.KEEP, 1)]
)
def test_the_decision_about_the_deployed_model_is_carried_out_and_written_down(
    finished: TrainingRun,
    officer: User,
    alice: User,
    clinic: Clinic,
    choice: ServingModel,
    open_deployments: int,
) -> None:
    deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    erase([in_split("train")], officer, choice)
    assert Deployment.objects.filter(clinic=clinic, closed_at=None).count() == open_deployments
    action = "keep_revoked_model" if open_deployments else "stand_down"
    assert AuditEntry.objects.filter(clinic=clinic, action=action, actor=officer).exists()


def test_the_model_before_takes_over_unless_it_learned_from_it_too(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    adapter = ModelArtifact.objects.get(name=f"{finished.name}-adapter")
    older = datasets.freeze_dataset(
        clinic=clinic,
        name="older",
        user=alice,
        attestation="a test",
        records=list(Record.objects.exclude(pk=in_split("train").pk)),
    )
    before = TrainingRun.objects.create(
        clinic=clinic, name="before", dataset=older, base=model_rows.BASE, started_by=alice
    )
    stage = RunStage.objects.create(run=before, number=2, name="quantize")
    model = model_rows.model_of(finished)
    former = ModelArtifact.objects.create(
        clinic=clinic, name="before", kind="gguf", stage=stage, path=model.path, sha256=model.sha256, bytes=1
    )
    assert adapter is not None
    for artifact in (former, model):
        deployments.deploy(artifact=artifact, user=alice)
    erase([in_split("train")], officer, ServingModel.STAND_DOWN)
    deployment = deployments.current_deployment(clinic)
    assert deployment is not None
    assert deployment.artifact == former


def test_a_candidate_that_learned_from_it_is_asked_no_more(
    finished: TrainingRun, officer: User, alice: User
) -> None:
    beside = shadow_of(deployments.deploy(artifact=model_rows.model_of(finished), user=alice), alice)
    erase([in_split("test")], officer)
    assert Shadow.objects.get(pk=beside.pk).ended_at is None
    erase([in_split("train")], officer, ServingModel.KEEP)
    assert Shadow.objects.get(pk=beside.pk).ended_at is not None


def test_signatures_for_a_proposal_that_held_it_do_not_count_any_more(
    records: list[Record], officer: User, alice: User, clinic: Clinic
) -> None:
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="winter")
    proposals.sign_proposal(proposal=proposal, signer=officer)
    erase(records[:1], officer)
    with pytest.raises(proposals.ProposalRefused):
        proposals.sign_proposal(proposal=proposal, signer=alice)
    assert DatasetProposal.objects.get().status == "open"
