"""Before a dataset is frozen, two people sign exactly what it will hold. The database insists, not the page alone."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from model_rows import scrubbed_records

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry
from records.models import Dataset, DatasetProposal, ProposedText, Record, Signature
from records.services import datasets, proposals, review
from records.services.proposals import ProposalRefused

pytestmark = pytest.mark.django_db


def proposed(clinic: Clinic, user: User, count: int = 6, name: str = "autumn") -> DatasetProposal:
    records = scrubbed_records(clinic, user, count)
    review.approve_records(clinic=clinic, records=records, reviewer=user, reason="a test")
    return proposals.propose_dataset(clinic=clinic, user=user, name=name)


def review_again(record: Record, reviewer: User) -> None:
    """Let the next review give the record another text."""
    name = record.redactions.filter(kind="NAME").first()
    assert name is not None
    review.review_record(record=record, reviewer=reviewer, rejected=[name.pk])


def test_two_signatures_make_a_dataset_of_exactly_what_was_proposed(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    proposals.sign_proposal(proposal=proposal, signer=officer)
    proposals.sign_proposal(proposal=proposal, signer=alice)
    dataset = proposals.freeze_proposal(proposal=proposal, user=officer)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.dataset) == (DatasetProposal.Status.FROZEN, dataset)
    assert dataset.content_hash == proposal.content_hash
    assert dataset.attestation == ""
    assert {(item.scrubbed_text_id, item.split) for item in dataset.items.all()} == {
        (text.scrubbed_text_id, text.split) for text in proposal.texts.all()
    }


def test_one_signature_is_not_enough(clinic: Clinic, officer: User) -> None:
    proposal = proposed(clinic, officer)
    proposals.sign_proposal(proposal=proposal, signer=officer)
    with pytest.raises(ProposalRefused, match="Two people"):
        proposals.freeze_proposal(proposal=proposal, user=officer)
    assert not Dataset.objects.exists()


def test_the_same_person_cannot_sign_twice_by_the_page_or_by_the_database(
    clinic: Clinic, officer: User
) -> None:
    proposal = proposed(clinic, officer)
    proposals.sign_proposal(proposal=proposal, signer=officer)
    with pytest.raises(ProposalRefused, match="Another person"):
        proposals.sign_proposal(proposal=proposal, signer=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Signature.objects.create(proposal=proposal, signer=officer, content_hash=proposal.content_hash)
    assert proposal.signatures.count() == 1


def test_the_database_refuses_a_dataset_that_nobody_signed(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    proposals.sign_proposal(proposal=proposal, signer=officer)
    texts = [(each.scrubbed_text, each.split) for each in proposal.texts.all()]
    for name in ("autumn", "another"):
        with pytest.raises(DatabaseError, match="two signatures"), transaction.atomic():
            datasets.freeze(clinic=clinic, name=name, user=officer, seed=7, assigned=texts)
    proposals.sign_proposal(proposal=proposal, signer=alice)
    with pytest.raises(DatabaseError, match="two signatures"), transaction.atomic():
        datasets.freeze(clinic=clinic, name="autumn", user=officer, seed=7, assigned=texts[:-1])


def test_the_database_refuses_a_signature_for_other_content(clinic: Clinic, officer: User) -> None:
    proposal = proposed(clinic, officer)
    with pytest.raises(DatabaseError, match="content of an open proposal"), transaction.atomic():
        Signature.objects.create(proposal=proposal, signer=officer, content_hash="0" * 64)


def test_a_record_reviewed_again_makes_signatures_void(clinic: Clinic, officer: User, alice: User) -> None:
    proposal = proposed(clinic, officer)
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    record = Record.objects.get(number=3)
    review_again(record, alice)
    assert [text.scrubbed_text.record for text in proposals.changed_texts(proposal)] == [record]
    with pytest.raises(ProposalRefused, match="Propose it again"):
        proposals.freeze_proposal(proposal=proposal, user=officer)
    again = proposals.propose_again(proposal=proposal, user=officer)
    assert (again.name, again.signatures.count()) == ("autumn", 0)
    assert again.content_hash != proposal.content_hash
    proposal.refresh_from_db()
    assert proposal.status == DatasetProposal.Status.WITHDRAWN


def test_a_review_that_changes_no_text_leaves_signatures_standing(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    review.review_record(record=Record.objects.get(number=3), reviewer=alice)
    assert not proposals.is_outdated(proposal)


def test_a_withdrawn_proposal_can_be_neither_signed_nor_frozen_nor_withdrawn_again(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    for attempt in (proposals.freeze_proposal, proposals.withdraw_proposal):
        with pytest.raises(ProposalRefused, match="no longer waiting"):
            attempt(proposal=proposal, user=officer)
    with pytest.raises(ProposalRefused, match="no longer waiting"):
        proposals.sign_proposal(proposal=proposal, signer=alice)


def test_a_name_is_taken_by_an_open_proposal_and_by_a_dataset(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    with pytest.raises(datasets.NameTaken):
        proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    proposals.freeze_proposal(proposal=proposal, user=officer)
    with pytest.raises(datasets.NameTaken):
        proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (DatasetProposal, "content_hash", "0" * 64),
        (DatasetProposal, "sample_seed", "0" * 64),
        (ProposedText, "split", "test"),
        (Signature, "content_hash", "0" * 64),
    ],
)
def test_what_was_proposed_and_signed_cannot_be_changed_even_by_sql(
    clinic: Clinic, officer: User, model: type, field: str, value: str
) -> None:
    proposals.sign_proposal(proposal=proposed(clinic, officer), signer=officer)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        model.objects.update(**{field: value})  # type: ignore[attr-defined]


def test_proposing_signing_withdrawing_and_freezing_stand_in_the_chained_log(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    proposals.freeze_proposal(proposal=proposal, user=alice)
    written = AuditEntry.objects.filter(clinic=clinic, action__endswith="_dataset").order_by("sequence")
    assert [(entry.action, entry.actor) for entry in written] == [
        ("propose_dataset", officer),
        ("withdraw_dataset", officer),
        ("propose_dataset", officer),
        ("sign_dataset", officer),
        ("sign_dataset", alice),
        ("freeze_dataset", alice),
    ]
    assert {entry.facts["content_hash"] for entry in written} == {proposal.content_hash}
    assert log.faults(clinic) == []


def test_an_attested_dataset_says_why_in_the_log(clinic: Clinic, officer: User) -> None:
    proposed(clinic, officer)
    datasets.freeze_dataset(clinic=clinic, name="shell", user=officer, attestation="manage.py train")
    entry = AuditEntry.objects.get(action="freeze_dataset")
    assert entry.facts["attestation"] == "manage.py train"
