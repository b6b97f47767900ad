"""What a clinic decided about its records: how leaks are weighed, what stands for an identifier, how long originals stay."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Clinic


class PrivacyPolicy(models.Model):
    """One row a clinic, made with the defaults when it is first asked for."""

    class Operator(models.TextChoices):
        PLACEHOLDER = "placeholder", "A placeholder, such as [NAME_1]"
        SURROGATE = "surrogate", "Made-up words of the same kind"
        MASK = "mask", "Asterisks"

    clinic = models.OneToOneField(Clinic, on_delete=models.PROTECT, related_name="privacy_policy")
    # The largest share of records with a leak, at the upper 95 % bound, that training may start with.
    max_leak_rate = models.FloatField(
        default=0.05, validators=[MinValueValidator(0.001), MaxValueValidator(0.5)]
    )
    operator = models.CharField(max_length=12, choices=Operator.choices, default=Operator.PLACEHOLDER)
    # Counted from the review; 0 deletes an original as soon as its record is approved.
    keep_originals_days = models.PositiveIntegerField(default=30, validators=[MaxValueValidator(3650)])

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_leak_rate__gt=0, max_leak_rate__lte=0.5), name="policy_leak_rate_is_a_share"
            )
        ]

    def __str__(self) -> str:
        return f"Privacy policy of {self.clinic}"

    @classmethod
    def of(cls, clinic: Clinic) -> "PrivacyPolicy":
        """The clinic's policy. Writes the row on first use."""
        return cls.objects.get_or_create(clinic=clinic)[0]
