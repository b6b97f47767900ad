"""Reviewing by hand: reject what hides nothing, add what was missed, approve, go on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records import store
from records.models import Record, Redaction
from records.services import scrubbing, uploads
from records.services.review import latest_text

SignedIn = Callable[[User], Client]
NOTE = "Patient John Smith (MRN 4417823) was seen by Zorblax with a cough of {} days. Zorblax called."


def scrubbed(clinic: Clinic, user: User, count: int = 1, scrub: bool = True) -> list[Record]:
    lines = [
        json.dumps({"text": NOTE.format(n + 2), "summary": f"Cough, {n + 2} days."}) for n in range(count)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=user, name="n.jsonl", data="\n".join(lines).encode()
    )
    found = uploads.confirm_upload(upload=upload, user=user).records
    if scrub:
        scrubbing.scrub_upload(upload=upload)
    return [Record.objects.get(pk=record.pk) for record in found]


def send(client: Client, record: Record, **data: Any) -> Any:
    return client.post(reverse("records:review", args=[record.uuid]), {"kind": "NAME", **data})


def text_of(record: Record) -> str:
    return store.open_scrubbed(latest_text(record)).source


def test_review_begins_with_the_first_waiting_record_and_goes_on_to_the_next(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    first, second, third = scrubbed(clinic, officer, 3)
    Record.objects.update(lowest_score=0.9)
    client = client_for(officer)
    begin = client.get(reverse("records:next_review"))
    assert begin.headers["Location"] == reverse("records:review", args=[first.uuid])
    page = client.get(begin.headers["Location"]).content.decode()
    assert "3 of 3" in page
    after_second = client.get(reverse("records:next_review"), {"after": str(second.number)})
    assert after_second.headers["Location"] == reverse("records:review", args=[third.uuid]) + "?back=2"
    after_last = client.get(reverse("records:next_review"), {"after": str(third.number)})
    assert after_last.headers["Location"] == reverse("records:review", args=[first.uuid]) + "?back=3"
    for nonsense in ("x", "9" * 30, "999"):
        asked = client.get(reverse("records:next_review"), {"after": nonsense})
        assert asked.headers["Location"] == reverse("records:review", args=[first.uuid])


def test_the_least_sure_redactions_come_first_and_records_without_any_last(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    records = scrubbed(clinic, officer, 4)
    for record, score in zip(records, (0.9, None, 0.5, 0.5), strict=True):
        Record.objects.filter(pk=record.pk).update(lowest_score=score)
    client, order, url = client_for(officer), [], reverse("records:next_review")
    for _ in range(5):
        shown = client.get(url, follow=True).context["record"]
        order.append(shown.number)
        url = f"{reverse('records:next_review')}?after={shown.number}"
    assert order == [3, 4, 1, 2, 3]


def test_a_record_remembers_how_unsure_its_scrubber_was(clinic: Clinic, officer: User) -> None:
    record = scrubbed(clinic, officer)[0]
    assert record.lowest_score == min(each.score for each in record.redactions.all())


def test_the_page_opens_on_the_first_unsure_place_and_marks_it(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    record.redactions.update(score=0.95)
    unsure = record.redactions.filter(kind="NAME").last()
    assert unsure is not None
    record.redactions.filter(pk=unsure.pk).update(score=0.5)
    page = client_for(officer).get(reverse("records:review", args=[record.uuid])).content.decode()
    assert page.count("autofocus") == 1
    assert f'value="{unsure.pk}" autofocus' in page
    assert page.count("is-unsure") == 1
    assert "Name, unsure" in page
    assert "1 dashed place" in page


def test_the_record_before_is_one_link_away(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    first, second = scrubbed(clinic, officer, 2)
    client = client_for(officer)
    page = client.get(send(client, first).headers["Location"], follow=True).content.decode()
    assert f'id="back" href="{reverse("records:review", args=[first.uuid])}"' in page
    alone = client.get(reverse("records:review", args=[second.uuid]), {"back": "77"}).content.decode()
    assert 'id="back"' not in alone


def test_approving_as_it_is_leads_to_the_next_record(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    first, second = scrubbed(clinic, officer, 2)
    client = client_for(officer)
    response = send(client, first)
    assert response.headers["Location"] == f"{reverse('records:next_review')}?after={first.number}"
    first.refresh_from_db()
    assert (first.status, first.reviewed_by) == (Record.Status.APPROVED, officer)
    page = client.get(response.headers["Location"], follow=True).content.decode()
    assert "1 of 2" in page
    assert second.label in page
    assert AuditEntry.objects.filter(action="review_record", actor=officer).count() == 1


def test_when_nothing_waits_the_page_says_what_comes_next(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    client = client_for(officer)
    assert "Nothing waits for review" in client.get(reverse("records:next_review")).content.decode()
    send(client, scrubbed(clinic, officer)[0])
    assert reverse("records:propose") in client.get(reverse("records:next_review")).content.decode()


def test_a_rejected_redaction_shows_its_words_again(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    mrn = record.redactions.get(kind="MRN")
    assert send(client_for(officer), record, reject=[mrn.pk]).status_code == 302
    assert "MRN 4417823" in text_of(record)
    assert "Smith" not in text_of(record)
    again = client_for(officer).get(reverse("records:review", args=[record.uuid])).content.decode()
    assert f'value="{mrn.pk}" checked' in again


def test_a_second_review_can_hide_again_what_the_first_rejected(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    client = client_for(officer)
    send(client, record, reject=[record.redactions.get(kind="MRN").pk])
    assert send(client, record).status_code == 302
    assert "4417823" not in text_of(record)


def test_a_marked_span_is_hidden(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    record = scrubbed(clinic, officer)[0]
    start = NOTE.format(2).index("cough")
    marks = json.dumps([{"field": "source", "start": start, "end": start + 5, "kind": "ID"}])
    assert send(client_for(officer), record, marks=marks).status_code == 302
    assert "cough" not in text_of(record)
    assert record.redactions.filter(verdict=Redaction.Verdict.ADDED, kind="ID", start=start).count() == 1


def test_typed_words_are_hidden_wherever_they_stand(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    record.redactions.filter(field="source").exclude(kind="MRN").delete()
    assert send(client_for(officer), record, words="zorblax\njohn  smith").status_code == 302
    assert text_of(record).count("[NAME_") == 3
    assert "Zorblax" not in text_of(record)


def test_words_that_are_hidden_already_add_nothing(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    assert send(client_for(officer), record, words="4417823").status_code == 302
    assert not record.redactions.filter(verdict=Redaction.Verdict.ADDED).exists()


def test_words_that_do_not_stand_there_are_said_to_be_missing_and_nothing_is_lost(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    mrn = record.redactions.get(kind="MRN")
    response = send(client_for(officer), record, words="Zorblax\nQuux", reject=[mrn.pk])
    page = response.content.decode()
    assert response.status_code == 400
    assert "Line 2 does not stand in this record" in page
    assert f'value="{mrn.pk}" checked' in page
    assert "Quux</textarea>" in page
    record.refresh_from_db()
    assert record.status == Record.Status.SCRUBBED


@pytest.mark.parametrize(
    "marks",
    [
        "no json",
        "7",
        '{"a": 1}',
        '[{"field": "source", "start": 0, "end": 4}]',
        '[{"field": "source", "start": 0, "end": 4, "kind": "PET"}]',
        '[{"field": "elsewhere", "start": 0, "end": 4, "kind": "NAME"}]',
        '[{"field": "source", "start": "0", "end": 4, "kind": "NAME"}]',
        '[{"field": "source", "start": 0, "end": 99999, "kind": "NAME"}]',
        '[{"field": "source", "start": 4, "end": 4, "kind": "NAME"}]',
        '[{"field": "source", "start": -4, "end": 4, "kind": "NAME"}]',
    ],
)
def test_nonsense_marks_are_refused(client_for: SignedIn, officer: User, clinic: Clinic, marks: str) -> None:
    record = scrubbed(clinic, officer)[0]
    assert send(client_for(officer), record, marks=marks).status_code == 400
    record.refresh_from_db()
    assert record.status == Record.Status.SCRUBBED
    assert record.scrubbed_texts.count() == 1


@pytest.mark.parametrize("reject", ["999999", "x"])
def test_a_redaction_of_no_such_record_cannot_be_rejected(
    client_for: SignedIn, officer: User, clinic: Clinic, reject: str
) -> None:
    record = scrubbed(clinic, officer)[0]
    assert send(client_for(officer), record, reject=[reject]).status_code == 400


def test_looking_at_a_record_for_review_is_in_the_audit_log(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer)[0]
    client_for(officer).get(reverse("records:review", args=[record.uuid]))
    assert AuditEntry.objects.filter(action="view_record", actor=officer).count() == 1


def test_a_record_that_is_not_scrubbed_is_not_reviewed(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, officer, scrub=False)[0]
    response = send(client_for(officer), record)
    assert response.headers["Location"] == reverse("records:record", args=[record.uuid])
    record.refresh_from_db()
    assert record.status == Record.Status.RECEIVED


def test_another_clinics_record_cannot_be_reviewed(
    client_for: SignedIn, officer: User, bob: User, other_clinic: Clinic
) -> None:
    theirs = scrubbed(other_clinic, bob)[0]
    client = client_for(officer)
    assert client.get(reverse("records:review", args=[theirs.uuid])).status_code == 404
    assert send(client, theirs).status_code == 404
    assert (
        AuditEntry.objects.filter(outcome="DENY", actor=officer, facts__wanted=str(theirs.uuid)).count() == 2
    )
    theirs.refresh_from_db()
    assert theirs.status == Record.Status.SCRUBBED


def test_a_clerk_may_not_review(client_for: SignedIn, client: Client, clerk: User, clinic: Clinic) -> None:
    record = scrubbed(clinic, clerk)[0]
    for address in (reverse("records:next_review"), reverse("records:review", args=[record.uuid])):
        assert client.get(address).status_code == 302
        assert client_for(clerk).get(address).status_code == 403
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk).count() == 2
    record.refresh_from_db()
    assert record.status == Record.Status.SCRUBBED


def test_the_wrong_method_is_refused(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    record = scrubbed(clinic, officer)[0]
    assert client_for(officer).delete(reverse("records:review", args=[record.uuid])).status_code == 405
    assert client_for(officer).post(reverse("records:next_review")).status_code == 405
