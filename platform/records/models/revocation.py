"""What an erasure leaves behind: the datasets that held the record, and may not be used again."""

from django.conf import settings
from django.db import models

from records.models.datasets import Dataset, Split
from records.models.records import Record


class Revocation(models.Model):
    """A dataset lost a record to erasure. Nothing is trained on it again, and a model that learned from the
    record is not deployed again.

    A row of its own, because a dataset never changes.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="revocations")
    record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="revocations")
    # Models learn from the training part alone; the others only measured them.
    split = models.CharField(max_length=5, choices=Split.choices)
    revoked_at = models.DateTimeField(auto_now_add=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["revoked_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["dataset", "record"], name="revocation_once")]

    def __str__(self) -> str:
        return f"{self.dataset} without {self.record}"
