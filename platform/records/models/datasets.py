"""Reviewed records on their way to training: proposed, signed by two people, frozen."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Clinic
from records.models.records import ScrubbedText


class Split(models.TextChoices):
    TRAIN = "train", "Train"
    VALID = "valid", "Validation"
    TEST = "test", "Held out"


class Dataset(models.Model):
    """A frozen choice of reviewed records. Immutable by database trigger; ``content_hash`` says what is in it.

    A second trigger lets no row in that neither two people signed nor somebody at the machine's shell attested.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=80)
    content_hash = models.CharField(max_length=64)
    seed = models.PositiveIntegerField()
    train_count = models.PositiveIntegerField()
    valid_count = models.PositiveIntegerField()
    test_count = models.PositiveIntegerField()
    # Why nobody signed: the word of whoever holds the machine's shell. Empty for a dataset that was signed.
    attestation = models.CharField(max_length=200, default="", blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-frozen_at"]
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="dataset_name_once")]

    def __str__(self) -> str:
        return self.name


class DatasetItem(models.Model):
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="items")
    scrubbed_text = models.ForeignKey(ScrubbedText, on_delete=models.PROTECT, related_name="dataset_items")
    split = models.CharField(max_length=5, choices=Split.choices)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["dataset", "scrubbed_text"], name="dataset_item_once")]

    def __str__(self) -> str:
        return f"{self.scrubbed_text} in {self.dataset}"


class DatasetProposal(models.Model):
    """Records that somebody wants to train on. Only ``status`` and ``dataset`` ever change (by trigger).

    OPEN → FROZEN once two people have signed; OPEN → WITHDRAWN. ``sample_seed`` orders the texts for the blind
    reading; it follows from the texts alone, so that proposing the same ones again draws the same sample.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Waiting for signatures"
        FROZEN = "frozen", "Frozen"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="proposals")
    name = models.CharField(max_length=80)
    seed = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    sample_seed = models.CharField(max_length=64)
    text_count = models.PositiveIntegerField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    dataset = models.OneToOneField(
        Dataset, null=True, blank=True, on_delete=models.PROTECT, related_name="proposal"
    )
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "name"], condition=Q(status="open"), name="proposal_open_name_once"
            ),
            models.CheckConstraint(
                condition=Q(status="frozen", dataset__isnull=False)
                | (~Q(status="frozen") & Q(dataset__isnull=True)),
                name="proposal_frozen_has_dataset",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProposedText(models.Model):
    """The exact version of a scrubbed text that a proposal holds. Never changed (by trigger)."""

    proposal = models.ForeignKey(DatasetProposal, on_delete=models.CASCADE, related_name="texts")
    scrubbed_text = models.ForeignKey(ScrubbedText, on_delete=models.CASCADE, related_name="proposed_in")
    split = models.CharField(max_length=5, choices=Split.choices)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "scrubbed_text"], name="proposed_text_once")
        ]

    def __str__(self) -> str:
        return f"{self.scrubbed_text} in {self.proposal}"


class Signature(models.Model):
    """One person's word for exactly the content that ``content_hash`` names. Never changed (by trigger)."""

    proposal = models.ForeignKey(DatasetProposal, on_delete=models.CASCADE, related_name="signatures")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["proposal", "signer"], name="signature_once_a_person")]

    def __str__(self) -> str:
        return f"{self.signer} for {self.proposal}"
