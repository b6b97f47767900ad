"""The list of records and the page of one."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import Record
from records.services import scrubbing, uploads

SignedIn = Callable[[User], Client]
NOTE = "Patient John Smith (MRN 4417823) was seen on 05/03/2021 for a cough of {} days."


def scrubbed(
    clinic: Clinic, user: User, count: int = 1, scrub: bool = True, text: str = NOTE
) -> list[Record]:
    lines = [
        json.dumps(
            {"text": text.format(n + 2), "summary": f"Mr. Smith: cough, {n + 2} days.", "patient": f"P{n}"}
        )
        for n in range(count)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=user, name="n.jsonl", data="\n".join(lines).encode()
    )
    found = uploads.confirm_upload(upload=upload, user=user).records
    if scrub:
        scrubbing.scrub_upload(upload=upload)
    return [Record.objects.get(pk=record.pk) for record in found]


def numbers(client: Client, **query: str) -> list[int]:
    return [record.number for record in client.get(reverse("records:list"), query).context["page"]]


def test_an_empty_list_says_what_to_do_first(client_for: SignedIn, clerk: User, clinician: User) -> None:
    assert "Upload the first file" in client_for(clerk).get(reverse("records:list")).content.decode()
    page = client_for(clinician).get(reverse("records:list")).content.decode()
    assert "Your records clerk" in page
    assert reverse("records:upload") not in page


def test_records_are_listed_fifty_a_page(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    scrubbed(clinic, clerk, 60, scrub=False)
    client = client_for(clerk)
    assert numbers(client) == list(range(1, 51))
    assert numbers(client, page="2") == list(range(51, 61))


def test_records_are_filtered_by_status(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    first, second, third = scrubbed(clinic, clerk, 3)
    Record.objects.filter(pk=second.pk).update(status=Record.Status.APPROVED)
    client = client_for(clerk)
    assert numbers(client, status="scrubbed") == [first.number, third.number]
    assert numbers(client, status="approved") == [second.number]
    assert numbers(client, status="nonsense") == [1, 2, 3]


@pytest.mark.parametrize(
    ("search", "found"), [("2", [2]), ("R-000002", [2]), ("r2", [2]), ("99", []), ("two", []), ("9" * 30, [])]
)
def test_a_record_is_found_by_its_number(
    client_for: SignedIn, clerk: User, clinic: Clinic, search: str, found: list[int]
) -> None:
    scrubbed(clinic, clerk, 3, scrub=False)
    assert numbers(client_for(clerk), number=search) == found


def test_the_list_follows_the_scrubbing_until_it_is_done(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, clerk, scrub=False)[0]
    client = client_for(clerk)
    page = client.get(reverse("records:list")).content.decode()
    assert 'name="poll"' in page
    assert "1 record is still waiting" in page
    scrubbing.scrub_record(record=record)
    fragment = client.get(reverse("records:scrub_progress")).content.decode()
    assert "All records are scrubbed" in fragment
    assert "hx-trigger" not in fragment


def test_a_record_shows_its_words_with_redactions_marked_and_named(
    client_for: SignedIn, clinician: User, clerk: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, clerk)[0]
    response = client_for(clinician).get(reverse("records:record", args=[record.uuid]))
    page = response.content.decode()
    assert '<mark class="redaction kind-person">John Smith<small> Name</small></mark>' in page
    assert '<mark class="redaction kind-number">4417823<small> Record no.</small></mark>' in page
    assert "no-store" in response.headers["Cache-Control"]


def test_each_look_at_a_record_is_in_the_audit_log(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    record = scrubbed(clinic, clerk)[0]
    client = client_for(clerk)
    client.get(reverse("records:record", args=[record.uuid]))
    client.get(reverse("records:record", args=[record.uuid]), {"text": "scrubbed"})
    assert (
        AuditEntry.objects.filter(action="view_record", actor=clerk, subject_id=str(record.uuid)).count() == 2
    )


def test_the_scrubbed_text_can_be_shown_instead(client_for: SignedIn, clerk: User, clinic: Clinic) -> None:
    record = scrubbed(clinic, clerk)[0]
    page = (
        client_for(clerk)
        .get(reverse("records:record", args=[record.uuid]), {"text": "scrubbed"})
        .content.decode()
    )
    assert "Patient [NAME_1] (MRN [MRN_1])" in page
    assert "Smith" not in page


def test_a_hostile_record_is_shown_and_never_run(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    record = scrubbed(
        clinic, officer, text="<script>alert(1)</script> {} John Smith </textarea><b onclick=x>"
    )[0]
    client = client_for(officer)
    for name in ("records:record", "records:review"):
        page = client.get(reverse(name, args=[record.uuid])).content.decode()
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<b onclick" not in page


def test_a_record_that_waits_for_scrubbing_shows_no_words(
    client_for: SignedIn, clerk: User, clinic: Clinic
) -> None:
    record = scrubbed(clinic, clerk, scrub=False)[0]
    page = client_for(clerk).get(reverse("records:record", args=[record.uuid])).content.decode()
    assert "still being scrubbed" in page
    assert "Smith" not in page


@pytest.mark.parametrize(
    ("reason", "said"), [("ScrubError", "upload it again"), ("VaultError", "<code>VaultError")]
)
def test_a_quarantined_record_says_why_and_what_to_do(
    client_for: SignedIn, clerk: User, clinic: Clinic, reason: str, said: str
) -> None:
    record = scrubbed(clinic, clerk, scrub=False)[0]
    Record.objects.filter(pk=record.pk).update(status=Record.Status.QUARANTINED, quarantine_reason=reason)
    page = client_for(clerk).get(reverse("records:record", args=[record.uuid])).content.decode()
    assert said in page
    assert "Smith" not in page


def test_another_clinics_record_does_not_exist(
    client_for: SignedIn, clerk: User, bob: User, other_clinic: Clinic
) -> None:
    theirs = scrubbed(other_clinic, bob)[0]
    client = client_for(clerk)
    response = client.get(reverse("records:record", args=[theirs.uuid]))
    assert response.status_code == 404
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk, facts__wanted=str(theirs.uuid)).count() == 1
    assert numbers(client) == []


@pytest.mark.parametrize("name", ["records:list", "records:scrub_progress", "records:record"])
def test_records_need_a_signed_in_person_and_a_get(
    client: Client, client_for: SignedIn, clerk: User, clinic: Clinic, name: str
) -> None:
    arguments = [scrubbed(clinic, clerk)[0].uuid] if name == "records:record" else []
    address = reverse(name, args=arguments)
    assert client.get(address).status_code == 302
    assert client_for(clerk).post(address).status_code == 405
