"""Datasets before they are frozen: proposed with the exact texts they will hold, then signed by two people."""

import hashlib
import hmac
import json

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import Clinic, User
from audit import log
from config.keys import derive
from records.models import Dataset, DatasetProposal, ProposedText, Record, ScrubbedText, Signature
from records.services import leak_bound
from records.services.datasets import (
    Assigned,
    NameTaken,
    assign_splits,
    content_hash,
    freeze,
    ready_records,
    unlabelled_records,
)

SIGNATURES_NEEDED = 2


class ProposalRefused(Exception):
    """The proposal cannot be signed, frozen or withdrawn; the message says why and what to do."""


@transaction.atomic
def propose_dataset(
    *, clinic: Clinic, user: User, name: str, seed: int = 7, with_unlabelled: bool = False
) -> DatasetProposal:
    """Fix which texts a dataset would hold, and draw the sample for its blind reading.

    ``with_unlabelled``: records without a summary too, to train on once a teacher has written one.
    Raises ``NameTaken`` and ``NotEnoughRecords``.
    """
    is_open = DatasetProposal.objects.filter(clinic=clinic, name=name, status=DatasetProposal.Status.OPEN)
    if is_open.exists() or Dataset.objects.filter(clinic=clinic, name=name).exists():
        raise NameTaken(name)
    ready = ready_records(clinic)
    assigned = assign_splits(ready | unlabelled_records(clinic) if with_unlabelled else ready, seed)
    proposal = DatasetProposal.objects.create(
        clinic=clinic,
        name=name,
        seed=seed,
        content_hash=content_hash(assigned),
        sample_seed=_sample_seed(assigned),
        text_count=len(assigned),
        proposed_by=user,
    )
    ProposedText.objects.bulk_create(
        [ProposedText(proposal=proposal, scrubbed_text=text, split=split) for text, split in assigned],
        batch_size=500,
    )
    drawn = leak_bound.draw_sample(proposal)
    log.record(
        clinic=clinic,
        actor=user,
        action="propose_dataset",
        subject=proposal,
        content_hash=proposal.content_hash,
        records=proposal.text_count,
        sample=drawn,
    )
    return proposal


@transaction.atomic
def propose_again(*, proposal: DatasetProposal, user: User) -> DatasetProposal:
    """Withdraw an open proposal, and propose under its name what is reviewed by now."""
    withdraw_proposal(proposal=proposal, user=user)
    return propose_dataset(
        clinic=proposal.clinic,
        user=user,
        name=proposal.name,
        seed=proposal.seed,
        with_unlabelled=unlabelled_texts(proposal).exists(),
    )


@transaction.atomic
def sign_proposal(*, proposal: DatasetProposal, signer: User) -> Signature:
    """One person's word for the content as it was proposed. Raises ``ProposalRefused``."""
    held = _held_open(proposal)
    try:
        with transaction.atomic():
            signature = Signature.objects.create(proposal=held, signer=signer, content_hash=held.content_hash)
    except IntegrityError as error:
        raise ProposalRefused(
            "You have signed this dataset already. Another person must sign too."
        ) from error
    log.record(
        clinic=held.clinic,
        actor=signer,
        action="sign_dataset",
        subject=held,
        content_hash=held.content_hash,
        signature=held.signatures.count(),
    )
    return signature


@transaction.atomic
def freeze_proposal(*, proposal: DatasetProposal, user: User) -> Dataset:
    """The dataset, once two people have signed. Raises ``ProposalRefused`` and ``NameTaken``."""
    held = _held_open(proposal)
    signed = held.signatures.filter(content_hash=held.content_hash).count()
    if signed < SIGNATURES_NEEDED:
        raise ProposalRefused("Two people must sign a dataset before it is frozen.")
    texts = held.texts.select_related("scrubbed_text").defer("scrubbed_text__blob")
    dataset = freeze(
        clinic=held.clinic,
        name=held.name,
        user=user,
        seed=held.seed,
        assigned=[(each.scrubbed_text, each.split) for each in texts],
    )
    held.status, held.dataset = DatasetProposal.Status.FROZEN, dataset
    held.save(update_fields=["status", "dataset"])
    return dataset


@transaction.atomic
def withdraw_proposal(*, proposal: DatasetProposal, user: User) -> None:
    is_open = DatasetProposal.objects.filter(pk=proposal.pk, status=DatasetProposal.Status.OPEN)
    if not is_open.update(status=DatasetProposal.Status.WITHDRAWN):
        raise ProposalRefused("This dataset is no longer waiting for signatures.")
    log.record(
        clinic=proposal.clinic,
        actor=user,
        action="withdraw_dataset",
        subject=proposal,
        content_hash=proposal.content_hash,
    )


def changed_texts(proposal: DatasetProposal) -> models.QuerySet[ProposedText]:
    """Texts of the proposal that are not their record's newest reviewed version any more."""
    later = ScrubbedText.objects.filter(
        record=OuterRef("scrubbed_text__record"), version__gt=OuterRef("scrubbed_text__version")
    )
    changed = Exists(later) | ~Q(scrubbed_text__record__status=Record.Status.APPROVED)
    return proposal.texts.filter(changed).select_related("scrubbed_text__record").defer("scrubbed_text__blob")


def unlabelled_texts(proposal: DatasetProposal) -> models.QuerySet[ProposedText]:
    return proposal.texts.filter(scrubbed_text__record__has_summary=False)


def is_outdated(proposal: DatasetProposal) -> bool:
    """A text was reviewed again or erased, so that nobody's signature is for what the dataset would hold."""
    return changed_texts(proposal).exists() or proposal.texts.count() < proposal.text_count


def _held_open(proposal: DatasetProposal) -> DatasetProposal:
    """The proposal's row, locked; raises ``ProposalRefused`` unless it can still be signed."""
    held = (
        DatasetProposal.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=proposal.pk)
    )
    if held.status != DatasetProposal.Status.OPEN:
        raise ProposalRefused("This dataset is no longer waiting for signatures.")
    if is_outdated(held):
        raise ProposalRefused(
            "Records of this dataset have changed since it was proposed, so its signatures do not count. "
            "Propose it again."
        )
    return held


def _sample_seed(assigned: Assigned) -> str:
    """Depends on the texts and on a key: nobody can foresee the sample, or draw another from the same texts."""
    seals = json.dumps(sorted(text.seal for text, _ in assigned))
    return hmac.new(derive("sample"), seals.encode(), hashlib.sha256).hexdigest()
