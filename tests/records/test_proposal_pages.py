"""The pages of a proposed dataset: signed by two, read blind by somebody else, frozen, unlocked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records import store
from records.models import Dataset, DatasetProposal, Leak, PrivacyPolicy, Record, Redaction
from records.readers import Row
from records.services import leak_bound, proposals, review
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], Client]

# A rule cannot know that there is one lighthouse in town; a reader does.
NOTE = "Patient John Smith of the red lighthouse has had a cough for {} days. No fever.\r\nLungs clear."
DOORS = ["proposal_sign", "proposal_freeze", "proposal_withdraw", "proposal_again"]


@pytest.fixture
def proposal(clinic: Clinic, officer: User) -> DatasetProposal:
    rows = [Row(n, NOTE.format(n), f"Cough of {n} days.", patient=f"P{n}") for n in range(2, 10)]
    records = import_rows(clinic=clinic, user=officer, rows=rows).records
    for record in records:
        scrub_record(record=record)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="a test")
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(max_leak_rate=0.5)  # five of the eight are drawn
    return proposals.propose_dataset(clinic=clinic, user=officer, name="Autumn")


def url(name: str, proposal: DatasetProposal) -> str:
    return reverse(f"records:{name}", args=[proposal.uuid])


def page_of(client: Client, proposal: DatasetProposal, name: str = "proposal") -> str:
    return client.get(url(name, proposal), follow=True).content.decode()


def send(client: Client, proposal: DatasetProposal, number: object = 1, **data: Any) -> Any:
    return client.post(url("proposal_sample", proposal), {"number": number, "kind": "LOCATION", **data})


def test_two_people_sign_and_the_dataset_is_frozen(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    first, second = client_for(officer), client_for(alice)
    assert "Sign as olga" in page_of(first, proposal)
    assert (
        "Another person must sign too"
        in first.post(url("proposal_sign", proposal), follow=True).content.decode()
    )
    assert "Freeze 8 records" not in page_of(second, proposal)
    second.post(url("proposal_sign", proposal))
    assert "Freeze 8 records" in page_of(second, proposal)
    response = second.post(url("proposal_freeze", proposal), follow=True)
    dataset = Dataset.objects.get()
    assert response.redirect_chain[-1][0] == reverse("records:dataset", args=[dataset.uuid])
    page = response.content.decode()
    assert "olga</strong>" in page
    assert "alice</strong>" in page
    assert "5 more records" in page


def test_the_same_person_is_told_that_somebody_else_must_sign(
    client_for: SignedIn, officer: User, proposal: DatasetProposal
) -> None:
    client = client_for(officer)
    client.post(url("proposal_sign", proposal))
    said = client.post(url("proposal_sign", proposal), follow=True).content.decode()
    assert "You have signed this dataset already" in said
    assert proposal.signatures.count() == 1
    refused = client.post(url("proposal_freeze", proposal), follow=True).content.decode()
    assert "Two people must sign" in refused
    assert not Dataset.objects.exists()


def test_a_changed_record_is_named_and_the_dataset_is_proposed_again(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    proposals.sign_proposal(proposal=proposal, signer=officer)
    record = Record.objects.get(number=3)
    review.review_record(
        record=record, reviewer=alice, rejected=[each.pk for each in record.redactions.all()]
    )
    client = client_for(officer)
    page = page_of(client, proposal)
    assert "Signatures do not count any more" in page
    assert reverse("records:record", args=[record.uuid]) in page
    assert "Sign as" not in page
    refused = client_for(alice).post(url("proposal_sign", proposal), follow=True).content.decode()
    assert "Propose it again" in refused
    response = client.post(url("proposal_again", proposal))
    fresh = DatasetProposal.objects.get(status="open")
    assert response.headers["Location"] == url("proposal", fresh)
    assert (fresh.name, fresh.signatures.count()) == ("Autumn", 0)


def test_a_withdrawn_proposal_only_says_so(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    client = client_for(officer)
    assert (
        "Autumn is withdrawn" in client.post(url("proposal_withdraw", proposal), follow=True).content.decode()
    )
    for door in DOORS:
        refused = client.post(url(door, proposal), follow=True).content.decode()
        assert "no longer waiting for signatures" in refused
    page = client_for(alice).get(url("proposal_sample", proposal), follow=True).content.decode()
    assert "not read any more" in page
    assert "Read the next text" not in page
    assert "Autumn" not in client.get(reverse("records:datasets")).content.decode()


def test_the_blind_page_shows_the_scrubbed_words_and_nothing_else(
    client_for: SignedIn, alice: User, proposal: DatasetProposal
) -> None:
    response = client_for(alice).get(url("proposal_sample", proposal))
    page = response.content.decode()
    assert "Patient [NAME_1] of the red lighthouse has had" in page
    assert "John Smith" not in page
    for telling in ("R-0000", "redaction", "legend", "unsure", "score"):
        assert telling not in page
    assert "no-store" in response["Cache-Control"]
    assert AuditEntry.objects.filter(action="view_sampled_text", actor=alice).count() == 1


def test_who_reviewed_a_record_does_not_read_it_blind(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    client = client_for(officer)
    assert "somebody else must read it" in page_of(client, proposal)
    assert client.get(url("proposal_sample", proposal)).headers["Location"] == url("proposal", proposal)
    assert (
        "You reviewed this record yourself"
        in send(client, proposal).wsgi_request._messages._queued_messages[0].message
    )
    assert leak_bound.standing(proposal).read == 0


def test_reading_the_whole_sample_clean_unlocks_training(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    dataset = proposals.freeze_proposal(proposal=proposal, user=officer)
    client = client_for(alice)
    for number in range(1, 6):
        before = page_of(client, proposal)
        assert "Training is locked" in before
        assert "Train a model" not in before
        assert send(client, proposal, number).headers["Location"] == url("proposal_sample", proposal)
    page = client.get(reverse("records:dataset", args=[dataset.uuid])).content.decode()
    assert "45.07 %" in page
    assert "limit of 50 % is met" in page
    assert "Train a model" in page
    assert client.get(url("proposal_sample", proposal)).status_code == 302


@pytest.mark.parametrize("by", ["marks", "words"])
def test_a_leak_is_hidden_in_its_record_and_shown_by_kind(
    client_for: SignedIn, alice: User, proposal: DatasetProposal, by: str
) -> None:
    client = client_for(alice)
    response = client.get(url("proposal_sample", proposal))
    start = "".join(piece.text for piece in response.context["source"]).index("red lighthouse")
    marks = [{"field": "source", "start": start, "end": start + 14, "kind": "LOCATION"}]
    data = {"marks": json.dumps(marks)} if by == "marks" else {"words": "red lighthouse"}
    assert send(client, proposal, **data).status_code == 302
    record = proposal.sample.get(number=1).scrubbed_text.record
    text = store.open_scrubbed(review.latest_text(record)).source
    assert "Patient [NAME_1] of the [LOCATION_1] has had" in text
    assert text.endswith("Lungs clear.")
    assert record.redactions.filter(verdict=Redaction.Verdict.ADDED, decided_by=alice).count() == 1
    page = page_of(client, proposal)
    assert "1 text still identified somebody" in page
    assert "Place" in page
    assert "Signatures do not count any more" in page


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"words": "zorblax"}, "does not stand in this record"),
        ({"marks": "no json"}, "Enter a valid JSON"),
        ({"marks": '[{"field": "source", "start": "0", "end": 4, "kind": "NAME"}]'}, "could not be read"),
        ({"kind": "PET"}, "Select a valid choice"),
    ],
)
def test_a_bad_form_is_explained_and_nothing_is_read(
    client_for: SignedIn, alice: User, proposal: DatasetProposal, data: dict[str, str], said: str
) -> None:
    response = send(client_for(alice), proposal, **data)
    assert response.status_code == 400
    assert said in response.content.decode()
    assert leak_bound.standing(proposal).read == 0


@pytest.mark.parametrize(
    "mark",
    [{"start": 0, "end": 9999}, {"start": 5, "end": 5}, {"start": 8, "end": 16}],
    ids=["far", "empty", "hidden"],
)
def test_a_mark_of_nothing_is_refused(
    client_for: SignedIn, alice: User, proposal: DatasetProposal, mark: dict[str, int]
) -> None:
    marks = json.dumps([{"field": "source", "kind": "NAME", **mark}])
    assert send(client_for(alice), proposal, marks=marks).status_code == 302
    assert leak_bound.standing(proposal).read == 0
    assert not Leak.objects.exists()


@pytest.mark.parametrize("number", ["99", "x", "", "-1", "9" * 40])
def test_a_number_outside_the_sample_reads_nothing(
    client_for: SignedIn, alice: User, proposal: DatasetProposal, number: str
) -> None:
    assert send(client_for(alice), proposal, number).status_code == 302
    assert leak_bound.standing(proposal).read == 0


def test_a_text_that_somebody_else_has_read_is_left_alone(
    client_for: SignedIn, alice: User, proposal: DatasetProposal
) -> None:
    client = client_for(alice)
    send(client, proposal)
    assert (
        "has read this text in the meantime"
        in client.get(send(client, proposal, words="red lighthouse").headers["Location"]).content.decode()
    )
    assert not Leak.objects.exists()


def test_a_small_dataset_is_read_in_whole(
    client_for: SignedIn, officer: User, alice: User, clinic: Clinic, proposal: DatasetProposal
) -> None:
    PrivacyPolicy.objects.filter(clinic=clinic).update(max_leak_rate=0.05)
    client = client_for(alice)
    assert "8 more clean records are needed" in page_of(client, proposal)
    for number in range(1, 9):
        client.get(url("proposal_sample", proposal))
        send(client, proposal, number)
    page = page_of(client, proposal)
    assert "All 8 read" in page
    assert "0.00 %" in page
    assert "limit of 5 % is met" in page


def test_earlier_leaks_are_not_forgotten_when_another_sample_is_drawn(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    send(client_for(alice), proposal, words="red lighthouse")
    fresh = proposals.propose_again(proposal=proposal, user=officer)
    assert "1 text leaked" in page_of(client_for(alice), fresh)


@pytest.mark.parametrize("door", [*DOORS, "proposal", "proposal_sample"])
def test_clerks_clinicians_and_strangers_stay_outside(
    client_for: SignedIn,
    client: Client,
    clerk: User,
    clinician: User,
    bob: User,
    proposal: DatasetProposal,
    door: str,
) -> None:
    for somebody, status in (
        (client, 302),
        (client_for(clerk), 403),
        (client_for(clinician), 403),
        (client_for(bob), 404),
    ):
        assert somebody.get(url(door, proposal)).status_code in (status, 405)
        if door != "proposal":
            assert somebody.post(url(door, proposal)).status_code == status
    proposal.refresh_from_db()
    assert (proposal.status, proposal.signatures.count()) == ("open", 0)
    assert AuditEntry.objects.filter(actor=bob, outcome="DENY").exists()


@pytest.mark.parametrize("door", DOORS)
def test_what_changes_a_proposal_is_only_posted(
    client_for: SignedIn, officer: User, proposal: DatasetProposal, door: str
) -> None:
    assert client_for(officer).get(url(door, proposal)).status_code == 405
    assert client_for(officer).post(url("proposal", proposal)).status_code == 405
    proposal.refresh_from_db()
    assert proposal.status == "open"


def test_no_page_makes_an_attested_dataset(
    client_for: SignedIn, officer: User, alice: User, proposal: DatasetProposal
) -> None:
    client = client_for(alice)
    for door in [*DOORS, "proposal_sample"]:
        client.post(url(door, proposal), {"attestation": "on my word", "number": 1, "kind": "NAME"})
    client.post(reverse("records:propose"), {"name": "x", "seed": 7, "attestation": "on my word"})
    assert not Dataset.objects.exists()
