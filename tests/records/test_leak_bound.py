"""The blind reading: who reads what, what a leak does, and when a model may learn from a dataset."""

import pytest
from django.db import DatabaseError, transaction
from model_rows import scrubbed_records

from accounts.models import Clinic, User
from audit.models import AuditEntry
from config.commandline import ready_member
from privacy.kinds import Kind
from records import store
from records.models import Dataset, DatasetProposal, Leak, PrivacyPolicy, Record, Redaction, SampledText
from records.readers import Row
from records.services import datasets, leak_bound, proposals, review
from records.services.leak_bound import NotReadable
from records.services.release import NotReleasable, check_releasable
from records.services.review import AddedSpan
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows

pytestmark = pytest.mark.django_db

# A rule cannot know that there is one lighthouse in town; a reader does.
NOTE = "Patient John Smith (MRN 4417823) of the red lighthouse has had a cough for {} days. No fever."


def proposed(clinic: Clinic, user: User, count: int = 8) -> DatasetProposal:
    rows = [Row(n, NOTE.format(n), f"Cough of {n} days.", patient=f"P{n}") for n in range(2, 2 + count)]
    records = import_rows(clinic=clinic, user=user, rows=rows).records
    for record in records:
        scrub_record(record=record)
    review.approve_records(clinic=clinic, records=records, reviewer=user, reason="a test")
    return proposals.propose_dataset(clinic=clinic, user=user, name="autumn")


def frozen(proposal: DatasetProposal, *signers: User) -> Dataset:
    for signer in signers:
        proposals.sign_proposal(proposal=proposal, signer=signer)
    return proposals.freeze_proposal(proposal=proposal, user=signers[0])


def allow(clinic: Clinic, rate: float) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(max_leak_rate=rate)


def read_all(proposal: DatasetProposal, reader: User) -> int:
    number = 0
    while sampled := leak_bound.next_to_read(proposal=proposal, reader=reader):
        leak_bound.read_sampled(sampled=sampled, reader=reader)
        number += 1
    return number


def mark(texts: store.Texts, words: str, kind: Kind = Kind.LOCATION) -> AddedSpan:
    start = texts.source.index(words)
    return AddedSpan("source", start, start + len(words), kind)


def find_leak(proposal: DatasetProposal, reader: User, words: str = "red lighthouse") -> Record:
    sampled = leak_bound.next_to_read(proposal=proposal, reader=reader)
    assert sampled is not None
    texts = leak_bound.open_sampled(sampled=sampled, reader=reader)
    leak_bound.read_sampled(sampled=sampled, reader=reader, leaks=[mark(texts, words)])
    return sampled.scrubbed_text.record


def test_the_sample_is_as_long_as_the_policy_asks_and_all_of_a_small_dataset(
    clinic: Clinic, officer: User
) -> None:
    allow(clinic, 0.5)  # five clean texts put the bound at 45 %
    proposal = proposed(clinic, officer)
    assert [sampled.number for sampled in proposal.sample.all()] == [1, 2, 3, 4, 5]
    allow(clinic, 0.05)
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    again = proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    assert again.sample.count() == again.text_count == 8
    assert leak_bound.standing(again).is_census


def test_the_same_texts_give_the_same_sample_however_often_they_are_proposed(
    clinic: Clinic, officer: User
) -> None:
    allow(clinic, 0.5)
    proposal = proposed(clinic, officer)
    drawn = list(proposal.sample.values_list("scrubbed_text_id", flat=True))
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    again = proposals.propose_dataset(clinic=clinic, user=officer, name="another", seed=99)
    assert list(again.sample.values_list("scrubbed_text_id", flat=True)) == drawn


def test_a_stricter_policy_adds_to_the_sample_and_keeps_what_was_read(
    clinic: Clinic, officer: User, alice: User
) -> None:
    allow(clinic, 0.5)
    proposal = proposed(clinic, officer)
    assert read_all(proposal, alice) == 5
    allow(clinic, 0.4)  # six are needed now
    assert leak_bound.standing(proposal).still_to_read == 1
    assert read_all(proposal, alice) == 1
    assert leak_bound.standing(proposal).is_met


def test_nobody_reads_blind_what_they_reviewed_while_there_is_somebody_else(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    assert leak_bound.next_to_read(proposal=proposal, reader=officer) is None
    sampled = leak_bound.next_to_read(proposal=proposal, reader=alice)
    assert sampled is not None
    with pytest.raises(NotReadable, match="Somebody else"):
        leak_bound.read_sampled(sampled=sampled, reader=officer)
    alice.is_active = False
    alice.save()
    ready_member()  # whoever has the shell reads no sample
    assert leak_bound.next_to_read(proposal=proposal, reader=officer) == sampled


def test_a_text_is_read_once(clinic: Clinic, officer: User, alice: User) -> None:
    sampled = leak_bound.next_to_read(proposal=proposed(clinic, officer), reader=alice)
    assert sampled is not None
    leak_bound.read_sampled(sampled=sampled, reader=alice)
    with pytest.raises(NotReadable, match="in the meantime"):
        leak_bound.read_sampled(sampled=sampled, reader=alice)
    with pytest.raises(DatabaseError, match="read once"), transaction.atomic():
        SampledText.objects.filter(pk=sampled.pk).update(read_at=None, read_by=None)


def test_a_leak_becomes_a_redaction_of_the_record_and_outdates_the_proposal(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    record = find_leak(proposal, alice)
    assert "of the [LOCATION_1] has" in store.open_scrubbed(review.latest_text(record)).source
    added = record.redactions.get(verdict=Redaction.Verdict.ADDED)
    assert store.load_original(record).source[added.start : added.end] == "red lighthouse"
    assert (added.kind, added.decided_by) == ("LOCATION", alice)
    assert proposals.is_outdated(proposal)
    read = leak_bound.standing(proposal)
    assert (read.leaky, read.leaky_by_kind, read.is_met) == (1, {Kind.LOCATION: 1}, False)
    entry = AuditEntry.objects.get(action="read_sampled_text")
    assert (entry.facts["leaks"], entry.subject_id) == (1, str(record.uuid))


def test_a_redaction_that_was_rejected_stays_rejected_when_a_leak_is_hidden(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    for record in Record.objects.all():
        mrn = record.redactions.get(kind="MRN")
        review.review_record(record=record, reviewer=officer, rejected=[mrn.pk])
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    record = find_leak(proposal, alice)
    assert store.open_scrubbed(review.latest_text(record)).source.startswith(
        "Patient [NAME_1] (MRN 4417823) of the [LOCATION_1] has"
    )


@pytest.mark.parametrize("operator", ["placeholder", "surrogate", "mask"])
def test_a_mark_that_touches_a_placeholder_hides_all_that_stands_behind_it(
    clinic: Clinic, officer: User, alice: User, operator: str
) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator=operator)
    proposal = proposed(clinic, officer)
    record = find_leak(proposal, alice, "_1]) of the red lighthouse")
    added = record.redactions.get(verdict=Redaction.Verdict.ADDED)
    assert store.load_original(record).source[added.start : added.end] == "4417823) of the red lighthouse"
    assert "lighthouse" not in store.open_scrubbed(review.latest_text(record)).source


@pytest.mark.parametrize(
    ("operator", "left"),
    [("placeholder", "Patient [NAME_1] (MRN [LOCATION_1] has"), ("mask", "Patient ***** (MRN ***** has")],
)
def test_a_leak_is_hidden_in_the_scrubbed_text_where_the_original_was_deleted(
    clinic: Clinic, officer: User, alice: User, operator: str, left: str
) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator=operator)
    proposal = proposed(clinic, officer)
    for record in Record.objects.all():
        store.delete_original(clinic, record.uuid)
    words = {"placeholder": "RN_1]) of the red lighthouse", "mask": "*****) of the red lighthouse"}[operator]
    record = find_leak(proposal, alice, words)
    assert store.open_scrubbed(review.latest_text(record)).source.startswith(left)
    assert proposals.is_outdated(proposal)
    assert leak_bound.standing(proposal).leaky == 1


def test_surrogates_without_an_original_cannot_be_read_blind(
    clinic: Clinic, officer: User, alice: User
) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator="surrogate")
    proposal = proposed(clinic, officer)
    for record in Record.objects.all():
        store.delete_original(clinic, record.uuid)
    with pytest.raises(NotReadable, match="Made-up words"), transaction.atomic():
        find_leak(proposal, alice)
    assert leak_bound.standing(proposal).read == 0


@pytest.mark.parametrize("words", ["[NAME_1]", "AME_1", "] (", "."])
def test_what_is_hidden_already_is_no_leak(clinic: Clinic, officer: User, alice: User, words: str) -> None:
    proposal = proposed(clinic, officer)
    with pytest.raises(NotReadable, match="hidden already"), transaction.atomic():
        find_leak(proposal, alice, words)
    assert not Leak.objects.exists()
    assert leak_bound.standing(proposal).read == 0


def test_training_is_locked_until_the_whole_sample_was_found_clean(
    clinic: Clinic, officer: User, alice: User
) -> None:
    allow(clinic, 0.5)
    proposal = proposed(clinic, officer)
    dataset = frozen(proposal, officer, alice)
    with pytest.raises(NotReleasable, match="5 more records"):
        check_releasable(dataset)
    read_all(proposal, alice)
    check_releasable(dataset)
    assert leak_bound.standing(proposal).overall.rate == pytest.approx(0.4507, abs=0.0001)
    allow(clinic, 0.4)
    with pytest.raises(NotReleasable, match="1 more record"):
        check_releasable(dataset)


def test_a_leak_locks_a_frozen_dataset_for_good(clinic: Clinic, officer: User, alice: User) -> None:
    allow(clinic, 0.5)
    proposal = proposed(clinic, officer)
    dataset = frozen(proposal, officer, alice)
    find_leak(proposal, alice)
    read_all(proposal, alice)
    with pytest.raises(NotReleasable, match="another name"):
        check_releasable(dataset)


def test_a_record_reviewed_again_locks_the_datasets_that_hold_its_old_text(
    clinic: Clinic, officer: User, alice: User
) -> None:
    proposal = proposed(clinic, officer)
    dataset = frozen(proposal, officer, alice)
    read_all(proposal, alice)
    check_releasable(dataset)
    record = Record.objects.get(number=2)
    added = mark(store.load_original(record), "red lighthouse")
    review.review_record(record=record, reviewer=officer, added=[added])
    with pytest.raises(NotReleasable, match="reviewed again"):
        check_releasable(dataset)


def test_an_attested_dataset_is_free_and_one_without_a_proposal_is_not(
    clinic: Clinic, officer: User, alice: User
) -> None:
    records = scrubbed_records(clinic, officer)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="a test")
    check_releasable(datasets.freeze_dataset(clinic=clinic, name="shell", user=officer, attestation="a test"))
    old = frozen(proposals.propose_dataset(clinic=clinic, user=officer, name="old"), officer, alice)
    DatasetProposal.objects.all().delete()
    with pytest.raises(NotReleasable, match="before two people"):
        check_releasable(old)
