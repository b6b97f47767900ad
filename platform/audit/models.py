import uuid

from django.conf import settings
from django.db import models

from accounts.models import Clinic


class AuditEntry(models.Model):
    """One thing somebody did or saw. Append-only by database trigger; each entry's MAC covers the one before.

    Holds ids, counts and hashes, never patient words.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="audit_entries")
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    # The name as it was: a user may be renamed, the entry may not.
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=5, choices=[("ALLOW", "Allowed"), ("DENY", "Refused")])
    subject_type = models.CharField(max_length=40, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)
    mac = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        constraints = [models.UniqueConstraint(fields=["clinic", "sequence"], name="audit_sequence_once")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class ChainHead(models.Model):
    """Where a clinic's chain ends. Entries cut off the end are missed through its own MAC."""

    clinic = models.OneToOneField(Clinic, on_delete=models.PROTECT, related_name="+")
    sequence = models.PositiveBigIntegerField(default=0)
    mac = models.CharField(max_length=64, default="0" * 64)
    seal = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.clinic} at {self.sequence}"
