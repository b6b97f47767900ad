"""An erased record is gone: from the database, from every file, and from what may still be trained or served."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry
from config import vault
from config.keys import derive
from dashboard.services import erasure
from dashboard.services.erasure import ServingModel
from dashboard.services.lineage import patient_records
from jobs.rundir import RunDir
from privacy.seal import seal
from records import store
from records.models import (
    DatasetItem,
    DatasetProposal,
    Record,
    RecordBand,
    Redaction,
    Revocation,
    ScrubbedText,
)
from records.readers import Row
from records.services import datasets, proposals, retention, review, scrubbing, uploads
from summaries import deployments, reviewing, shadows
from summaries.corrections import hand_on
from summaries.models import Deployment, Shadow, ShadowAnswer, Summary, SummaryReview
from tests.traces import files_holding, rows_holding
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.erasure import is_revoked
from training.services.folders import rows_path, stage_folder
from training.services.plan import plan_stage

pytestmark = pytest.mark.django_db

THINGS = ["cinnamon", "lantern", "pebble", "harbor", "velvet", "walnut"]
NOTE = (
    "Patient Mary Ellsworth, SSN 521-44-9832, keeps {} at home and has had chest pain for {} days. No fever."
)


@pytest.fixture
def records(clinic: Clinic, officer: User) -> list[Record]:
    """Reviewed records, each with a word of its own; the first two are of one patient."""
    rows = [
        Row(days, NOTE.format(thing, days), f"Chest pain, {thing}.", patient="P1" if days < 2 else f"P{days}")
        for days, thing in enumerate(THINGS)
    ]
    made = uploads.import_rows(clinic=clinic, user=officer, rows=rows).records
    for record in made:
        scrubbing.scrub_record(record=record)
    review.approve_records(clinic=clinic, records=made, reviewer=officer, reason="a test")
    return [Record.objects.select_related("clinic").get(pk=record.pk) for record in made]


@pytest.fixture
def run(clinic: Clinic, alice: User, records: list[Record], settings: Any, own_var: Path) -> TrainingRun:
    """A finished run on all of them, with rows, tokens, and an evaluation whose samples quote each record."""
    model_rows.pretend_installed(settings, own_var)
    datasets.freeze_dataset(clinic=clinic, name="autumn", user=alice, attestation="a test")
    run = model_rows.queued_run(clinic, alice)
    plan_stage(run.stages.get(name="prepare"))
    tokens = RunDir(stage_folder(run.stages.get(name="prepare")))
    tokens.artifact.mkdir(parents=True)
    (tokens.artifact / "train.jsonl").write_text('{"prompt": [1, 2, 3]}')
    tokens.log.write_text("a library quoted: lantern")
    return run


@pytest.fixture
def finished(clinic: Clinic, alice: User, run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    samples = [
        {
            **model_rows.EVALUATION["samples"][0],
            "id": record.label,
            "source": store.load_original(record).source,
        }
        for record in Record.objects.select_related("clinic")
    ]
    monkeypatch.setitem(model_rows.EVALUATION, "samples", samples)
    model_rows.begin_training(run)
    monkeypatch.setattr(model_rows, "training_run", lambda *_: run)
    return model_rows.finished_run(clinic, alice)


def in_split(split: str) -> Record:
    item = DatasetItem.objects.select_related("scrubbed_text__record__clinic").filter(split=split).first()
    assert item is not None
    return item.scrubbed_text.record


def words_of(record: Record) -> str:
    """The word that only this record holds."""
    return THINGS[record.number - 1]


def erase(records: list[Record], user: User, serving: ServingModel | None = None) -> int:
    """Erase, and do what is done on commit."""
    count = erasure.erase_records(records=records, user=user, serving=serving)
    erasure.finish_erasures()
    return count


def readable(var: Path) -> str:
    """All that can be read with the keys: originals, scrubbed texts and summaries decrypted, other files as they are."""
    texts = []
    for record in Record.objects.select_related("clinic"):
        if store.has_original(record):
            texts.append(repr(store.load_original(record)))
    texts += [
        repr(store.open_scrubbed(text)) for text in ScrubbedText.objects.select_related("record__clinic")
    ]
    for summary in Summary.objects.select_related("clinic"):
        texts.append(
            vault.decrypt(summary.clinic.wrapped_key, f"summary:{summary.uuid}", summary.blob).decode()
        )
        texts += [
            typed.text for edit in summary.edits.all() if (typed := reviewing.edit_of(summary, edit.editor))
        ]
    texts += [
        reviewing.text_of(each)
        for each in SummaryReview.objects.select_related("summary__clinic", "reviewer")
    ]
    texts += [path.read_bytes().decode("latin-1") for path in var.rglob("*") if path.is_file()]
    return "\n".join(texts)


def test_nothing_that_the_keys_open_holds_the_record_s_words_any_more(
    finished: TrainingRun, officer: User, own_var: Path
) -> None:
    record = in_split("train")
    assert readable(own_var).count(words_of(record)) >= 4
    assert erase([record], officer) == 1
    assert words_of(record) not in readable(own_var)
    assert "lantern" not in "".join(str(path.read_bytes()) for path in own_var.rglob("stage.log"))
    assert rows_holding(words_of(record)) == []
    assert files_holding(str(record.uuid), own_var) == []
    assert not list(own_var.rglob(f"*{record.uuid}*"))
    others = list(Record.objects.exclude(pk=record.pk))
    assert all(words_of(other) in readable(own_var) for other in others)


def test_what_stays_is_a_number_that_matches_nothing(
    records: list[Record], officer: User, clinic: Clinic
) -> None:
    before = records[0]
    erase([before], officer)
    after = Record.objects.get(pk=before.pk)
    assert (after.status, after.number, after.uuid) == (Record.Status.ERASED, before.number, before.uuid)
    assert after.erased_at is not None
    assert after.patient_key not in {before.patient_key, records[1].patient_key}
    assert after.fingerprint != before.fingerprint
    assert (after.signature, after.near_duplicate_group, after.word_count, after.kind) == (None, None, 0, "")
    assert not after.has_summary
    for rows in (Redaction, ScrubbedText, RecordBand):
        assert not rows.objects.filter(record=after).exists()  # type: ignore[attr-defined]
    assert log.faults(clinic) == []
    assert AuditEntry.objects.filter(
        action="erase_record", actor=officer, subject_id=str(after.uuid)
    ).exists()


def test_the_same_text_may_come_again_as_another_record(
    records: list[Record], officer: User, clinic: Clinic
) -> None:
    erase(records[:1], officer)
    again = uploads.import_rows(
        clinic=clinic, user=officer, rows=[Row(1, NOTE.format("cinnamon", 0), "Chest pain, cinnamon.")]
    )
    assert again.created == 1
    assert again.records[0].near_duplicate_of is None


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


def shadow_of(deployment: Deployment, user: User) -> Shadow:
    """Another file of the same run, which learned from the same records."""
    other = ModelArtifact.objects.filter(kind="gguf").exclude(pk=deployment.artifact_id).get()
    return shadows.start(artifact=other, percent=100, user=user)


def test_a_candidate_that_learned_from_it_is_asked_no_more(
    finished: TrainingRun, officer: User, alice: User
) -> None:
    beside = shadow_of(deployments.deploy(artifact=model_rows.model_of(finished), user=alice), alice)
    erase([in_split("test")], officer)
    assert Shadow.objects.get(pk=beside.pk).ended_at is None
    erase([in_split("train")], officer, ServingModel.KEEP)
    assert Shadow.objects.get(pk=beside.pk).ended_at is not None


def test_summaries_of_it_go_and_those_of_others_stay(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    beside = shadow_of(deployment, alice)
    for record in Record.objects.all():
        summary = Summary(
            clinic=clinic,
            deployment=deployment,
            author=alice,
            scrubbed_text=review.latest_text(record),
            seconds=1,
            generated_tokens=1,
            source_seal="0" * 64,
        )
        summary.blob = vault.encrypt(clinic.wrapped_key, f"summary:{summary.uuid}", words_of(record).encode())
        summary.save()
        beside.answers.create(summary=summary, blob=summary.blob)
    record = in_split("train")
    erase([record], officer, ServingModel.KEEP)
    assert Summary.objects.count() == ShadowAnswer.objects.count() == len(THINGS) - 1
    assert AuditEntry.objects.get(action="erase_summaries").facts == {"summaries": 1, "reviews": 0}


def corrected(record: Record, user: User, deployment: Deployment) -> SummaryReview:
    """A summary of the record, changed and accepted; one more is being edited."""
    texts = review.latest_text(record)
    reviews = []
    for answer in ("first", "second"):
        summary = Summary(
            clinic=record.clinic,
            deployment=deployment,
            author=user,
            scrubbed_text=texts,
            seconds=1,
            generated_tokens=1,
        )
        source = store.open_scrubbed(texts).source
        summary.source_seal = seal(derive("prompts"), source)
        blob = json.dumps([source, f"The {answer} {words_of(record)}."]).encode()
        summary.blob = vault.encrypt(record.clinic.wrapped_key, f"summary:{summary.uuid}", blob)
        summary.save()
        text = f"The {answer} {words_of(record)}, corrected."
        if answer == "first":
            reviews.append(reviewing.accept(summary=summary, user=user, text=text))
        else:
            reviewing.save_edit(summary=summary, user=user, text=text)
    return reviews[0]


def test_what_people_wrote_about_its_summaries_goes_with_it(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic, own_var: Path
) -> None:
    """Edits and accepted texts, and the record that was made of a correction to train on."""
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, other = in_split("train"), in_split("test")
    for each in (record, other):
        corrected(each, alice, deployment)
    hand_on(clinic=clinic, user=alice)
    for made in Record.objects.filter(corrections__isnull=False).select_related("clinic"):
        scrubbing.scrub_record(record=made)
    plan = erasure.plan_erasure([record])
    assert [each.kind for each in plan.records] == ["", "corrected summary"]
    assert f"{words_of(record)}, corrected" in readable(own_var)
    assert erase([record], officer, ServingModel.KEEP) == 2
    assert words_of(record) not in readable(own_var)
    assert f"{words_of(other)}, corrected" in readable(own_var)
    facts = AuditEntry.objects.filter(action="erase_summaries", subject_id=str(record.uuid)).get().facts
    assert facts == {"summaries": 2, "reviews": 1}
    assert log.faults(clinic) == []


def test_a_record_made_of_a_correction_takes_the_summary_with_it(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    """They say the same; the record that was summarized is another one, of the same patient, and stays."""
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record = in_split("train")
    review_of = corrected(record, alice, deployment)
    hand_on(clinic=clinic, user=alice)
    made = Record.objects.select_related("clinic").get(corrections=review_of)
    scrubbing.scrub_record(record=made)
    assert record in patient_records(made)
    erase([made], officer)
    assert not Summary.objects.filter(pk=review_of.summary_id).exists()
    assert not SummaryReview.objects.exists()
    assert store.has_original(record)


def test_all_of_a_patient_go_at_once(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    client, url = client_for(officer), reverse("dashboard:erase_patient", args=[records[1].uuid])
    page = client.get(url).content.decode()
    assert records[0].label in page
    assert records[2].label not in page
    client.post(url, {"label": records[1].label})
    assert [record.number for record in Record.objects.filter(status="erased")] == [1, 2]


def test_signatures_for_a_proposal_that_held_it_do_not_count_any_more(
    records: list[Record], officer: User, alice: User, clinic: Clinic
) -> None:
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="winter")
    proposals.sign_proposal(proposal=proposal, signer=officer)
    erase(records[:1], officer)
    with pytest.raises(proposals.ProposalRefused):
        proposals.sign_proposal(proposal=proposal, signer=alice)
    assert DatasetProposal.objects.get().status == "open"


def test_a_failure_in_the_middle_erases_nothing(
    finished: TrainingRun, officer: User, own_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(erasure, "stop_runs", broken)
    record = in_split("train")
    with pytest.raises(DatabaseError), transaction.atomic():
        erasure.erase_records(records=[record], user=officer)
    assert Record.objects.get(pk=record.pk).status == Record.Status.APPROVED
    assert readable(own_var).count(words_of(record)) >= 4
    assert rows_path(finished).exists()


def test_files_that_could_not_be_deleted_are_deleted_later_and_only_then_it_is_called_erased(
    finished: TrainingRun, officer: User, own_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    record = in_split("train")
    erasure.erase_records(records=[record], user=officer)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(PermissionError):
            erasure.finish_erasures()
    record.refresh_from_db()
    assert (record.status, record.erased_at) == (Record.Status.ERASED, None)
    erasure.finish_erasures()
    record.refresh_from_db()
    assert record.erased_at is not None
    assert words_of(record) not in readable(own_var)


def test_a_stage_that_still_runs_is_waited_for(run: TrainingRun, officer: User) -> None:
    model_rows.begin_training(run)
    record = in_split("train")
    erase([record], officer)
    record.refresh_from_db()
    assert record.erased_at is None
    stage = run.stages.get(name="train")
    rows_path(run).write_text("written by a stage that had not heard of it")
    RunStage.objects.filter(pk=stage.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=5))
    from training.services import reap

    reap.reap()
    erasure.finish_erasures()
    record.refresh_from_db()
    assert record.erased_at is not None
    assert not rows_path(run).exists()


def test_rows_that_were_read_before_an_erasure_are_not_left_in_a_file(
    run: TrainingRun, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, read = in_split("train"), datasets.rows_of

    def then_erased(dataset: Any) -> Any:
        rows = list(read(dataset))
        erase([record], officer)
        return rows

    monkeypatch.setattr("training.services.row_files.rows_of", then_erased)
    with pytest.raises(datasets.DatasetRevoked):
        plan_stage(run.stages.get(name="prepare"))
    assert not rows_path(run).exists()


def test_erasing_twice_erases_once(records: list[Record], officer: User) -> None:
    assert (erase(records[:1], officer), erase(records[:1], officer)) == (1, 0)
    assert AuditEntry.objects.filter(action="erase_record").count() == 1


def test_a_record_without_its_original_can_be_erased(
    records: list[Record], officer: User, own_var: Path
) -> None:
    Record.objects.update(reviewed_at=timezone.now() - timedelta(days=100))
    retention.apply_retention()
    erase(records[:1], officer)
    assert words_of(records[0]) not in readable(own_var)


def test_the_number_must_be_typed(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    client, url = client_for(officer), reverse("dashboard:erase_record", args=[records[0].uuid])
    for typed in ("", "R-000002", "yes"):
        answer = client.post(url, {"label": typed})
        assert answer.status_code == 400
        assert Record.objects.filter(status="erased").count() == 0
    answer = client.post(url, {"label": " r-000001 "}, follow=True)
    assert "1 record is erased" in answer.content.decode()
    assert Record.objects.filter(status="erased").count() == 1
    assert client.get(url, follow=True).redirect_chain[-1][0].endswith("/lineage/")


def test_the_form_asks_about_the_deployed_model(
    finished: TrainingRun, alice: User, officer: User, clinic: Clinic, client_for: Callable[[User], Client]
) -> None:
    deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, client = in_split("train"), client_for(officer)
    url = reverse("dashboard:erase_record", args=[record.uuid])
    assert "learned from this" in client.get(url).content.decode()
    assert client.post(url, {"label": record.label}).status_code == 400
    client.post(url, {"label": record.label, "serving_model": "keep"})
    artifact = reverse("training:artifact", args=[model_rows.model_of(finished).uuid])
    page = client_for(alice).get(artifact).content.decode()
    assert "Revoked." in page
    assert "still answers" in page
    assert "Revoked" in client.get(reverse("training:artifacts")).content.decode()


def test_the_lineage_page_names_all_that_was_made_of_a_record_before_and_after_its_erasure(
    finished: TrainingRun, alice: User, officer: User, client_for: Callable[[User], Client]
) -> None:
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, client = in_split("train"), client_for(officer)
    links = [
        reverse("records:dataset", args=[finished.dataset.uuid]),
        reverse("training:run", args=[finished.uuid]),
        reverse("training:artifact", args=[deployment.artifact.uuid]),
    ]
    url = reverse("dashboard:lineage", args=[record.uuid])
    assert url in client.get(reverse("records:record", args=[record.uuid])).content.decode()
    page = client.get(url).content.decode()
    assert all(link in page for link in links)
    assert deployment.artifact.sha256[:12] in page
    erase([record], officer, ServingModel.STAND_DOWN)
    page = client.get(url).content.decode()
    assert all(link in page for link in links)
    assert "no word of it is left" in page
    for gone in (reverse("records:record", args=[record.uuid]), reverse("records:list"), links[0], links[1]):
        assert client.get(gone).status_code == 200
    assert "was erased" in client.get(links[0]).content.decode()
