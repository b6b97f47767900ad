import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import ApiToken, Clinic
from records.models import Record, ScrubbedText
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
    # A name from summaries.styles, "chat" or "completion"; empty for the prompt that the model was trained with.
    style = models.CharField(max_length=20, blank=True, default="")
    # AES-GCM of {"source", "summary"}, both scrubbed.
    blob = models.BinaryField(editable=False)
    # The model reached its longest answer; the end may be missing.
    is_cut_off = models.BooleanField(default=False)
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


class SummaryBatch(models.Model):
    """Texts that other software handed in at once. What became of each stands on its item."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    api_token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="+")
    section = models.CharField(max_length=60, blank=True)
    style = models.CharField(max_length=20, blank=True)
    reading_grade = models.PositiveSmallIntegerField(null=True, blank=True)
    # Each text is written several times and one draft kept.
    is_careful = models.BooleanField(default=False)
    nudged_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "summary batches"

    def __str__(self) -> str:
        return f"Batch {self.uuid}"


class LeasedJob(models.Model):
    """Work that a row holds and one worker at a time has, by ``summaries.leases``.

    QUEUED → RUNNING → SUCCEEDED or FAILED; RUNNING → QUEUED when a lease runs out; QUEUED → CANCELLED.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    # Counts the attempts, and fences off a worker whose lease ran out: it holds an earlier number.
    attempts = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    # AES-GCM of what is worked on.
    blob = models.BinaryField(editable=False)

    class Meta:
        abstract = True


class BatchItem(LeasedJob):
    """One text of a batch: a job of its own, so that a long batch holds up nobody. Its summary has its uuid.

    ``blob``, the scrubbed text, is emptied as soon as the summary, which holds it too, is there.
    """

    batch = models.ForeignKey(SummaryBatch, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField()
    source_seal = models.CharField(max_length=64, editable=False)
    summary = models.OneToOneField(
        Summary, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="batch_number_once")]

    def __str__(self) -> str:
        return f"{self.batch}, item {self.number}"


class IdempotentAnswer(models.Model):
    """What a request with an Idempotency-Key made: the same request again gets it again. Kept for a day.

    Holds digests and a reference. Real values are put back from the repeated request's own text.
    """

    api_token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key_digest = models.CharField(max_length=64)
    body_digest = models.CharField(max_length=64)
    summary = models.ForeignKey(Summary, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    batch = models.ForeignKey(SummaryBatch, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_token", "key_digest"], name="one_answer_a_key"),
        ]

    def __str__(self) -> str:
        return f"Answer to {self.key_digest[:8]}"


class SummaryEdit(models.Model):
    """A clinician's text in the making, saved while she types. Gone as soon as the summary is decided about."""

    summary = models.ForeignKey(Summary, on_delete=models.CASCADE, related_name="edits")
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # AES-GCM of the scrubbed text.
    blob = models.BinaryField(editable=False)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["summary", "editor"], name="one_edit_a_person")]

    def __str__(self) -> str:
        return f"Edit of {self.summary}"


class SummaryReview(models.Model):
    """What a person decided about a draft. At most one decision stands, by constraint; one taken back is kept.

    An accepted text that differs from the draft may become a ``record``, to be scrubbed, reviewed and trained on.
    """

    class Decision(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"

    class Reason(models.TextChoices):
        WRONG = "wrong", "It says something false"
        MISSING = "missing", "Something important is missing"
        INVENTED = "invented", "It says what the record does not"
        UNREADABLE = "unreadable", "It is badly written or too long"
        OTHER = "other", "Another reason"

    class Harm(models.TextChoices):
        NONE = "none", "None"
        MISLEADS = "misleads", "Could mislead"
        HARMS = "harms", "Could harm the patient"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    summary = models.ForeignKey(Summary, on_delete=models.CASCADE, related_name="reviews")
    decision = models.CharField(max_length=8, choices=Decision.choices)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    # AES-GCM of the accepted text, or of the words that go with a rejection; both scrubbed.
    blob = models.BinaryField(editable=False)
    # The accepted text is not the draft.
    is_changed = models.BooleanField(default=False)
    # Of the accepted text, as the check held it against the record when it was accepted: {"sentences", "flagged", "unsure",
    # "omissions"}. No words. None of a rejection, of what was accepted before this was kept, and where the check failed.
    checked = models.JSONField(null=True, blank=True)
    completeness = models.PositiveSmallIntegerField(null=True, blank=True)
    correctness = models.PositiveSmallIntegerField(null=True, blank=True)
    conciseness = models.PositiveSmallIntegerField(null=True, blank=True)
    # Of the draft, had somebody used it as it was.
    harm = models.CharField(max_length=8, choices=Harm.choices, blank=True)
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    record = models.ForeignKey(
        Record, null=True, blank=True, on_delete=models.PROTECT, related_name="corrections"
    )
    handed_on_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["summary"], condition=Q(reopened_at=None), name="one_standing_review_a_summary"
            ),
            models.CheckConstraint(
                condition=Q(decision="accepted", reason="") | (Q(decision="rejected") & ~Q(reason="")),
                name="a_rejection_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(record=None)
                | Q(decision="accepted", is_changed=True, handed_on_by__isnull=False),
                name="only_corrections_are_handed_on",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()}: {self.summary}"


class Shadow(models.Model):
    """A candidate that is asked what the deployed model was asked, and never shown. At most one open a clinic.

    It is held against one ``deployment``: a new one ends it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="shadows")
    artifact = models.ForeignKey(ModelArtifact, on_delete=models.PROTECT, related_name="shadows")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="shadows")
    # Of the summaries that are written, so many in a hundred.
    percent = models.PositiveSmallIntegerField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic"], condition=Q(ended_at=None), name="one_open_shadow_a_clinic"
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=1, percent__lte=100), name="a_shadow_answers_some_requests"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artifact} beside {self.deployment}"


class ShadowAnswer(LeasedJob):
    """What a shadow's candidate wrote in the place of a summary; goes with its summary. Queued again when people come.

    ``blob`` is the scrubbed prompt, and the candidate's scrubbed text as soon as it is there.
    """

    shadow = models.ForeignKey(Shadow, on_delete=models.CASCADE, related_name="answers")
    summary = models.ForeignKey(Summary, on_delete=models.CASCADE, related_name="+")
    seconds = models.FloatField(null=True, blank=True)
    # {"draft": {measure: count}, "candidate": …}, see ``summaries.shadow_measures``; of a draft that was corrected before it
    # was asked about, "correction" too, see ``summaries.correction_measures``. No words.
    measures = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["shadow", "summary"], name="one_shadow_answer_a_summary")
        ]

    def __str__(self) -> str:
        return f"Shadow answer {self.uuid}"


class Disagreement(models.Model):
    """A model, asked to explain what the detector flagged, held that nothing, or something else, is wrong. No words.

    Who was right shows when a person decides about the summary: for the detector's next training. The sentence is found
    again by its number, and its text in the summary.
    """

    summary = models.ForeignKey(Summary, on_delete=models.CASCADE, related_name="disagreements")
    # Counted from 1, of the draft as a person reads it.
    sentence = models.PositiveIntegerField()
    # Values of grounding's Verdict, Category, Kind and Fault.
    verdict = models.CharField(max_length=20)
    category = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    fault = models.CharField(max_length=30)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["summary", "sentence"], name="one_disagreement_a_sentence")
        ]

    def __str__(self) -> str:
        return f"Disagreement about sentence {self.sentence} of {self.summary}"
