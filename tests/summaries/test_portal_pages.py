"""The staff portal: a record in, a draft summary out, and nothing typed is lost when it fails."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import Record
from summaries.deployments import deploy
from summaries.models import Deployment, Summary
from summaries.questions import MAX_SOURCE_CHARACTERS
from summaries.services import open_summary
from summaries.styles import MAX_NEW_TOKENS
from training.models import ModelArtifact
from training.services.folders import artifact_path

ClientFor = Callable[[User], Client]
PASTED = "Mary Ellsworth, SSN 521-44-9832, phone 617-555-0143, has had chest pain since Tuesday."
PLANTED = ("Ellsworth", "521-44-9832", "617-555-0143")


def paste(client: Client, text: str = PASTED, **more: str) -> Any:
    return client.post(reverse("summaries:summarize"), {"text": text, **more})


def test_a_pasted_text_gives_a_draft_with_real_values(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    response = paste(client_for(clinician))
    content = response.content.decode()
    assert response.status_code == 200
    assert (
        '<mark class="mark-restored" title="[NAME_1] for the model">Mary Ellsworth</mark> has chest pain.'
        in content
    )
    assert '<mark class="mark-placeholder">[NAME_1]</mark> has chest pain.' in content, (
        "the placeholders can be shown"
    )
    assert "Draft: read it against the record" in content
    assert "no-store" in response["Cache-Control"]


def test_what_the_model_saw_is_shown_beside_it(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    content = paste(client_for(clinician)).content.decode()
    seen = content.partition("What the model saw")[2].partition('class="portal"')[0]
    assert "[SSN_1]" in seen
    assert not any(word in seen for word in PLANTED)


def test_a_text_longer_than_the_model_reads_is_summarized_in_pieces(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    turns = [
        f"Clinician: How was day {day}?\nPatient: The cough was {day} times worse." for day in range(200)
    ]
    response = paste(client_for(clinician), "\n".join(turns))
    assert response.status_code == 200
    asked = [json.loads(body)["messages"][-1]["content"] for body in engine.received]
    assert 2 <= len(asked) <= 4
    summary = Summary.objects.get()
    source, text = open_summary(summary=summary, user=clinician)
    assert len(source.splitlines()) == 400
    assert all(any(turn in piece for piece in asked) for turn in source.splitlines())
    assert summary.generated_tokens == engine.generated_tokens * len(asked)
    assert text == engine.answer, "what every piece says is said once"


def test_a_section_is_told_to_the_model_and_kept(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    paste(client_for(clinician), section="Impression")
    assert "Section: Impression" in engine.received[0]
    assert Summary.objects.get().section == "Impression"


def test_planted_identifiers_reach_no_engine_row_file_or_log(
    engine: StubEngine,
    clinician: User,
    client_for: ClientFor,
    own_var: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    text = PASTED.replace("Mary Ellsworth", "Zebulon Quarrington")
    response = paste(client_for(clinician), text, section="Plan of Zebulon Quarrington")
    assert "Zebulon Quarrington" in response.content.decode(), "the asker sees real values"
    assert len(engine.received) == 1
    for word in ("Quarrington", *PLANTED[1:]):
        assert word not in engine.received[0]
        assert word not in caplog.text
        assert rows_holding(word) == []
        assert files_holding(word, own_var) == []


def test_markup_in_a_summary_stays_text(engine: StubEngine, clinician: User, client_for: ClientFor) -> None:
    engine.answer = "<script>alert(1)</script> pain"
    content = paste(client_for(clinician)).content.decode()
    assert "<script>alert(1)" not in content
    assert "&lt;script&gt;alert(1)" in content


def test_a_placeholder_the_record_lacks_is_marked_as_invented(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.answer = "[NAME_7] has chest pain."
    content = paste(client_for(clinician)).content.decode()
    assert '<mark class="mark-unknown" title="Not in the record">[NAME_7]</mark>' in content
    assert "that the record does not hold" in content


def test_a_summary_that_was_cut_off_says_so(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.generated_tokens = MAX_NEW_TOKENS
    assert "the end may be missing" in paste(client_for(clinician)).content.decode()


def test_a_record_of_the_list_is_summarized_by_a_click(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    client, record = client_for(clinician), Record.objects.filter(clinic=clinic).latest("number")
    assert f'value="{record.uuid}"' in client.get(reverse("summaries:portal")).content.decode()
    response = client.post(reverse("summaries:summarize"), {"record": record.uuid})
    assert response.status_code == 200
    assert "Mary Ellsworth</mark> has chest pain." in response.content.decode()
    assert f"Draft summary of {record.label}" in response.content.decode()
    assert Summary.objects.get().scrubbed_text.record == record
    assert "Ellsworth" not in engine.received[0]


def test_a_record_is_found_by_its_number(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    url = reverse("summaries:portal")
    content = client_for(clinician).get(url, {"number": "R-000002"}).content.decode()
    assert "Summarize R-000002" in content
    assert "Summarize R-000003" not in content
    assert "no scrubbed record R-99" in client_for(clinician).get(url, {"number": "99"}).content.decode()
    assert client_for(clinician).get(url, {"number": "x" * 500}).status_code == 200


@pytest.mark.parametrize("status", [Record.Status.RECEIVED, Record.Status.QUARANTINED])
def test_a_record_that_was_not_scrubbed_is_never_summarized(
    engine: StubEngine, clinician: User, client_for: ClientFor, status: str
) -> None:
    record = Record.objects.latest("number")
    Record.objects.filter(pk=record.pk).update(status=status)
    response = client_for(clinician).post(reverse("summaries:summarize"), {"record": record.uuid})
    assert response.status_code == 404
    assert engine.received == []


def test_each_summary_is_kept_with_placeholders_and_audited(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    paste(client)
    summary = Summary.objects.get()
    assert summary.author == clinician
    assert AuditEntry.objects.filter(action="summarize", subject_id=str(summary.uuid)).count() == 1
    response = client.get(reverse("summaries:summary", args=[summary.uuid]))
    content = response.content.decode()
    assert '<mark class="mark-placeholder">[NAME_1]</mark> has chest pain.' in content
    assert not any(word in content for word in PLANTED)
    assert "no-store" in response["Cache-Control"]
    assert AuditEntry.objects.filter(action="view_summary", actor=clinician).count() == 1
    assert str(summary.uuid) in client.get(reverse("summaries:summaries")).content.decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("   \n", "There is no text"),
        ("word " * (MAX_SOURCE_CHARACTERS // 5 + 1), "longer than 200,000 characters"),
    ],
)
def test_a_text_that_cannot_be_summarized_stays_in_the_box(
    engine: StubEngine, clinician: User, client_for: ClientFor, text: str, told: str
) -> None:
    response = paste(client_for(clinician), text)
    content = response.content.decode()
    assert response.status_code == 400
    assert told in content
    assert text.strip() in content
    assert engine.received == []


def test_a_section_that_is_too_long_is_refused_without_losing_the_text(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    response = paste(client_for(clinician), section="x" * 61)
    assert response.status_code == 400
    assert PASTED in response.content.decode()
    assert "at most 60 characters" in response.content.decode()


def test_a_prompt_that_does_not_fit_says_what_to_do(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
    engine.refusal = (400, {"error": error})
    response = paste(client_for(clinician))
    assert response.status_code == 400
    assert "summarize it in parts" in response.content.decode()
    assert PASTED in response.content.decode()


def test_an_engine_that_is_away_is_no_reason_to_type_again(
    artifact: ModelArtifact, admin: User, clinician: User, client_for: ClientFor
) -> None:
    deploy(artifact=artifact, user=admin)
    client = client_for(clinician)
    assert "The model is not answering just now" in client.get(reverse("summaries:portal")).content.decode()
    response = paste(client)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert PASTED in response.content.decode()
    assert not Summary.objects.exists()


def test_before_the_first_deployment_the_portal_says_so(clinician: User, client_for: ClientFor) -> None:
    client = client_for(clinician)
    assert "An administrator deploys one." in client.get(reverse("summaries:portal")).content.decode()
    response = paste(client)
    assert response.status_code == 503
    assert PASTED in response.content.decode()


def test_the_model_that_answers_is_named(
    engine: StubEngine, artifact: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    content = client_for(clinician).get(reverse("summaries:portal")).content.decode()
    assert f"{artifact.name} answers since" in content
    assert "not answering" not in content


def test_a_style_is_chosen_for_a_pasted_text(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    page = client_for(clinician).post(
        reverse("summaries:summarize"), {"text": "Zebulon Quarrington has cough.", "style": "problem-list"}
    )
    content = page.content.decode()
    assert "chest pain of" in content
    assert "Zebulon Quarrington</mark> (active)" in content
    assert "{" not in content[content.index("summary-text") : content.index("Show placeholders")]
    saved = client_for(clinician).get(reverse("summaries:summary", args=[Summary.objects.get().uuid]))
    assert "problem list" in saved.content.decode()


def test_a_made_up_style_is_refused(engine: StubEngine, clinician: User, client_for: ClientFor) -> None:
    page = client_for(clinician).post(reverse("summaries:summarize"), {"text": "Cough.", "style": "sonnet"})
    assert page.status_code == 400
    assert engine.received == []


def test_sections_of_the_clinics_own_records_are_offered(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    Record.objects.update(section="Discharge plan")
    content = client_for(clinician).get(reverse("summaries:portal")).content.decode()
    assert '<option value="Discharge plan">' in content
    assert '<option value="Hospital course">' not in content


def test_deploying_opens_a_deployment_and_points_the_engine(
    artifact: ModelArtifact,
    admin: User,
    client_for: ClientFor,
    own_var: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = client_for(admin).post(reverse("summaries:deploy", args=[artifact.uuid]), follow=True)
    assert "is deployed" in response.content.decode()
    assert Deployment.objects.get(closed_at=None).artifact == artifact
    assert artifact.sha256 in (own_var / "engine" / "deployed.json").read_text()
    assert AuditEntry.objects.filter(action="deploy", actor=admin).count() == 1


def test_a_file_that_changed_on_disk_is_not_deployed(
    artifact: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    artifact_path(artifact).write_bytes(b"something else")
    response = client_for(admin).post(reverse("summaries:deploy", args=[artifact.uuid]), follow=True)
    assert "Train again" in response.content.decode()
    assert not Deployment.objects.exists()


def test_an_adapter_is_not_deployed(artifact: ModelArtifact, admin: User, client_for: ClientFor) -> None:
    response = client_for(admin).post(reverse("summaries:deploy", args=[artifact.parent.uuid]), follow=True)
    assert "Only GGUF files can be served" in response.content.decode()


def test_only_administrators_deploy(
    artifact: ModelArtifact, officer: User, clinician: User, client_for: ClientFor
) -> None:
    for user in (officer, clinician):
        assert client_for(user).post(reverse("summaries:deploy", args=[artifact.uuid])).status_code == 403
    assert not Deployment.objects.exists()


def test_only_those_who_treat_patients_summarize(clerk: User, officer: User, client_for: ClientFor) -> None:
    for user in (clerk, officer):
        assert paste(client_for(user)).status_code == 403
        assert client_for(user).get(reverse("summaries:portal")).status_code == 403


def test_nothing_of_another_clinic_can_be_reached(
    engine: StubEngine, artifact: ModelArtifact, clinician: User, bob: User, client_for: ClientFor
) -> None:
    paste(client_for(clinician))
    theirs, record = client_for(bob), Record.objects.latest("number")
    assert theirs.get(reverse("summaries:summary", args=[Summary.objects.get().uuid])).status_code == 404
    assert theirs.post(reverse("summaries:summarize"), {"record": record.uuid}).status_code == 404
    assert theirs.post(reverse("summaries:deploy", args=[artifact.uuid])).status_code == 404
    assert "No summaries yet" in theirs.get(reverse("summaries:summaries")).content.decode()
    assert record.label not in theirs.get(reverse("summaries:portal")).content.decode()


def test_wrong_methods_are_refused(engine: StubEngine, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    assert client.get(reverse("summaries:summarize")).status_code == 405
    assert client.get(reverse("summaries:deploy", args=[uuid4()])).status_code == 405
    for name in ("summaries:portal", "summaries:summaries"):
        assert client.post(reverse(name)).status_code == 405


def test_strangers_are_sent_to_the_sign_in_page(client: Client, db: None) -> None:
    for name in ("summaries:portal", "summaries:summaries"):
        assert client.get(reverse(name)).url.startswith(reverse("accounts:sign_in"))
    assert paste(client).status_code == 302


def test_a_form_from_elsewhere_is_refused(engine: StubEngine, clinician: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(clinician)
    assert paste(client).status_code == 403
    assert engine.received == []
