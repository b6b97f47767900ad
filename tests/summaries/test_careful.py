"""Where care goes before speed, several drafts are written, and the one the others and the record bear out is kept."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine

from accounts.models import User
from jobs.decoding import CAREFUL_DRAFTS, PARAMETERS
from summaries.models import Summary
from tests.summaries.conftest import IssueKey

ClientFor = Callable[[User], Client]
TEXT = "Zebulon Quarrington has had chest pain since Tuesday. He takes metoprolol 25 mg twice a day."
SOUND = "[NAME_1] has chest pain. He takes metoprolol 25 mg twice a day."
WRONG = "[NAME_1] has chest pain. He takes metoprolol 250 mg twice a day."


def ask(key: str, **body: Any) -> Any:
    return Client().post(
        "/api/v1/summaries",
        json.dumps({"text": TEXT, **body}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


@pytest.fixture
def a_wrong_first_draft(engine: StubEngine) -> StubEngine:
    engine.answer, engine.drafts = SOUND, {int(PARAMETERS["seed"]): WRONG}
    return engine


def test_without_care_the_first_draft_is_the_answer(
    a_wrong_first_draft: StubEngine, issue_key: IssueKey
) -> None:
    assert "250 mg" in ask(issue_key()).json()["summary_deidentified"]
    assert len(a_wrong_first_draft.received) == 1


def test_with_care_a_wrong_dose_in_the_first_draft_is_not_kept(
    a_wrong_first_draft: StubEngine, issue_key: IssueKey
) -> None:
    answer = ask(issue_key(), careful=True).json()
    assert answer["summary_deidentified"] == SOUND
    asked = [json.loads(body) for body in a_wrong_first_draft.received]
    assert len({each["seed"] for each in asked}) == len(asked) == CAREFUL_DRAFTS
    assert [each["temperature"] for each in asked][:2] == [0, 0.6]
    assert Summary.objects.get().generated_tokens == CAREFUL_DRAFTS * a_wrong_first_draft.generated_tokens


def test_a_stream_sends_the_chosen_draft_alone(a_wrong_first_draft: StubEngine, issue_key: IssueKey) -> None:
    streamed = b"".join(ask(issue_key(), careful=True, stream=True).streaming_content).decode()
    assert streamed.count("event: piece") == 1
    assert "250 mg" not in streamed


def test_json_is_written_once(engine: StubEngine, issue_key: IssueKey) -> None:
    assert ask(issue_key(), careful=True, style="problem-list").status_code == 200
    assert len(engine.received) == 1


def test_the_portal_takes_care_where_it_is_told_to(
    a_wrong_first_draft: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    told = {"text": TEXT, "careful": "on"}
    page = client_for(clinician).post(reverse("summaries:summarize"), told).content.decode()
    assert "250 mg" not in page.split("What the model saw")[0]
    assert len(a_wrong_first_draft.received) == CAREFUL_DRAFTS
