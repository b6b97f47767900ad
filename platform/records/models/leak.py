"""The blind reading: a random sample of a proposal's scrubbed texts, and what its readers still found in them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from privacy.kinds import Kind
from records.models.datasets import DatasetProposal
from records.models.records import Field, ScrubbedText


class SampledText(models.Model):
    """A text that was drawn. A trigger lets it be read once, and nothing else of it ever change."""

    proposal = models.ForeignKey(DatasetProposal, on_delete=models.CASCADE, related_name="sample")
    number = models.PositiveIntegerField()
    scrubbed_text = models.ForeignKey(ScrubbedText, on_delete=models.CASCADE, related_name="sampled_in")
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["proposal", "number"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "number"], name="sampled_number_once"),
            models.UniqueConstraint(fields=["proposal", "scrubbed_text"], name="sampled_text_once"),
            models.CheckConstraint(
                condition=Q(read_by__isnull=True, read_at__isnull=True)
                | Q(read_by__isnull=False, read_at__isnull=False),
                name="sampled_read_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.proposal}"


class Leak(models.Model):
    """What a reader found that still identifies, as offsets into the scrubbed text. The words are not here."""

    sampled_text = models.ForeignKey(SampledText, on_delete=models.CASCADE, related_name="leaks")
    field = models.CharField(max_length=6, choices=Field.choices)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value.title()) for kind in Kind])

    class Meta:
        ordering = ["sampled_text", "field", "start"]
        constraints = [models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="leak_not_empty")]

    def __str__(self) -> str:
        return f"{self.kind} {self.field}[{self.start}:{self.end}]"
