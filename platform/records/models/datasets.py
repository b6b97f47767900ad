"""Reviewed records frozen for training."""

import uuid

from django.conf import settings
from django.db import models

from accounts.models import Clinic
from records.models.records import ScrubbedText


class Split(models.TextChoices):
    TRAIN = "train", "Train"
    VALID = "valid", "Validation"
    TEST = "test", "Held out"


class Dataset(models.Model):
    """A frozen choice of reviewed records. Immutable by database trigger; ``content_hash`` says what is in it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=80)
    content_hash = models.CharField(max_length=64)
    seed = models.PositiveIntegerField()
    train_count = models.PositiveIntegerField()
    valid_count = models.PositiveIntegerField()
    test_count = models.PositiveIntegerField()
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
