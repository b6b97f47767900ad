import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

KEY_PREFIX = "precis_"


class Clinic(models.Model):
    """The owner of every other row. Its data key never lies in the database unwrapped."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    # AES-GCM under the master key; deleting it makes every record of the clinic unreadable for good.
    wrapped_key = models.BinaryField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    CLERK = "clerk", "Records clerk"
    PRIVACY_OFFICER = "privacy_officer", "Privacy officer"
    CLINICIAN = "clinician", "Clinician"
    ADMIN = "admin", "Administrator"


class User(AbstractUser):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Set for a password that somebody else has seen: it opens one door, the page that changes it.
    must_change_password = models.BooleanField(default=False)

    if TYPE_CHECKING:
        membership: "Membership"


class Membership(models.Model):
    """Who a user is, and where. One clinic a user: staff of two clinics sign in with two names."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="membership")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    def __str__(self) -> str:
        return f"{self.user.username} ({self.get_role_display()})"


class Scope(models.TextChoices):
    """What a key may do beyond asking whether the service is up."""

    SUMMARIZE = "summarize", "Ask for summaries, one at a time"
    BATCH = "batch", "Hand in many records at once and fetch the summaries later"
    REAL_VALUES = "real_values", "Get real names, dates and numbers back in place of placeholders"


def all_scopes() -> list[str]:
    return [str(scope) for scope in Scope]


class ApiToken(models.Model):
    """A key for the clinic's other software. Only its SHA-256 is kept; the key is shown once."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=all_scopes)
    requests_per_minute = models.PositiveIntegerField(default=120)
    # Until when what was asked so far uses up the allowance; see accounts.rate.
    spent_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and timezone.now() < self.expires_at and self.created_by.is_active

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    @property
    def scope_labels(self) -> list[str]:
        return [str(Scope(scope).label) for scope in self.scopes]

    @staticmethod
    def new_key() -> str:
        return KEY_PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(key: str) -> str:
        """A key has 256 random bits, so a plain hash cannot be guessed backwards."""
        return hashlib.sha256(key.encode()).hexdigest()

    @staticmethod
    def default_expiry() -> datetime:
        return timezone.now() + timedelta(days=365)
