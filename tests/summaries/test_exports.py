"""A summary that is taken away: what nobody accepted says so on every page."""

import io
import json
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse
from docx import Document
from fhir.resources.R4B.composition import Composition
from stub_engine import StubEngine
from written import summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from summaries import reviewing
from summaries.models import Summary

ClientFor = Callable[[User], Client]


@pytest.fixture
def summary(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    text = "Mary Ellsworth, SSN 521-44-9832, has had chest pain since Tuesday."
    return summarize_text(clinic=clinic, text=text, user=clinician).summary


def taken(client: Client, summary: Summary, form: str) -> Any:
    return client.get(reverse("summaries:summary_export", args=[summary.uuid]), {"as": form})


def pages_of(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf)]


def accept(summary: Summary, user: User, text: str) -> None:
    """Through the gate as often as it catches something, as a clinician would."""
    try:
        reviewing.accept(summary=summary, user=user, text=text)
    except reviewing.IdentifiersCaught as caught:
        accept(summary, user, caught.typed.text)


def test_a_draft_s_pdf_says_so_on_every_page(
    summary: Summary, engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    engine.answer = "\n".join(f"[NAME_1] has chest pain, line {line}." for line in range(150))
    long = summarize_text(clinic=clinic, text="Mary Ellsworth has chest pain.", user=clinician).summary
    response = taken(client_for(clinician), long, "pdf")
    pages = pages_of(response.content)
    assert len(pages) > 2
    assert all("DRAFT – not accepted" in page for page in pages)
    assert "line 149." in pages[-1]
    assert response["Content-Disposition"].startswith("attachment;")
    assert "no-store" in response["Cache-Control"]


def test_an_accepted_pdf_has_the_accepted_text_and_its_placeholders(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    accept(summary, clinician, "[NAME_1] has chest pain; ECG ≥ 2 mm → admit.")
    (page,) = pages_of(taken(client_for(clinician), summary, "pdf").content)
    assert "[NAME_1] has chest pain; ECG ≥ 2 mm → admit." in page
    assert "Accepted by dina on" in page
    assert "DRAFT" not in page
    assert AuditEntry.objects.get(action="export_summary").facts == {"format": "pdf", "accepted": True}


def test_a_character_that_the_font_lacks_is_spelt_out(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    accept(summary, clinician, "Pain scale: 痛 three, 37.2 °C, ½ tablet.")
    (page,) = pages_of(taken(client_for(clinician), summary, "pdf").content)
    assert "[U+75DB] three, 37.2 °C, ½ tablet." in page


def test_a_word_file_has_the_same_marks(summary: Summary, clinician: User, client_for: ClientFor) -> None:
    client = client_for(clinician)

    def read() -> tuple[str, str]:
        document = Document(io.BytesIO(taken(client, summary, "docx").content))
        header = document.sections[0].header.paragraphs[0].text
        return header, "\n".join(paragraph.text for paragraph in document.paragraphs)

    header, text = read()
    assert header == "DRAFT – not accepted"
    assert "[NAME_1] has chest pain." in text
    accept(summary, clinician, "First line.\n\nSecond \x0bline, ½ tablet.")
    header, text = read()
    assert header == "Alder Clinic"
    assert "First line.\n\nSecond line, ½ tablet." in text


def test_a_composition_is_final_once_somebody_accepted_it(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    draft = taken(client, summary, "json")
    assert draft["Content-Type"] == "application/fhir+json"
    assert json.loads(draft.content)["status"] == "preliminary"
    accept(summary, clinician, "[NAME_1] has back pain.")
    resource = json.loads(taken(client, summary, "json").content)
    Composition.model_validate(resource)
    assert resource["status"] == "final"
    assert resource["attester"][0]["party"] == {"display": "dina"}
    assert "[NAME_1] has back pain." in resource["section"][0]["text"]["div"]
    assert "accepted by a person" in resource["section"][0]["text"]["div"]


def test_a_rejected_draft_says_that_nobody_should_use_it(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    reviewing.reject(summary=summary, user=clinician, reason="wrong")
    client = client_for(clinician)
    (page,) = pages_of(taken(client, summary, "pdf").content)
    assert "REJECTED – do not use" in page
    assert json.loads(taken(client, summary, "json").content)["status"] == "entered-in-error"


def test_another_format_is_not_found(summary: Summary, clinician: User, client_for: ClientFor) -> None:
    assert taken(client_for(clinician), summary, "exe").status_code == 404
