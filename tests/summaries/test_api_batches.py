"""Many texts at once: handed in, written by the worker one after the other, fetched with a poll."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import ApiToken, Scope, User
from audit import staff
from audit.models import AuditEntry
from jobs.decoding import CAREFUL_DRAFTS, PARAMETERS
from summaries import batches, leases
from summaries.models import BatchItem, Summary, SummaryBatch
from tests.summaries.conftest import IssueKey

URL = "/api/v1/summaries/batches"
TEXTS = [f"Zebulon Quarrington, SSN 521-44-9832, has had chest pain for {days} days." for days in (2, 3, 4)]


def ask(method: str, key: str, path: str = "", body: Any = None, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {key}", **headers}
    content = json.dumps(body) if body is not None else ""
    return Client().generic(method, f"{URL}{path}", content, content_type="application/json", headers=sent)


def hand_in(key: str, **body: Any) -> Any:
    return ask("POST", key, body={"texts": TEXTS, **body})


def work(sent: list[tuple[str, str]]) -> None:
    """What the worker does with the messages that were sent, and with those it sends itself."""
    while sent:
        task, identifier = sent.pop(0)
        assert task == "write_next_of_batch"
        batches.write_next(identifier)


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def only_ours(engine: StubEngine, sent: list[tuple[str, str]]) -> None:
    """Not the messages of the run that made the model."""
    sent.clear()


def test_texts_are_handed_in_and_their_summaries_fetched(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]], own_var: Path
) -> None:
    key = issue_key()
    taken = hand_in(key, section="Impression", style="one-liner")
    assert taken.status_code == 202
    identifier = taken.json()["id"]
    assert taken.json()["placeholders"][0]["[NAME_1]"] == "Zebulon Quarrington"
    assert sent == [("write_next_of_batch", identifier)]
    waiting = ask("GET", key, f"/{identifier}")
    assert waiting.json()["counts"] == {"queued": 3}
    assert int(waiting["Retry-After"]) > 0
    work(sent)
    done = ask("GET", key, f"/{identifier}")
    assert done.json()["is_finished"]
    assert "Retry-After" not in done
    items = done.json()["items"]
    assert [item["number"] for item in items] == [1, 2, 3]
    assert {item["summary"]["summary"] for item in items} == {"[NAME_1] has chest pain."}
    assert {item["summary"]["style"] for item in items} == {"one-liner"}
    assert Summary.objects.count() == 3
    for word in ("Quarrington", "521-44-9832"):
        assert rows_holding(word) == []
        assert files_holding(word, own_var) == []
        assert word not in "".join(engine.received)
    assert AuditEntry.objects.filter(action="summarize").count() == 3


def test_without_the_scope_real_values_are_told_nowhere(engine: StubEngine, issue_key: IssueKey) -> None:
    assert hand_in(issue_key(Scope.BATCH)).json()["placeholders"] == []
    assert hand_in(issue_key(Scope.SUMMARIZE)).status_code == 403


def test_one_bad_text_and_none_is_taken(engine: StubEngine, issue_key: IssueKey) -> None:
    assert hand_in(issue_key(), texts=["fine", " "]).status_code == 400
    assert hand_in(issue_key(), texts=[]).status_code == 422
    assert hand_in(issue_key(), texts=["x"] * 101).status_code == 422
    assert not SummaryBatch.objects.exists()


def test_another_key_s_batch_is_not_there(engine: StubEngine, issue_key: IssueKey) -> None:
    identifier = hand_in(issue_key()).json()["id"]
    for method in ("GET", "DELETE"):
        assert ask(method, issue_key(), f"/{identifier}").status_code == 404
    assert BatchItem.objects.filter(status="queued").count() == 3


def test_the_same_batch_again_is_the_same_batch(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    key = issue_key()
    answers = [
        ask("POST", key, body={"texts": TEXTS}, **{"Idempotency-Key": "night"}).json() for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert SummaryBatch.objects.count() == 1
    assert len(sent) == 1


def test_what_still_waits_can_be_cancelled(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    key = issue_key()
    identifier = hand_in(key).json()["id"]
    batches.write_next(identifier)
    answer = ask("DELETE", key, f"/{identifier}").json()
    assert answer["counts"] == {"succeeded": 1, "cancelled": 2}
    assert answer["is_finished"]
    work(sent)
    assert Summary.objects.count() == 1


def test_two_workers_write_nothing_twice(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    identifier = hand_in(issue_key()).json()["id"]
    for _ in range(8):
        batches.write_next(identifier)
    assert Summary.objects.count() == len(engine.received) == 3


def test_a_vanished_worker_s_text_is_written_by_the_next(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    hand_in(issue_key())
    sent.clear()
    first = BatchItem.objects.first()
    assert first is not None
    past = timezone.now() - timedelta(seconds=1)
    BatchItem.objects.filter(pk=first.pk).update(status="running", attempts=1, lease_expires_at=past)
    SummaryBatch.objects.update(nudged_at=timezone.now() - timedelta(minutes=2))
    batches.reap()
    assert len(sent) == 1
    work(sent)
    assert set(BatchItem.objects.values_list("status", flat=True)) == {"succeeded"}


def test_a_worker_that_was_thought_lost_changes_nothing_when_it_comes_back(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    batch = SummaryBatch.objects.get(uuid=hand_in(issue_key()).json()["id"])
    stale = leases.claim(batch.items.all())
    assert stale is not None
    BatchItem.objects.filter(pk=stale.pk).update(attempts=2)
    batches._settle(stale, BatchItem.Status.FAILED, error="too late")
    assert BatchItem.objects.get(pk=stale.pk).status == "running"


def test_a_summary_whose_worker_died_before_it_said_so_is_not_written_again(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    identifier = hand_in(issue_key(), texts=TEXTS[:1]).json()["id"]
    batches.write_next(identifier)
    item = BatchItem.objects.get()
    BatchItem.objects.update(status="queued", summary=None)
    batches.write_next(identifier)
    assert Summary.objects.count() == len(engine.received) == 1
    assert BatchItem.objects.get().summary == item.summary


def test_an_engine_that_is_away_is_waited_for_and_not_for_ever(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    key = issue_key()
    identifier = hand_in(key, texts=TEXTS[:1]).json()["id"]
    engine.refusal = (500, {})
    batches.write_next(identifier)
    assert BatchItem.objects.get().status == "queued"
    for _ in range(leases.MOST_ATTEMPTS):
        batches.write_next(identifier)
    item = ask("GET", key, f"/{identifier}").json()["items"][0]
    assert item["status"] == "failed"
    assert item["error"]


def test_a_text_too_long_fails_alone(engine: StubEngine, issue_key: IssueKey) -> None:
    identifier = hand_in(issue_key()).json()["id"]
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
    engine.refusal = (400, {"error": error})
    batches.write_next(identifier)
    engine.refusal = None
    batches.write_next(identifier)
    batches.write_next(identifier)
    assert list(BatchItem.objects.values_list("status", flat=True)) == ["failed", "succeeded", "succeeded"]


def test_a_key_that_was_revoked_writes_no_more(engine: StubEngine, issue_key: IssueKey, admin: User) -> None:
    identifier = hand_in(issue_key()).json()["id"]
    staff.revoke_token(token=ApiToken.objects.get(), by=admin)
    batches.write_next(identifier)
    assert engine.received == []


def test_a_text_that_was_exchanged_in_the_database_is_not_told_to_the_model(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    from records.store import SealBroken

    identifier = hand_in(issue_key()).json()["id"]
    BatchItem.objects.update(source_seal="b" * 64)
    with pytest.raises(SealBroken):
        batches.write_next(identifier)
    assert engine.received == []


def test_a_batch_of_the_night_may_take_care(
    engine: StubEngine, issue_key: IssueKey, sent: list[tuple[str, str]]
) -> None:
    engine.answer = "[NAME_1] has chest pain."
    engine.drafts = {int(PARAMETERS["seed"]): "[NAME_1] has a broken arm."}
    key = issue_key()
    identifier = hand_in(key, careful=True).json()["id"]
    work(sent)
    items = ask("GET", key, f"/{identifier}").json()["items"]
    assert {each["summary"]["summary_deidentified"] for each in items} == {engine.answer}
    assert len(engine.received) == CAREFUL_DRAFTS * len(TEXTS)
