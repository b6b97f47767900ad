"""Datasets: proposing the reviewed records, and looking at what was frozen."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import Dataset, DatasetProposal, Record
from records.readers import Row
from records.services import datasets, proposals, review, scrubbing, uploads

SignedIn = Callable[[User], Client]


def approved(clinic: Clinic, user: User, count: int = 10) -> None:
    lines = [
        json.dumps(
            {"text": f"A cough of {n + 2} days.", "summary": f"Cough, {n + 2} days.", "patient": f"P{n}"}
        )
        for n in range(count)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=user, name="n.jsonl", data="\n".join(lines).encode()
    )
    found = uploads.confirm_upload(upload=upload, user=user).records
    scrubbing.scrub_upload(upload=upload)
    review.approve_records(clinic=clinic, records=found, reviewer=user, reason="test")


def frozen(clinic: Clinic, user: User, name: str = "First") -> Dataset:
    approved(clinic, user)
    return datasets.freeze_dataset(clinic=clinic, name=name, user=user, attestation="a test")


def test_proposing_leads_to_a_page_that_waits_for_signatures(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    approved(clinic, officer)
    client = client_for(officer)
    assert "Propose 10 records" in client.get(reverse("records:propose")).content.decode()
    response = client.post(reverse("records:propose"), {"name": "First", "seed": "7"})
    proposal = DatasetProposal.objects.get()
    assert response.headers["Location"] == reverse("records:proposal", args=[proposal.uuid])
    page = client.get(response.headers["Location"]).content.decode()
    assert proposal.content_hash in page
    assert "8 records" in page
    assert "R-000001" in page
    assert AuditEntry.objects.filter(action="propose_dataset", actor=officer).count() == 1
    listed = client.get(reverse("records:datasets")).content.decode()
    assert "Waiting for signatures" in listed
    assert "First" in listed
    assert not Dataset.objects.exists()


def test_an_attested_dataset_says_on_its_page_that_nobody_signed(
    client_for: SignedIn, officer: User, alice: User, clinic: Clinic
) -> None:
    dataset = frozen(clinic, officer)
    page = client_for(alice).get(reverse("records:dataset", args=[dataset.uuid])).content.decode()
    assert "by nobody; frozen at the machine itself: a test" in page
    assert dataset.content_hash in page
    assert "Train a model" in page


def test_too_few_patients_are_explained_before_and_after_trying(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    approved(clinic, officer, 2)
    client = client_for(officer)
    assert "at least 3 patients" in client.get(reverse("records:propose")).content.decode()
    response = client.post(reverse("records:propose"), {"name": "First", "seed": "7"})
    assert response.status_code == 400
    assert "3 are needed" in response.content.decode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": "First", "seed": "7"}, "exists already"),
        ({"name": "", "seed": "7"}, "required"),
        ({"name": "x" * 81, "seed": "7"}, "at most 80"),
        ({"name": "Second", "seed": "-1"}, "greater than or equal"),
    ],
)
def test_bad_choices_are_explained_and_propose_nothing(
    client_for: SignedIn, officer: User, clinic: Clinic, data: dict[str, str], said: str
) -> None:
    frozen(clinic, officer)
    response = client_for(officer).post(reverse("records:propose"), data)
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not DatasetProposal.objects.exists()


def test_a_record_without_summary_is_not_counted_as_ready(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    approved(clinic, officer, 4)
    Record.objects.filter(number=1).update(has_summary=False)
    page = client_for(officer).get(reverse("records:propose")).content.decode()
    assert "3 reviewed records" in page


def test_records_without_a_summary_come_along_where_they_are_asked_for_and_are_never_held_out(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    approved(clinic, officer, 20)
    first = datasets.assign_splits(datasets.ready_records(clinic), seed=7)
    held_out = next(text.record for text, split in first if split == "test")
    # Another record of a patient who is held out, and one of a patient nobody knew.
    rows = [Row(n, f"A rash of {n} days.", "", patient=patient) for n, patient in ((3, "same"), (5, "other"))]
    for record in uploads.import_rows(clinic=clinic, user=officer, rows=rows).records:
        scrubbing.scrub_record(record=record)
    same, other = Record.objects.filter(has_summary=False)
    Record.objects.filter(pk=same.pk).update(patient_key=held_out.patient_key)
    review.approve_records(clinic=clinic, records=[same, other], reviewer=officer, reason="test")
    client = client_for(officer)
    assert "2 reviewed records have none" in client.get(reverse("records:propose")).content.decode()
    client.post(reverse("records:propose"), {"name": "Without", "seed": "7"})
    client.post(reverse("records:propose"), {"name": "With", "seed": "7", "with_unlabelled": "on"})
    without, with_them = DatasetProposal.objects.order_by("pk")
    both = [
        {text.scrubbed_text.record: text.split for text in each.texts.all()} for each in (without, with_them)
    ]
    assert both[1] == {**both[0], other: "train"}
    page = client.get(reverse("records:proposal", args=[with_them.uuid])).content.decode()
    assert "1 record, for a teacher to write one" in page
    again = proposals.propose_again(proposal=with_them, user=officer)
    assert again.content_hash == with_them.content_hash


def test_no_datasets_yet_says_who_makes_the_first(client_for: SignedIn, officer: User) -> None:
    assert (
        "Propose the first dataset" in client_for(officer).get(reverse("records:datasets")).content.decode()
    )


def test_another_clinics_dataset_does_not_exist(
    client_for: SignedIn, officer: User, bob: User, other_clinic: Clinic
) -> None:
    theirs = frozen(other_clinic, bob, "Theirs")
    client = client_for(officer)
    assert client.get(reverse("records:dataset", args=[theirs.uuid])).status_code == 404
    assert "Theirs" not in client.get(reverse("records:datasets")).content.decode()
    assert (
        AuditEntry.objects.filter(outcome="DENY", actor=officer, facts__wanted=str(theirs.uuid)).count() == 1
    )


@pytest.mark.parametrize("name", ["records:datasets", "records:propose", "records:dataset"])
def test_a_clerk_has_no_business_with_datasets(
    client_for: SignedIn, client: Client, clerk: User, officer: User, clinic: Clinic, name: str
) -> None:
    arguments = [frozen(clinic, officer).uuid] if name == "records:dataset" else []
    assert client.get(reverse(name, args=arguments)).status_code == 302
    assert client_for(clerk).get(reverse(name, args=arguments)).status_code == 403
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk, action=name).count() == 1


def test_a_dataset_is_only_looked_at(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    dataset = frozen(clinic, officer)
    client = client_for(officer)
    assert client.post(reverse("records:dataset", args=[dataset.uuid])).status_code == 405
    assert client.delete(reverse("records:propose")).status_code == 405
