"""A person decides about a draft, and what she types is scrubbed before it is stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import files_holding, rows_holding
from written import summarize_record, summarize_text

from accounts.models import Clinic, Role, User
from audit import log, staff
from audit.models import AuditEntry
from privacy.kinds import Kind, Span
from records.models import Record
from summaries import reviewing
from summaries.models import Summary, SummaryEdit, SummaryReview
from summaries.reviewing import AlreadyDecided, EditRefused, IdentifiersCaught, Ratings

ClientFor = Callable[[User], Client]
PASTED = "Mary Ellsworth, SSN 521-44-9832, has had chest pain since Tuesday."
PLANTED = "Zebulon Quarrington"
HTMX = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def summary(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    return summarize_text(clinic=clinic, text=PASTED, user=clinician).summary


@pytest.fixture
def colleague(clinic: Clinic) -> User:
    return staff.add_member(
        clinic=clinic, username="dora", role=Role.CLINICIAN, by=None, password="a long enough password"
    )[0]


def page(client: Client, summary: Summary) -> str:
    return client.get(reverse("summaries:summary", args=[summary.uuid])).content.decode()


def decide(client: Client, summary: Summary, decision: str = "accepted", **fields: Any) -> Any:
    data = {"decision": decision, **fields}
    return client.post(reverse("summaries:summary_decide", args=[summary.uuid]), data, follow=True)


def audited(action: str, summary: Summary) -> int:
    return AuditEntry.objects.filter(action=action, subject_id=str(summary.uuid)).count()


def test_a_draft_is_accepted_as_it_is(summary: Summary, clinician: User) -> None:
    review = reviewing.accept(summary=summary, user=clinician)
    assert (review.decision, review.reviewer, review.is_changed) == ("accepted", clinician, False)
    assert reviewing.text_of(review) == "[NAME_1] has chest pain."
    assert audited("accept_summary", summary) == 1


def test_nothing_is_shown_as_final_before_it_is_accepted(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    client = client_for(clinician)
    content = page(client, summary)
    assert "Accepted by" not in content
    assert "Draft: read it against the record" in content
    assert decide(client, summary, text="[NAME_1] has chest pain on effort.").status_code == 200
    content = page(client, summary)
    assert "Accepted by dina on" in content
    assert "<ins> on effort</ins>." in content
    assert "Draft summary" in content, "the draft is still to be seen"
    assert reverse("summaries:summary_decide", args=[summary.uuid]) not in content


def test_changes_are_shown_before_accepting(summary: Summary, clinician: User, client_for: ClientFor) -> None:
    url = reverse("summaries:summary_edit", args=[summary.uuid])
    response = client_for(clinician).post(url, {"text": "[NAME_1] has back pain."}, **HTMX)
    content = response.content.decode()
    assert response["X-Precis-Fragment"] == "1"
    assert "has <del>chest</del><ins>back</ins> pain." in content
    assert "Saved " in content
    assert "<html" not in content
    assert not SummaryReview.objects.exists()


def test_an_edit_survives_a_reload_and_is_its_writer_s_alone(
    summary: Summary, clinician: User, colleague: User, client_for: ClientFor
) -> None:
    url = reverse("summaries:summary_edit", args=[summary.uuid])
    client = client_for(clinician)
    for text in ("[NAME_1] has no", "[NAME_1] has no velvet pain."):
        client.post(url, {"text": text}, **HTMX)
    assert "[NAME_1] has no velvet pain.</textarea>" in page(client, summary)
    assert "velvet" not in page(client_for(colleague), summary)
    assert SummaryEdit.objects.count() == 1
    assert rows_holding("velvet") == [], "it lies encrypted"
    assert audited("edit_summary", summary) == 1, "one entry for the editing, not one for each pause"
    decide(client, summary, text="[NAME_1] has no velvet pain.")
    assert not SummaryEdit.objects.exists()


def test_without_a_script_the_edit_is_saved_by_a_button(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    url = reverse("summaries:summary_edit", args=[summary.uuid])
    content = client_for(clinician).post(url, {"text": "[NAME_1] has back pain."}).content.decode()
    assert "<del>chest</del><ins>back</ins>" in content
    assert "[NAME_1] has back pain.</textarea>" in content


def test_a_typed_name_is_shown_as_caught_and_stored_nowhere(
    summary: Summary,
    clinician: User,
    client_for: ClientFor,
    own_var: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, text = client_for(clinician), f"[NAME_1] has chest pain. Call {PLANTED}."
    url = reverse("summaries:summary_edit", args=[summary.uuid])
    content = client.post(url, {"text": text}, **HTMX).content.decode()
    assert "1 identifier caught" in content
    assert f'“{PLANTED}” → <mark class="mark-placeholder">[NAME_2]</mark>' in content
    content = decide(client, summary, text=text).content.decode()
    assert not SummaryReview.objects.exists(), "what is accepted is what she has seen, to the letter"
    assert "Call [NAME_2].</textarea>" in content
    assert PLANTED not in page(client, summary)
    decide(client, summary, text="[NAME_1] has chest pain. Call [NAME_2].")
    decide(client, summary, "rejected", reason="other", note=f"Ask {PLANTED}.")
    assert reviewing.text_of(SummaryReview.objects.get()) == "[NAME_1] has chest pain. Call [NAME_2]."
    assert rows_holding("Quarrington") == []
    assert files_holding("Quarrington", own_var) == []
    assert "Quarrington" not in caplog.text


def test_a_placeholder_of_the_record_is_not_given_to_somebody_else(
    engine: StubEngine, clinic: Clinic, clinician: User
) -> None:
    text = "Mary Ellsworth came with her neighbor Tobias Wren. Both have a cough."
    summary = summarize_text(clinic=clinic, text=text, user=clinician).summary
    assert "[NAME_2]" not in reviewing.draft_of(summary)
    with pytest.raises(IdentifiersCaught) as caught:
        reviewing.accept(summary=summary, user=clinician, text=f"Call {PLANTED}.")
    assert caught.value.typed.text == "Call [NAME_3]."


def test_a_word_that_the_scrubbed_record_holds_may_be_accepted(
    summary: Summary, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In other surroundings the scrubber may read a diagnosis as a name."""
    spans = [Span(4, 9, Kind.NAME), Span(11, 18, Kind.NAME)]
    monkeypatch.setattr(reviewing, "find_spans", lambda text: spans)
    with pytest.raises(IdentifiersCaught) as caught:
        reviewing.accept(summary=summary, user=clinician, text="Has chest, Tuesdax pain.")
    assert caught.value.typed.text == "Has chest, [NAME_2] pain."


def test_a_name_of_the_record_gets_the_record_s_own_placeholder(
    engine: StubEngine, clinic: Clinic, clinician: User
) -> None:
    record = Record.objects.filter(clinic=clinic).select_related("clinic").latest("number")
    summary = summarize_record(record=record, user=clinician).summary
    with pytest.raises(IdentifiersCaught) as caught:
        reviewing.accept(summary=summary, user=clinician, text="Mrs. Ellsworth has chest pain.")
    assert caught.value.typed.text == "Mrs. [NAME_1] has chest pain."


def test_a_draft_is_rejected_with_a_reason(
    summary: Summary, clinician: User, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_for(clinician)
    refused = decide(client, summary, "rejected", text="my text")
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()
    assert "my text</textarea>" in refused.content.decode()
    decide(client, summary, "rejected", reason="invented", note=f"No {PLANTED} was there.", harm="misleads")
    review = SummaryReview.objects.get()
    assert (review.decision, review.reason, review.harm) == ("rejected", "invented", "misleads")
    assert reviewing.text_of(review) == "No [NAME_2] was there."
    content = page(client, summary)
    assert "Rejected by dina" in content
    assert "It says what the record does not" in content
    assert "harm: could mislead" in content
    assert audited("reject_summary", summary) == 1


def test_a_draft_is_rated(summary: Summary, clinician: User, client_for: ClientFor) -> None:
    client = client_for(clinician)
    assert decide(client, summary, text="x", completeness="6").status_code == 400
    decide(client, summary, text="x", completeness="4", correctness="5", conciseness="", harm="none")
    review = SummaryReview.objects.get()
    assert (review.completeness, review.correctness, review.conciseness, review.harm) == (4, 5, None, "none")


def test_of_two_people_at_once_the_first_decides_and_the_second_hears_it(
    summary: Summary, clinician: User, colleague: User, client_for: ClientFor
) -> None:
    decide(client_for(clinician), summary, text="[NAME_1] has chest pain.")
    response = decide(client_for(colleague), summary, text="Quite another velvet text.")
    content = response.content.decode()
    assert response.status_code == 409
    assert "dina has accepted this summary already" in content
    assert "Quite another velvet text." in content, "hers is not lost before she has seen that"
    with pytest.raises(AlreadyDecided):
        reviewing.reject(summary=summary, user=colleague, reason="wrong")
    with pytest.raises(AlreadyDecided):
        reviewing.save_edit(summary=summary, user=colleague, text="late")
    assert SummaryReview.objects.get().reviewer == clinician


def test_the_database_too_lets_one_decision_stand(summary: Summary, clinician: User) -> None:
    reviewing.accept(summary=summary, user=clinician)
    with pytest.raises(IntegrityError), transaction.atomic():
        SummaryReview.objects.create(summary=summary, reviewer=clinician, decision="accepted", blob=b"x")


def test_a_decision_can_be_taken_back_and_stays_in_the_history(
    summary: Summary, clinician: User, colleague: User, client_for: ClientFor
) -> None:
    decide(client_for(clinician), summary, "rejected", reason="wrong")
    url = reverse("summaries:summary_reopen", args=[summary.uuid])
    content = client_for(colleague).post(url, follow=True).content.decode()
    assert "The summary is a draft again" in content
    assert "Rejected by dina" in content.partition("Decisions taken back")[2]
    assert "taken back by dora" in content
    assert "taken back already" in client_for(clinician).post(url, follow=True).content.decode()
    decide(client_for(clinician), summary, text="[NAME_1] is well.")
    assert SummaryReview.objects.count() == 2
    assert audited("reopen_summary", summary) == 1
    assert log.faults(summary.clinic) == []


@pytest.mark.parametrize(
    ("text", "told"), [("  \n ", "There is no text to accept"), ("word " * 4_001, "longer than 20,000")]
)
def test_a_text_that_cannot_be_accepted_says_why_and_stays_in_the_box(
    summary: Summary, clinician: User, client_for: ClientFor, text: str, told: str
) -> None:
    response = decide(client_for(clinician), summary, text=text)
    assert response.status_code == 400
    assert told in response.content.decode()
    assert text.strip() in response.content.decode()
    assert not SummaryReview.objects.exists()


def test_characters_that_no_page_can_hold_do_not_cost_what_was_saved_before(
    summary: Summary, clinician: User, client_for: ClientFor
) -> None:
    client, url = client_for(clinician), reverse("summaries:summary_edit", args=[summary.uuid])
    client.post(url, {"text": "[NAME_1] is well."}, **HTMX)
    assert "Not saved" in client.post(url, {"text": "bad\0text"}, **HTMX).content.decode()
    assert "[NAME_1] is well.</textarea>" in page(client, summary)


def test_a_scrubber_that_fails_lets_nothing_be_saved(
    summary: Summary, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise MemoryError("quoting a patient")

    monkeypatch.setattr("records.services.scrubbing.get_scrubber", fail)
    with pytest.raises(EditRefused, match="could not be scrubbed"):
        reviewing.save_edit(summary=summary, user=clinician, text="[NAME_1] is well.")
    assert not SummaryEdit.objects.exists()


def test_markup_that_was_typed_stays_text(summary: Summary, clinician: User, client_for: ClientFor) -> None:
    client = client_for(clinician)
    decide(client, summary, text="</textarea><script>alert(1)</script>")
    assert "<script>alert(1)" not in page(client, summary)


def test_the_list_is_a_work_list(
    summary: Summary, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    client, url = client_for(clinician), reverse("summaries:summaries")
    others = [summarize_text(clinic=clinic, text=PASTED, user=clinician).summary for _ in range(2)]
    reviewing.accept(summary=others[0], user=clinician, ratings=Ratings(correctness=5))
    reviewing.reject(summary=others[1], user=clinician, reason="wrong")
    shown = {
        status: {
            each.uuid
            for each in Summary.objects.all()
            if str(each.uuid) in client.get(url, {"status": status}).content.decode()
        }
        for status in ("", "accepted", "rejected", "all", "nonsense")
    }
    assert shown[""] == shown["nonsense"] == {summary.uuid}
    assert (shown["accepted"], shown["rejected"]) == ({others[0].uuid}, {others[1].uuid})
    assert len(shown["all"]) == 3
    reviewing.accept(summary=summary, user=clinician)
    assert "Nothing waits" in client.get(url).content.decode()
