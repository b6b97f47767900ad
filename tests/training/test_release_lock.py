"""No run starts, or starts again, on a dataset whose sample was not read, or in which a leak is known."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from model_rows import BASE, scrubbed_records

from accounts.models import Clinic, User
from privacy.kinds import Kind
from records.models import Dataset, DatasetProposal, PrivacyPolicy
from records.services import leak_bound, proposals, review
from records.services.review import AddedSpan
from training.models import Status, TrainingRun
from training.options import RunOptions
from training.services.runs import RunRefused, retry_run, start_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposal(clinic: Clinic, officer: User, alice: User, base_is_here: None) -> DatasetProposal:
    """Six signed and frozen records, of which five are in the sample."""
    records = scrubbed_records(clinic, officer)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="a test")
    PrivacyPolicy.objects.filter(clinic=clinic).update(max_leak_rate=0.5)
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    for signer in (officer, alice):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    proposals.freeze_proposal(proposal=proposal, user=alice)
    return proposal


def start(user: User, name: str = "first") -> TrainingRun:
    return start_run(
        clinic=user.membership.clinic,
        user=user,
        name=name,
        dataset=Dataset.objects.get(),
        base=BASE,
        options=RunOptions(),
    )


def read(proposal: DatasetProposal, reader: User, leaks: list[AddedSpan]) -> None:
    while sampled := leak_bound.next_to_read(proposal=proposal, reader=reader):
        leak_bound.read_sampled(sampled=sampled, reader=reader, leaks=leaks)
        leaks = []


def test_an_unread_sample_locks_and_a_clean_one_unlocks(alice: User, proposal: DatasetProposal) -> None:
    with pytest.raises(RunRefused, match="5 more records of its sample"):
        start(alice)
    assert not TrainingRun.objects.exists()
    read(proposal, alice, [])
    assert start(alice).status == Status.QUEUED


def test_the_page_says_what_to_do_first(
    alice: User, proposal: DatasetProposal, client_for: Callable[[User], Client]
) -> None:
    chosen = {"dataset": Dataset.objects.get().pk, "base": BASE, "name": "first", "types": ["Q8_0"]}
    defaults = {"epochs": 1, "learning_rate": 0.0005, "lora_rank": 8, "max_train_rows": 0, "evaluate_rows": 4}
    response = client_for(alice).post(reverse("training:start_run"), chosen | defaults)
    assert response.status_code == 400
    assert "must be read blind and found clean" in response.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_leak_found_while_a_run_failed_keeps_it_from_starting_again(
    alice: User, officer: User, proposal: DatasetProposal
) -> None:
    read(proposal, alice, [])
    run = start(alice)
    TrainingRun.objects.filter(pk=run.pk).update(status=Status.FAILED)
    record = proposal.sample.get(number=1).scrubbed_text.record
    review.review_record(record=record, reviewer=officer, added=[AddedSpan("source", 0, 7, Kind.NAME)])
    with pytest.raises(RunRefused, match="reviewed again"):
        retry_run(run=run, user=alice)
