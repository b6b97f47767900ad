"""FHIR in, FHIR out."""

import base64
import json
from typing import Any

import pytest
from django.test import Client
from fhir.resources.R4B.composition import Composition
from stub_engine import StubEngine

from accounts.models import Scope
from summaries.models import Summary
from tests.summaries.conftest import IssueKey

TEXT = "Zebulon Quarrington, SSN 521-44-9832, has had chest pain since Tuesday."
ATTACHMENT = {"contentType": "text/plain", "data": base64.b64encode(TEXT.encode()).decode()}
DOCUMENT = {
    "resourceType": "DocumentReference",
    "status": "current",
    "subject": {"reference": "Patient/p1"},
    "content": [{"attachment": ATTACHMENT}],
}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": DOCUMENT}]}


def ask(key: str, resource: Any, query: str = "") -> Any:
    return Client(raise_request_exception=False).post(
        f"/api/v1/fhir/summarize{query}",
        resource if isinstance(resource, bytes) else json.dumps(resource),
        content_type="application/fhir+json",
        headers={"Authorization": f"Bearer {key}"},
    )


@pytest.mark.parametrize("resource", [DOCUMENT, BUNDLE], ids=["document", "bundle"])
def test_a_document_comes_back_as_a_preliminary_composition(
    engine: StubEngine, issue_key: IssueKey, resource: Any
) -> None:
    response = ask(issue_key(), resource, "?section=Impression")
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/fhir+json"
    composition = Composition.model_validate_json(response.content)
    assert composition.status == "preliminary"
    assert composition.id == str(Summary.objects.get().uuid)
    assert composition.subject.reference == "Patient/p1"
    (section,) = composition.section
    assert section.title == "Impression"
    assert "Zebulon Quarrington has chest pain." in section.text.div
    assert "Not read by a person yet" in section.text.div
    assert "Quarrington" not in engine.received[0]


def test_a_key_without_real_values_gets_placeholders_and_no_patient(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    response = ask(issue_key(Scope.SUMMARIZE), DOCUMENT)
    assert "[NAME_1] has chest pain." in response.json()["section"][0]["text"]["div"]
    assert "subject" not in response.json()


def test_markup_in_a_summary_is_text(engine: StubEngine, issue_key: IssueKey) -> None:
    engine.answer = "<script>alert(1)</script> & so on\x0b\nnext"
    response = ask(issue_key(), DOCUMENT)
    Composition.model_validate_json(response.content)
    assert "<script>" not in response.json()["section"][0]["text"]["div"]
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on<br/>next"
        in response.json()["section"][0]["text"]["div"]
    )


@pytest.mark.parametrize(
    "resource",
    [
        b"",
        b"not json, says Quarrington",
        b"[" * 100_000,
        [],
        {"resourceType": "Patient", "name": [{"family": "Quarrington"}]},
        {**DOCUMENT, "content": [{"attachment": {"url": "http://quarrington.example/1"}}]},
        {**DOCUMENT, "content": [{"attachment": {"contentType": "text/plain", "data": "%%%"}}]},
    ],
)
def test_what_cannot_be_read_is_refused_and_not_quoted(
    engine: StubEngine, issue_key: IssueKey, resource: Any
) -> None:
    response = ask(issue_key(), resource)
    assert response.status_code == 400, response.content
    assert set(response.json()) == {"error", "what_to_do"}
    assert "Quarrington" not in response.content.decode()
    assert engine.received == []


@pytest.mark.parametrize("reference", ["Patient/a b", "", 7, None, "http://elsewhere.example/Patient/1"])
def test_an_odd_reference_to_the_patient_is_left_out(
    engine: StubEngine, issue_key: IssueKey, reference: Any
) -> None:
    response = ask(issue_key(), {**DOCUMENT, "subject": {"reference": reference}})
    assert response.status_code == 200
    assert "subject" not in response.json()
