"""The lock before training: what a model may learn from, and what is missing where it may not."""

from records.models import Dataset, DatasetProposal
from records.services import leak_bound
from records.services.proposals import is_outdated


class NotReleasable(Exception):
    """No model may learn from the dataset; the message says why and what to do."""


def check_releasable(dataset: Dataset) -> None:
    """Pass a dataset that lost no record, and that somebody attested or whose blind reading met the threshold."""
    if dataset.revocations.exists():
        raise NotReleasable(
            f"A record of {dataset.name} was erased. Propose a new dataset: it takes the same records, without that one."
        )
    if dataset.attestation:
        return
    proposal = DatasetProposal.objects.select_related("clinic").filter(dataset=dataset).first()
    if proposal is None:
        raise NotReleasable(
            f"{dataset.name} was frozen before two people had to sign. Propose its records as a new dataset."
        )
    reading = leak_bound.standing(proposal)
    if reading.leaky:
        raise NotReleasable(
            f"The blind reading found what still identifies in {reading.leaky} of the records of {dataset.name}. "
            "It is hidden by now, but not in this dataset. Propose a new dataset under another name."
        )
    if is_outdated(proposal):
        raise NotReleasable(
            f"Records of {dataset.name} were reviewed again after it was frozen. "
            "Propose a new dataset under another name."
        )
    if not reading.is_met:
        more = f"{reading.still_to_read} more record{'' if reading.still_to_read == 1 else 's'}"
        raise NotReleasable(
            f"Training on {dataset.name} is locked: {more} of its sample must be read blind and found clean. "
            "Open the dataset's page to read on."
        )
