"""Files as they came, records, what was found in them, and what is left after scrubbing."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Clinic
from privacy.kinds import Kind


class Upload(models.Model):
    """One file as it came, waiting for its uploader to look at the preview and confirm it.

    QUESTION → PREVIEW when its uploader says how the text is encoded; PREVIEW → CONFIRMED; either → DISCARDED.
    """

    class Status(models.TextChoices):
        QUESTION = "question", "Waiting for its encoding"
        PREVIEW = "preview", "Waiting for confirmation"
        CONFIRMED = "confirmed", "Imported"
        DISCARDED = "discarded", "Discarded"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="uploads")
    uploader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Only the suffix of the name is kept: file names hold patients' names.
    suffix = models.CharField(max_length=10)
    # What its uploader chose, where the file itself did not say; see records/readers/decoding.py.
    encoding = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PREVIEW)
    row_count = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    duplicate_count = models.PositiveIntegerField(default=0)
    # When a worker was last told to scrub these records.
    nudged_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Upload {self.uuid}"


class Record(models.Model):
    """A clinical text, perhaps with the summary a clinician wrote of it.

    RECEIVED → SCRUBBED → APPROVED; RECEIVED → QUARANTINED when scrubbing could not vouch for the text.
    Any of them → ERASED: nothing of the words is left, the row stays so that lineage and audit log have an end.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", "Waiting for scrubbing"
        SCRUBBED = "scrubbed", "Waiting for review"
        APPROVED = "approved", "Reviewed"
        QUARANTINED = "quarantined", "Quarantined"
        ERASED = "erased", "Erased"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="records")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="records")
    # The clinic's own short name for a record ("R-000123"), counted per clinic.
    number = models.PositiveIntegerField()
    # Keyed hashes: the database tells neither who a patient is nor which text a record holds.
    patient_key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(max_length=40, blank=True)
    section = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RECEIVED)
    quarantine_reason = models.CharField(max_length=80, blank=True)
    has_summary = models.BooleanField(default=False)
    word_count = models.PositiveIntegerField(default=0)
    # The score of the redaction that the scrubber is least sure of; null where it found nothing.
    lowest_score = models.FloatField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    scrubbed_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # By the clinic's policy, some time after the review. The scrubbed text stays.
    original_deleted_at = models.DateTimeField(null=True, blank=True)
    # Set when the last file is gone too; until then an erased record is still being erased.
    erased_at = models.DateTimeField(null=True, blank=True)
    # MinHash of the text as it came, keyed: it says nothing to whoever lacks the key.
    signature = models.BinaryField(null=True, editable=False)
    # The most similar record that was here before, and the estimated share of what both say.
    near_duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="near_duplicates"
    )
    similarity = models.FloatField(null=True, blank=True)
    # The number of the first of all records that resemble one another, directly or through others.
    near_duplicate_group = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(fields=["clinic", "status", "number"]),
            models.Index(
                fields=["clinic", "status", "lowest_score", "number"], name="record_least_sure_first"
            ),
            models.Index(fields=["clinic", "near_duplicate_group"], name="record_near_duplicate_group"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "number"], name="record_number_once"),
            models.UniqueConstraint(fields=["clinic", "fingerprint"], name="record_text_once"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"R-{self.number:06d}"


class Field(models.TextChoices):
    SOURCE = "source", "Record"
    TARGET = "target", "Summary"


class Redaction(models.Model):
    """An identifier that was found, as offsets into the original. The words themselves are not here."""

    class Verdict(models.TextChoices):
        PROPOSED = "proposed", "Found"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Not an identifier"
        ADDED = "added", "Added by a reviewer"

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="redactions")
    field = models.CharField(max_length=6, choices=Field.choices)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value.title()) for kind in Kind])
    score = models.FloatField()
    recognizer = models.CharField(max_length=60)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.PROPOSED)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["field", "start"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="redaction_not_empty")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.field}[{self.start}:{self.end}]"


class ScrubbedText(models.Model):
    """What is left of a record after scrubbing. Never changed: a new review makes a new version.

    Datasets and prompts refer to this row and not to the record, so a text that was never scrubbed has
    nothing they could refer to.
    """

    record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="scrubbed_texts")
    version = models.PositiveIntegerField()
    # AES-GCM of {"source", "target"}: a scrubber may miss a name, so the database does not hold the text in the clear.
    blob = models.BinaryField(editable=False)
    seal = models.CharField(max_length=64)
    scrubber = models.CharField(max_length=60)
    # What was put in the identifiers' place: placeholder, surrogate or mask (privacy.operators).
    operator = models.CharField(max_length=12, default="placeholder")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["record", "version"]
        constraints = [
            models.UniqueConstraint(fields=["record", "version"], name="scrubbed_version_once"),
            models.CheckConstraint(
                condition=Q(seal__regex=r"\A[0-9a-f]{64}\Z"), name="scrubbed_text_is_sealed"
            ),
            models.CheckConstraint(condition=~Q(scrubber=""), name="scrubbed_text_names_its_scrubber"),
            models.CheckConstraint(
                condition=Q(operator__in=["placeholder", "surrogate", "mask"]),
                name="scrubbed_text_names_its_operator",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record} v{self.version}"
