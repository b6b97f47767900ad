"""A summary as it is written: pieces, placeholders in parts, and what becomes of it when the caller hangs up."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import Scope
from audit.models import AuditEntry
from jobs.model_server import temporary_server
from summaries.engine import Cancellation, EngineCancelled, EngineClient, Prompt
from summaries.models import Summary
from summaries.restoring import restored
from tests.jobs.running_engine import use_one_core
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.summaries.conftest import IssueKey

TEXT = "Zebulon Quarrington, SSN 521-44-9832, has had chest pain since Tuesday."


def ask(key: str, **more: Any) -> Any:
    body = json.dumps({"text": TEXT, "stream": True})
    headers = {"Authorization": f"Bearer {key}"}
    return Client(raise_request_exception=False).post(
        "/api/v1/summaries", body, content_type="application/json", headers=headers, **more
    )


def events(response: Any) -> list[tuple[str, Any]]:
    blocks = b"".join(response.streaming_content).decode().strip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_the_pieces_are_the_summary_with_real_values(engine: StubEngine, issue_key: IssueKey) -> None:
    response = ask(issue_key())
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    *pieces, (last, answer) = events(response)
    assert {name for name, _ in pieces} == {"piece"}
    assert len(pieces) > 3
    assert "".join(piece["text"] for _, piece in pieces) == "Zebulon Quarrington has chest pain."
    assert last == "summary"
    assert answer["summary"] == "Zebulon Quarrington has chest pain."
    assert answer["id"] == str(Summary.objects.get().uuid)
    assert "Quarrington" not in engine.received[0]


def test_a_key_without_real_values_gets_placeholders(engine: StubEngine, issue_key: IssueKey) -> None:
    *pieces, (_, answer) = events(ask(issue_key(Scope.SUMMARIZE)))
    assert "".join(piece["text"] for _, piece in pieces) == "[NAME_1] has chest pain."
    assert answer["summary"] == "[NAME_1] has chest pain."
    assert "Quarrington" not in json.dumps([*pieces, answer])


def test_what_fails_before_the_first_piece_has_its_status(engine: StubEngine, issue_key: IssueKey) -> None:
    engine.refusal = (500, {})
    response = ask(issue_key())
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


def test_what_fails_later_ends_the_stream_with_an_error(engine: StubEngine, issue_key: IssueKey) -> None:
    engine.breaks_off = True
    *pieces, (last, answer) = events(ask(issue_key()))
    assert pieces
    assert last == "error"
    assert set(answer) == {"error", "what_to_do"}
    assert not Summary.objects.exists()


@pytest.mark.django_db(transaction=True)  # closing the answer closes the connection
def test_a_caller_who_stops_reading_leaves_no_summary_but_an_audit_entry(
    engine: StubEngine, issue_key: IssueKey, own_var: Path
) -> None:
    response = ask(issue_key())
    next(iter(response.streaming_content))
    response.close()
    assert not Summary.objects.exists()
    assert AuditEntry.objects.filter(action="cancel_summary").count() == 1
    assert rows_holding("Quarrington") == []
    assert files_holding("Quarrington", own_var) == []


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_ends_the_engines_work(
    engine: StubEngine, issue_key: IssueKey, stream: bool
) -> None:
    engine.seconds = 30
    ours, theirs = socket.socketpair()
    theirs.close()
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {issue_key()}"}
    body = json.dumps({"text": TEXT, "stream": stream})
    response = Client(raise_request_exception=False).post(
        "/api/v1/summaries",
        body,
        content_type="application/json",
        headers=headers,
        **{"gunicorn.socket": ours},  # type: ignore[arg-type]
    )
    assert response.status_code == 499
    assert time.monotonic() - started < 20
    assert AuditEntry.objects.filter(action="cancel_summary").count() == 1
    ours.close()


@pytest.fixture
def one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    use_one_core()
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.usefixtures("one_core")
def test_a_cancelled_request_frees_the_real_engine(tmp_path: Path) -> None:
    """A long answer is cancelled after its first piece: no slot is at work soon after."""
    model = write_tiny_gguf(tmp_path / "model.gguf", seed=1)
    with temporary_server(model, var=tmp_path) as address:
        client = EngineClient.at(*address)
        cancellation = Cancellation()
        pieces = client.stream("", Prompt([{"role": "user", "content": "hello"}], 3500), cancellation)
        next(pieces)
        cancellation.cancel()
        with pytest.raises(EngineCancelled):
            list(pieces)
        end = time.monotonic() + 10
        while any(slot["is_processing"] for slot in _slots(*address)):
            assert time.monotonic() < end, "the engine goes on"
            time.sleep(0.05)


def _slots(port: int, key: str) -> Any:
    answer = httpx.get(
        f"http://127.0.0.1:{port}/slots", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    )
    return answer.json()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_placeholders_in_parts_are_put_together(size: int) -> None:
    text = "[NAME_1] saw [NAME_2], [NOBODY_1] [a] [NAME [DATE_12][NAME_1"
    originals = {"[NAME_1]": "Ann", "[NAME_2]": "Bo", "[DATE_12]": "May 3"}
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join(restored(pieces, originals)) == "Ann saw Bo, [NOBODY_1] [a] [NAME May 3[NAME_1"


def test_text_without_a_placeholder_is_not_held_back() -> None:
    assert list(restored(["No ", "[fever", " or pain", "."], {})) == ["No ", "[fever", " or pain", "."]
