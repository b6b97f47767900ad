"""A candidate answers beside the deployed model: in the background, for administrators' eyes, and at nobody's cost."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from stub_engine import StubEngine, serve_too
from traces import files_holding, rows_holding
from written import summarize_text

from accounts.models import User
from audit.models import AuditEntry
from summaries import admission, shadows
from summaries.deployments import NotDeployable, current_deployment, deploy, point_engine, roll_back
from summaries.engine import EngineClient
from summaries.models import Shadow, ShadowAnswer, Summary
from tests.jobs.running_engine import running_engine, wait_for
from tests.jobs.tiny_gguf import write_tiny_gguf
from training.models import ModelArtifact
from training.services.folders import artifact_path

ClientFor = Callable[[User], Client]
CommitCallbacks = Callable[..., Any]
TEXT = "Zebulon Quarrington has had chest pain since Tuesday. He takes metoprolol 25 mg twice a day."
Status = ShadowAnswer.Status


def summarize(user: User, **more: Any) -> Summary:
    return summarize_text(clinic=user.membership.clinic, text=TEXT, user=user, **more).summary


def test_the_candidate_is_asked_the_same_after_the_summary_was_shown(
    shadow: Shadow,
    engine: StubEngine,
    clinician: User,
    sent: list[tuple[str, str]],
    own_var: Path,
    django_capture_on_commit_callbacks: CommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        summary = summarize(clinician, section="Assessment")
    assert len(engine.received) == 1
    assert sent == [("answer_next_of_shadow", str(shadow.uuid))]
    engine.answer = "[NAME_1] has stomach pain. He takes metoprolol 250 mg."
    shadows.answer_next(str(shadow.uuid))
    shown, beside = engine.received
    assert json.loads(shown) == json.loads(beside)
    answer = ShadowAnswer.objects.get()
    assert (answer.status, answer.summary) == (Status.SUCCEEDED, summary)
    assert answer.measures["candidate"]["flagged"] > answer.measures["draft"]["flagged"] == 0
    assert answer.measures["candidate"]["unheld_words"] == 2  # "stomach" and 250
    # Neither the record's words nor the answer's stand anywhere in the clear.
    for word in ("Quarrington", "metoprolol", "stomach"):
        assert rows_holding(word) == files_holding(word, own_var) == []


def test_so_many_of_a_hundred_are_asked_about(
    shadow: Shadow, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shadow.objects.update(percent=20)
    for drawn, expected in ((20, 0), (19, 1)):
        monkeypatch.setattr(shadows.random, "randrange", lambda _, drawn=drawn: drawn)
        summarize(clinician)
        assert ShadowAnswer.objects.count() == expected


def test_a_shadow_that_breaks_costs_no_summary(
    shadow: Shadow, clinician: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(TEXT)

    monkeypatch.setattr(shadows, "_put_down", broken)
    assert summarize(clinician) == Summary.objects.get()
    assert "RuntimeError" in caplog.text
    assert "Quarrington" not in caplog.text


def test_it_waits_while_anybody_is_being_answered(
    shadow: Shadow, engine: StubEngine, clinician: User, own_var: Path, settings: Any
) -> None:
    summarize(clinician)
    with ExitStack() as people:
        for _ in range(2):
            people.enter_context(admission.place(own_var / "engine" / "queue", settings.ENGINE_QUEUE))
        shadows.answer_next(str(shadow.uuid))
        assert ShadowAnswer.objects.get().status == Status.QUEUED
    shadows.answer_next(str(shadow.uuid))
    assert ShadowAnswer.objects.get().status == Status.SUCCEEDED


def test_it_stops_as_soon_as_somebody_asks(
    shadow: Shadow, engine: StubEngine, clinician: User, own_var: Path, settings: Any
) -> None:
    summarize(clinician)
    engine.seconds = 20
    gone = threading.Event()

    def somebody() -> None:
        with admission.place(own_var / "engine" / "queue", settings.ENGINE_QUEUE):
            gone.wait(15)

    threading.Timer(0.5, somebody).start()
    started = time.monotonic()
    shadows.answer_next(str(shadow.uuid))
    gone.set()
    assert time.monotonic() - started < 10
    answer = ShadowAnswer.objects.get()
    assert (answer.status, answer.attempts) == (Status.QUEUED, 0)


def test_looking_whether_anybody_waits_takes_nobody_s_place(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            admission.is_idle(tmp_path, 2)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(300):
            with admission.place(tmp_path, 2), admission.place(tmp_path, 2):
                assert not admission.is_idle(tmp_path, 2)
    finally:
        done.set()
        watcher.join()


def test_a_candidate_that_does_not_answer_is_asked_again_and_then_given_up(
    shadow: Shadow, engine: StubEngine, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MOST_ATTEMPTS", 2)
    summarize(clinician)
    engine.refusal = (500, {})
    for expected in (Status.QUEUED, Status.FAILED):
        shadows.answer_next(str(shadow.uuid))
        assert ShadowAnswer.objects.get().status == expected
    assert bytes(ShadowAnswer.objects.get().blob) == b""


def test_what_a_vanished_worker_held_is_asked_again(
    shadow: Shadow,
    clinician: User,
    sent: list[tuple[str, str]],
    django_capture_on_commit_callbacks: CommitCallbacks,
) -> None:
    summarize(clinician)
    past = timezone.now() - timedelta(minutes=10)
    ShadowAnswer.objects.update(status=Status.RUNNING, attempts=1, lease_expires_at=past)
    Shadow.objects.update(nudged_at=past)
    with django_capture_on_commit_callbacks(execute=True):
        shadows.reap()
    assert sent == [("answer_next_of_shadow", str(shadow.uuid))]
    shadows.answer_next(str(shadow.uuid))
    assert ShadowAnswer.objects.get().status == Status.SUCCEEDED


def test_what_may_not_be_deployed_may_not_answer_beside(
    engine: StubEngine,
    artifact: ModelArtifact,
    candidate: ModelArtifact,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(file: ModelArtifact) -> str:
        with pytest.raises(NotDeployable) as caught:
            shadows.start(artifact=file, percent=20, user=admin)
        return str(caught.value)

    assert "answers already" in refused(artifact)
    with monkeypatch.context() as patch:
        patch.setattr(shadows, "free_memory_bytes", lambda: 1)
        assert "too little free memory" in refused(candidate)
    shadows.start(artifact=candidate, percent=20, user=admin)
    assert "Another shadow is running" in refused(candidate)
    model_rows.memory_test(candidate.stage.run, drawn_out=1)
    assert "fewer passes" in refused(candidate)


def test_deploying_anything_ends_the_shadow_and_what_waits_is_cancelled(
    shadow: Shadow, engine: StubEngine, clinician: User, admin: User
) -> None:
    summarize(clinician)
    deploy(artifact=shadow.artifact, user=admin)
    shadow.refresh_from_db()
    assert shadow.ended_at is not None
    answer = ShadowAnswer.objects.get()
    assert (answer.status, bytes(answer.blob)) == (Status.CANCELLED, b"")
    shadows.answer_next(str(shadow.uuid))
    assert len(engine.received) == 1


def test_the_engine_serves_both_until_the_shadow_ends(
    shadow: Shadow, artifact: ModelArtifact, admin: User, own_var: Path
) -> None:
    def told() -> set[str]:
        point_engine()
        deployed = json.loads((own_var / "engine" / "deployed.json").read_text())
        return {model["sha256"] for model in deployed["models"]}

    assert told() == {artifact.sha256, shadow.artifact.sha256}
    shadows.end(shadow=shadow, user=admin)
    assert told() == {artifact.sha256}
    actions = AuditEntry.objects.filter(action__endswith="shadow").values_list("action", flat=True)
    assert sorted(actions) == ["end_shadow", "start_shadow"]


def test_an_administrator_starts_it_reads_it_and_ends_it(
    engine: StubEngine,
    candidate: ModelArtifact,
    admin: User,
    clinician: User,
    client_for: ClientFor,
    own_var: Path,
) -> None:
    client = client_for(admin)
    assert "No model runs as a shadow" in client.get(reverse("summaries:shadow")).content.decode()
    start = reverse("summaries:shadow_start", args=[candidate.uuid])
    refused = client.post(start, {"percent": "0"}, follow=True).content.decode()
    assert "whole number from 1 to 100" in refused
    page = client.post(start, {"percent": "100"}, follow=True).content.decode()
    assert "has not answered yet" in page
    serve_too(own_var, candidate.sha256)
    summarize(clinician)
    engine.answer = "[NAME_1] has stomach pain."
    shadows.answer_next(str(Shadow.objects.get().uuid))
    response = client.get(reverse("summaries:shadow"))
    page = response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert "[NAME_1] has chest pain." in page
    assert "[NAME_1] has stomach pain." in page
    assert "MB are free" in page
    assert AuditEntry.objects.get(action="view_shadow").facts["summaries"] == 1
    ended = client.post(reverse("summaries:shadow_end", args=[Shadow.objects.get().uuid]), follow=True)
    assert "Ended" in ended.content.decode()


def test_one_click_brings_the_model_before_back(
    artifact: ModelArtifact, candidate: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    client = client_for(admin)
    click = reverse("summaries:roll_back")
    deploy(artifact=artifact, user=admin)
    assert "No other model answered before" in client.post(click, follow=True).content.decode()
    deploy(artifact=candidate, user=admin)
    shown = client.get(reverse("training:artifact", args=[candidate.uuid])).content.decode()
    assert click in shown
    assert f"{artifact.name} answers again" in client.post(click, follow=True).content.decode()
    assert current_deployment(artifact.clinic).artifact == artifact  # type: ignore[union-attr]
    assert AuditEntry.objects.get(action="roll_back").subject_id == str(candidate.uuid)


def test_a_model_that_may_not_answer_any_more_does_not_come_back(
    artifact: ModelArtifact, candidate: ModelArtifact, admin: User
) -> None:
    deploy(artifact=artifact, user=admin)
    deploy(artifact=candidate, user=admin)
    artifact_path(artifact).unlink()
    with pytest.raises(NotDeployable, match="cannot answer again"):
        roll_back(clinic=artifact.clinic, user=admin)
    model_rows.memory_test(artifact.stage.run, drawn_out=1)
    with pytest.raises(NotDeployable, match="fewer passes"):
        roll_back(clinic=artifact.clinic, user=admin)
    assert AuditEntry.objects.get(action="roll_back").outcome == "DENY"
    assert current_deployment(artifact.clinic).artifact == candidate  # type: ignore[union-attr]


def test_after_a_roll_back_the_old_model_answers_within_five_seconds(
    artifact: ModelArtifact,
    candidate: ModelArtifact,
    admin: User,
    own_var: Path,
    django_capture_on_commit_callbacks: CommitCallbacks,
) -> None:
    for seed, file in enumerate((artifact, candidate), start=1):
        path = write_tiny_gguf(artifact_path(file), seed=seed)
        file.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        file.save()
    client = EngineClient(own_var)
    hello = [{"role": "user", "content": "hello"}]
    with running_engine(own_var) as engine:
        for file in (artifact, candidate):
            with django_capture_on_commit_callbacks(execute=True):
                deploy(artifact=file, user=admin)
            engine.wait_for_models(file.sha256)
        answers = {"new": client.summarize(candidate.sha256, hello, max_new_tokens=8).text}
        started = time.monotonic()
        with django_capture_on_commit_callbacks(execute=True):
            roll_back(clinic=artifact.clinic, user=admin)
        answers["old"] = client.summarize(artifact.sha256, hello, max_new_tokens=8).text
        assert time.monotonic() - started < 5
        assert answers["old"] != answers["new"]
        wait_for(lambda: set(engine.live()["models"]) == {artifact.sha256})
