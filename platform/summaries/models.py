import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import ApiToken, Clinic
from records.models import ScrubbedText
from training.models import ModelArtifact


class Deployment(models.Model):
    """Which artifact answers for a clinic, from when to when. At most one is open, by constraint."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="deployments")
    artifact = models.ForeignKey(ModelArtifact, on_delete=models.PROTECT, related_name="deployments")
    deployed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic"], condition=Q(closed_at=None), name="one_open_deployment_a_clinic"
            )
        ]

    def __str__(self) -> str:
        return f"{self.artifact} since {self.opened_at:%Y-%m-%d}"


class Summary(models.Model):
    """A summary the deployed model wrote. A draft until a person decides; nothing here is final by itself."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="summaries")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="summaries")
    # The person who asked, or the token of the software that did.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    api_token = models.ForeignKey(ApiToken, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # None for a text that was pasted.
    scrubbed_text = models.ForeignKey(
        ScrubbedText, null=True, blank=True, on_delete=models.PROTECT, related_name="summaries"
    )
    # The scrub gate's seal over what the model was told. A trigger lets no summary in without one.
    source_seal = models.CharField(max_length=64, default="", editable=False)
    section = models.CharField(max_length=60, blank=True)
    # AES-GCM of {"source", "summary"}, both scrubbed.
    blob = models.BinaryField(editable=False)
    seconds = models.FloatField()
    generated_tokens = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "summaries"
        constraints = [
            models.CheckConstraint(
                condition=Q(author__isnull=False) | Q(api_token__isnull=False), name="summary_has_an_author"
            )
        ]

    def __str__(self) -> str:
        return f"Summary {self.uuid}"
