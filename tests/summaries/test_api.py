"""The endpoint for other software: keys, what comes back, and what never leaks."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import ApiToken, Clinic, User
from audit import staff
from audit.models import AuditEntry
from summaries.deployments import deploy
from summaries.models import Summary
from training.models import ModelArtifact

URL = "/api/v1/summaries"
TEXT = "Zebulon Quarrington, SSN 521-44-9832, phone 617-555-0143, has had chest pain since Tuesday."
PLANTED = ("Quarrington", "521-44-9832", "617-555-0143")


@pytest.fixture
def key(clinic: Clinic, admin: User) -> str:
    return staff.issue_token(clinic=clinic, name="EHR", by=admin)[1]


def ask(key: str | None, body: Any = None, client: Client | None = None, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    caller = client or Client(raise_request_exception=False)
    return caller.post(URL, content, content_type="application/json", headers=headers, **more)


def test_a_text_comes_back_as_a_summary(engine: StubEngine, artifact: ModelArtifact, key: str) -> None:
    response = ask(key, {"text": TEXT, "section": "Impression"})
    assert response.status_code == 200
    answer = response.json()
    summary = Summary.objects.get()
    assert answer["summary"] == "Zebulon Quarrington has chest pain."
    assert answer["summary_deidentified"] == "[NAME_1] has chest pain."
    assert answer["id"] == str(summary.uuid)
    assert (answer["model"], answer["artifact_sha256"]) == (artifact.name, artifact.sha256)
    assert answer["redactions"]["SSN"] == answer["redactions"]["PHONE"] == answer["redactions"]["NAME"] == 1
    assert answer["is_cut_off"] is False
    assert response["Cache-Control"] == "no-store"
    assert summary.api_token.name == "EHR"
    assert (
        AuditEntry.objects.filter(action="summarize", facts__token=str(summary.api_token.uuid)).count() == 1
    )


def test_planted_identifiers_reach_no_engine_row_file_or_log(
    engine: StubEngine, key: str, own_var: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert ask(key, {"text": TEXT, "section": "Plan of Zebulon Quarrington"}).status_code == 200
    assert len(engine.received) == 1
    assert "chest pain since" in engine.received[0]
    for word in PLANTED:
        assert word not in engine.received[0]
        assert word not in caplog.text
        assert rows_holding(word) == []
        assert files_holding(word, own_var) == []


@pytest.mark.parametrize("key", [None, "", "nonsense", "precis_" + "A" * 43])
def test_without_a_valid_key_nothing_happens(engine: StubEngine, key: str | None) -> None:
    response = ask(key, {"text": TEXT})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert "key" in response.json()["error"]
    assert engine.received == []


def test_a_key_ends_when_it_is_revoked_expires_or_its_issuer_leaves(
    engine: StubEngine, clinic: Clinic, admin: User, key: str
) -> None:
    token = ApiToken.objects.get()
    staff.revoke_token(token=token, by=admin)
    assert ask(key, {"text": TEXT}).status_code == 401
    ApiToken.objects.update(revoked_at=None, expires_at=timezone.now() - timedelta(seconds=1))
    assert ask(key, {"text": TEXT}).status_code == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert ask(key, {"text": TEXT}).status_code == 200
    staff.deactivate_member(user=admin, by=admin)
    assert ask(key, {"text": TEXT}).status_code == 401


def test_being_signed_in_is_no_key(
    engine: StubEngine, clinician: User, client_for: Callable[[User], Client]
) -> None:
    assert ask(None, {"text": TEXT}, client_for(clinician)).status_code == 401


def test_a_key_needs_no_csrf_token(engine: StubEngine, key: str) -> None:
    assert ask(key, {"text": TEXT}, Client(enforce_csrf_checks=True)).status_code == 200


def test_a_key_opens_its_own_clinics_model_only(engine: StubEngine, other_clinic: Clinic, bob: User) -> None:
    theirs = staff.issue_token(clinic=other_clinic, name="Birch EHR", by=bob)[1]
    response = ask(theirs, {"text": TEXT})
    assert response.status_code == 503
    assert "No model is deployed" in response.json()["error"]
    assert engine.received == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 400),
        ({"text": " \n "}, 400),
        ({"text": "word " * 40_001}, 400),
        ({"text": "Quarrington\u0000"}, 400),
        (b'{"text": "Quarrington \\ud8000 \\u0094M"}', 400),
        (b"not json, says Quarrington", 400),
        (b"\xff\xfe{}", 400),
        ({}, 422),
        ({"text": None}, 422),
        ({"text": ["Quarrington"]}, 422),
        ({"text": {"Quarrington": 1}}, 422),
        ({"text": "ok", "Quarrington": "x"}, 422),
        ({"text": "ok", "section": "Quarrington " * 9}, 422),
        ({"text": "ok", "section": "a\u0000b"}, 422),
        (["Quarrington"], 422),
        (b'{"text": "ok", "section": "Quarrington \\ud800"}', 422),
        (b"", 422),
    ],
)
def test_a_wrong_request_is_explained_without_quoting_it(
    engine: StubEngine, key: str, body: Any, status: int
) -> None:
    response = ask(key, body)
    assert response.status_code == status, response.content
    assert set(response.json()) == {"error", "what_to_do"}
    assert response.json()["what_to_do"]
    assert "Quarrington" not in response.content.decode()
    assert engine.received == []


def test_a_body_above_the_limit_is_not_read(engine: StubEngine, key: str, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = ask(key, {"text": "word " * 1000})
    assert response.status_code == 413
    assert "too big" in response.json()["error"]


def test_a_prompt_that_does_not_fit_is_the_callers_to_shorten(engine: StubEngine, key: str) -> None:
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
    engine.refusal = (400, {"error": error})
    response = ask(key, {"text": TEXT})
    assert response.status_code == 400
    assert "5000 tokens" in response.json()["error"]


def test_an_engine_that_is_away_asks_for_patience(artifact: ModelArtifact, admin: User, key: str) -> None:
    deploy(artifact=artifact, user=admin)
    response = ask(key, {"text": TEXT})
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert not Summary.objects.exists()


def test_an_error_nobody_foresaw_says_nothing_of_the_text(
    engine: StubEngine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**asked: Any) -> None:
        raise RuntimeError(asked["text"])

    monkeypatch.setattr("summaries.api.questions.asked_of_text", broken)
    response = ask(key, {"text": TEXT})
    assert response.status_code == 500
    assert set(response.json()) == {"error", "what_to_do"}
    assert "Quarrington" not in response.content.decode()


def test_the_log_line_of_such_an_error_has_its_type_and_place_only(
    engine: StubEngine, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from config.logs import ExceptionTypeOnly

    def broken(**asked: Any) -> None:
        raise RuntimeError(asked["text"])

    monkeypatch.setattr("summaries.api.questions.asked_of_text", broken)
    # As on the console handler of the settings.
    caplog.handler.addFilter(ExceptionTypeOnly())
    ask(key, {"text": TEXT})
    assert "RuntimeError" in caplog.text
    assert "Quarrington" not in caplog.text


def test_health_tells_a_stranger_the_state_and_nothing_else(client: Client, engine: StubEngine) -> None:
    response = client.get("/api/v1/health")
    assert response.json() == {"status": "ok"}


def test_health_before_a_deployment_and_before_the_engine_is_up(
    client: Client, artifact: ModelArtifact, admin: User
) -> None:
    assert client.get("/api/v1/health").json() == {"status": "no model"}
    deploy(artifact=artifact, user=admin)
    assert client.get("/api/v1/health").json() == {"status": "starting"}


def test_summaries_are_posted(key: str) -> None:
    assert Client().get(URL).status_code == 405


def test_the_api_page_is_for_staff_and_loads_nothing_from_elsewhere(
    clinician: User, client: Client, client_for: Callable[[User], Client]
) -> None:
    for name in ("api:openapi-view", "api:openapi-json"):
        assert client.get(reverse(name)).url.startswith(reverse("accounts:sign_in"))
    content = client_for(clinician).get(reverse("api:openapi-view")).content.decode()
    assert "http://" not in content
    assert "https://" not in content
    schema = client_for(clinician).get(reverse("api:openapi-json")).json()
    assert {"/api/v1/summaries", "/api/v1/summaries/batches", "/api/v1/fhir/summarize"} <= set(
        schema["paths"]
    )
