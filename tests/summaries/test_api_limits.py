"""What a key may do and how often; the same request twice; more requests than the queue holds."""

import json
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import ApiToken, Clinic, Scope, User
from accounts.tokens import seconds_to_wait
from audit import staff
from summaries import admission, idempotency
from summaries.models import IdempotentAnswer, Summary
from tests.summaries.conftest import IssueKey

TEXT = "Zebulon Quarrington, SSN 521-44-9832, has had chest pain since Tuesday."
ANSWER = "Zebulon Quarrington has chest pain."


def ask(key: str, text: str = TEXT, idempotency_key: str = "", **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    headers |= {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    content = json.dumps({"text": text, **body})
    return Client().post("/api/v1/summaries", content, content_type="application/json", headers=headers)


def test_a_key_without_the_scope_is_refused(engine: StubEngine, issue_key: IssueKey) -> None:
    response = ask(issue_key(Scope.BATCH))
    assert response.status_code == 403
    assert "summarize" in response.json()["error"]
    assert engine.received == []


def test_a_key_that_asks_too_often_is_told_when_to_come_back(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key(requests_per_minute=2)
    assert [ask(key).status_code for _ in range(3)] == [200, 200, 429]
    response = ask(key)
    assert 1 <= int(response["Retry-After"]) <= 30
    assert Summary.objects.count() == 2


def test_an_allowance_is_refilled_evenly(clinic: Clinic, admin: User) -> None:
    token, _ = staff.issue_token(clinic=clinic, name="EHR", by=admin, requests_per_minute=6)
    assert [seconds_to_wait(token) for _ in range(7)] == [0] * 6 + [10]
    ApiToken.objects.update(spent_until=timezone.now() + timedelta(seconds=49))
    assert [seconds_to_wait(token) for _ in range(2)] == [0, 9]


def test_one_key_does_not_use_up_another_s_allowance(engine: StubEngine, issue_key: IssueKey) -> None:
    first, second = issue_key(requests_per_minute=1), issue_key(requests_per_minute=1)
    assert [ask(first).status_code, ask(first).status_code, ask(second).status_code] == [200, 429, 200]


def test_the_same_request_again_is_not_written_again(
    engine: StubEngine, issue_key: IssueKey, own_var: Path
) -> None:
    key = issue_key()
    first, again = ask(key, idempotency_key="note-1"), ask(key, idempotency_key="note-1")
    assert again.json() == first.json()
    assert again.json()["summary"] == ANSWER
    assert len(engine.received) == Summary.objects.count() == 1
    assert rows_holding("Quarrington") == []
    assert files_holding("Quarrington", own_var) == []


def test_a_stream_can_be_asked_for_again(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key()
    last = [
        b"".join(ask(key, idempotency_key="note-1", stream=True).streaming_content).split(b"event: ")[-1]
        for _ in range(2)
    ]
    assert last[0] == last[1]
    assert Summary.objects.count() == 1


def test_the_same_key_with_another_request_is_refused(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key()
    assert ask(key, idempotency_key="note-1").status_code == 200
    response = ask(key, "Another text.", idempotency_key="note-1")
    assert response.status_code == 409
    assert Summary.objects.count() == 1


def test_two_programs_may_choose_the_same_key(engine: StubEngine, issue_key: IssueKey) -> None:
    assert ask(issue_key(), idempotency_key="1").status_code == 200
    assert ask(issue_key(), "Another text.", idempotency_key="1").status_code == 200


def test_a_request_under_way_is_not_begun_a_second_time(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key()
    body = json.dumps({"text": TEXT}).encode()
    held = idempotency.begin(token=ApiToken.objects.get(), key="note-1", request=body)
    response = ask(key, idempotency_key="note-1")
    assert response.status_code == 409
    assert int(response["Retry-After"]) > 0
    # What began and was lost with its process does not stand in the way for ever.
    IdempotentAnswer.objects.update(created_at=timezone.now() - idempotency.LOST)
    assert ask(key, idempotency_key="note-1").status_code == 200
    assert not IdempotentAnswer.objects.filter(pk=held.pk).exists()


def test_a_request_that_failed_may_be_tried_again(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key()
    engine.refusal = (500, {})
    assert ask(key, idempotency_key="note-1").status_code == 503
    engine.refusal = None
    assert ask(key, idempotency_key="note-1").json()["summary"] == ANSWER


def test_answers_are_forgotten_after_a_day(engine: StubEngine, issue_key: IssueKey) -> None:
    key = issue_key()
    ask(key, idempotency_key="note-1")
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    idempotency.forget_old()
    assert not IdempotentAnswer.objects.exists()
    assert ask(key, "Another text.", idempotency_key="note-1").status_code == 200


def test_a_full_queue_asks_for_patience(engine: StubEngine, issue_key: IssueKey, settings: Any) -> None:
    settings.ENGINE_QUEUE = 1
    with admission.place(settings.VAR / "engine" / "queue", 1):
        response = ask(issue_key())
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert engine.received == []
    assert ask(issue_key()).status_code == 200


def test_places_are_given_back_and_never_given_twice(tmp_path: Path) -> None:
    inside, most = 0, 0
    lock, barrier = threading.Lock(), threading.Barrier(12)

    def enter() -> None:
        nonlocal inside, most
        barrier.wait()
        for _ in range(20):
            with suppress(admission.QueueFull), admission.place(tmp_path, 3):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 3
    with (
        admission.place(tmp_path, 2),
        admission.place(tmp_path, 2),
        pytest.raises(admission.QueueFull),
        admission.place(tmp_path, 2),
    ):
        pytest.fail("a third place of two")
