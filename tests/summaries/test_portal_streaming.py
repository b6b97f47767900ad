"""The portal's summary while it is written: the first words at once, real names in them, and what ends it early."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import User
from audit.models import AuditEntry
from jobs.decoding import CAREFUL_DRAFTS, PARAMETERS
from records.models import Record
from summaries import admission
from summaries.deployments import deploy
from summaries.models import Summary
from training.models import ModelArtifact

ClientFor = Callable[[User], Client]
TEXT = "Zebulon Quarrington, SSN 521-44-9832, has had chest pain since Tuesday."


def ask(client: Client, text: str = TEXT, **more: Any) -> Any:
    return client.post(reverse("summaries:stream"), {"text": text, **more})


def events(response: Any) -> list[tuple[str, Any]]:
    blocks = response.getvalue().decode().strip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def words_of(told: list[tuple[str, Any]]) -> str:
    return "".join(data["text"] for name, data in told if name == "piece")


def test_words_come_with_real_names_and_then_the_checked_draft(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    response = ask(client_for(clinician))
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert "no-store" in response["Cache-Control"]
    assert "Content-Encoding" not in response
    told = events(response)
    assert words_of(told) == "Zebulon Quarrington has chest pain."
    assert [name for name, _ in told[-2:]] == ["checking", "result"]
    draft = told[-1][1]["html"]
    assert "Zebulon Quarrington</mark> has chest pain." in draft
    assert "Draft: read it against the record" in draft
    assert "<html" not in draft
    assert str(Summary.objects.get(author=clinician).uuid) in draft
    assert "Quarrington" not in engine.received[0]


def test_the_first_words_wait_for_nothing_but_the_model(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.goes_on.clear()
    stream = iter(ask(client_for(clinician)).streaming_content)
    assert b"Zebulon Quarrington" in next(stream), "the engine has written half, and waits"
    assert not Summary.objects.exists()
    engine.goes_on.set()
    assert b"event: result" in list(stream)[-1]


def test_a_record_of_the_list_is_streamed_too(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    record = Record.objects.latest("number")
    told = events(client_for(clinician).post(reverse("summaries:stream"), {"record": record.uuid}))
    assert words_of(told) == "Mary Ellsworth has chest pain."
    assert f"Draft summary of {record.label}" in told[-1][1]["html"]


def test_a_long_record_tells_which_part_is_being_written(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    turns = [f"Patient: The cough was {day} times worse on day {day}." for day in range(300)]
    told = events(ask(client_for(clinician), "\n".join(turns)))
    progress = [data for name, data in told if name == "progress"]
    assert told[0][0] == "progress"
    assert [each["part"] for each in progress] == list(range(1, progress[0]["parts"] + 1))
    assert len(progress) > 1


def test_with_care_no_draft_is_shown_that_may_be_thrown_away(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.drafts = {int(PARAMETERS["seed"]): "[NAME_1] has no pain at all."}
    told = events(ask(client_for(clinician), careful="on"))
    progress = [(data["draft"], data["drafts"]) for name, data in told if name == "progress"]
    assert progress == [(draft, CAREFUL_DRAFTS) for draft in range(2, CAREFUL_DRAFTS + 1)]
    assert words_of(told) == "Zebulon Quarrington has chest pain."
    assert [name for name, _ in told].count("piece") == 1


def test_half_a_problem_list_is_not_shown(engine: StubEngine, clinician: User, client_for: ClientFor) -> None:
    told = events(ask(client_for(clinician), style="problem-list"))
    assert [name for name, _ in told] == ["checking", "result"]
    assert "(active)" in told[-1][1]["html"]


def test_an_engine_that_dies_in_the_middle_says_what_to_do(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.breaks_off = True
    told = events(ask(client_for(clinician)))
    assert words_of(told)
    assert told[-1][0] == "trouble"
    for sentence in ("The engine stopped", "Try again in 5 seconds", "was taken away", "still in the box"):
        assert sentence in told[-1][1]["html"]
    assert not Summary.objects.exists()


def test_a_failure_nobody_foresaw_ends_the_stream_in_words_that_quote_nothing(
    engine: StubEngine,
    clinician: User,
    client_for: ClientFor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(TEXT)

    monkeypatch.setattr("summaries.views.shown", fail)
    told = events(ask(client_for(clinician)))
    assert told[-1][0] == "trouble"
    assert "Precis failed." in told[-1][1]["html"]
    assert "Quarrington" not in told[-1][1]["html"]
    assert "An answer failed. [RuntimeError at " in caplog.text
    assert "Quarrington" not in caplog.text


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"text": " \n"}, "There is no text"), ({"section": "x" * 61}, "at most 60 characters")],
)
def test_what_is_wrong_with_the_form_has_a_status_and_words(
    engine: StubEngine, clinician: User, client_for: ClientFor, asked: dict[str, str], told: str
) -> None:
    response = client_for(clinician).post(reverse("summaries:stream"), {"text": TEXT, **asked})
    assert response.status_code == 400
    ((name, data),) = events(response)
    assert name == "trouble"
    assert told in data["html"]
    assert "was taken away" not in data["html"], "nothing was written yet"
    assert engine.received == []


def test_a_full_queue_is_told_before_anything_is_written(
    engine: StubEngine, clinician: User, client_for: ClientFor, settings: Any, own_var: Path
) -> None:
    settings.ENGINE_QUEUE = 1
    with admission.place(own_var / "engine" / "queue", 1):
        response = ask(client_for(clinician))
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Too many summaries are being written" in events(response)[-1][1]["html"]


def test_an_engine_that_is_away_has_its_status(
    artifact: ModelArtifact, admin: User, clinician: User, client_for: ClientFor
) -> None:
    deploy(artifact=artifact, user=admin)
    response = ask(client_for(clinician))
    assert response.status_code == 503
    assert events(response)[-1][0] == "trouble"


@pytest.mark.django_db(transaction=True)  # closing the answer closes the connection
def test_whoever_leaves_in_the_middle_leaves_an_audit_entry_and_no_text(
    engine: StubEngine, clinician: User, client_for: ClientFor, own_var: Path
) -> None:
    response = ask(client_for(clinician))
    next(iter(response.streaming_content))
    response.close()
    assert not Summary.objects.exists()
    assert AuditEntry.objects.filter(action="cancel_summary", actor=clinician).count() == 1
    assert rows_holding("Quarrington") == []
    assert files_holding("Quarrington", own_var) == []


def test_stopping_ends_the_engines_work(engine: StubEngine, clinician: User, client_for: ClientFor) -> None:
    engine.seconds = 30
    ours, theirs = socket.socketpair()
    theirs.close()
    started = time.monotonic()
    response = client_for(clinician).post(
        reverse("summaries:stream"),
        {"text": TEXT},
        **{"gunicorn.socket": ours},  # type: ignore[arg-type]
    )
    assert response.status_code == 499
    assert time.monotonic() - started < 20
    assert AuditEntry.objects.filter(action="cancel_summary").count() == 1
    ours.close()


def test_a_record_of_another_clinic_is_not_streamed(
    engine: StubEngine, bob: User, client_for: ClientFor
) -> None:
    record = Record.objects.latest("number")
    response = client_for(bob).post(reverse("summaries:stream"), {"record": record.uuid})
    assert response.status_code == 404
    assert engine.received == []
