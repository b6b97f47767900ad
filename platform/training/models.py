import uuid

from django.conf import settings
from django.db import models

from accounts.models import Clinic
from jobs.specs import ADAPTER
from records.models import Dataset


class Status(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
STAGES = ("prepare", "train", "quantize", "evaluate")
TEACHING = "teach"
"""The stage that goes before where a teacher writes summaries."""
CUTTING = ("prune", "distill")
SMALLER_STAGES = ("importance", "quantize", "measure")
"""Of a run that makes another's model smaller; those of CUTTING go before where parts are left out."""
MEMORY_TEST = "extract"
"""The stage that follows where codes were planted."""


class Sweep(models.Model):
    """Runs on the same dataset and base, one after the other, that differ in their settings alone."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="sweeps")
    name = models.CharField(max_length=50)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="sweeps")
    base = models.CharField(max_length=60)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # The run a person decided for.
    kept = models.ForeignKey("TrainingRun", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="sweep_name_once")]

    def __str__(self) -> str:
        return self.name


class TrainingRun(models.Model):
    """One way from a dataset to a served model: prepare, train, quantize, evaluate; where asked for, first teach, last
    extract."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="training_runs")
    name = models.CharField(max_length=60)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="training_runs")
    base = models.CharField(max_length=60)
    # What the person chose; a stage's spec is made of it and of the stages before.
    options = models.JSONField(default=dict)
    # Runs of a sweep take their turns in the order of their ids.
    sweep = models.ForeignKey(Sweep, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    # The run whose model this one makes smaller; its prepared rows are used again.
    source = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="smaller_runs"
    )
    # What was measured before the first step: time, memory, disk, and what was chosen so that it fits.
    preflight = models.JSONField(default=dict)
    # Of the rows as they were written for the stages; each stage that reads them checks it.
    rows_sha256 = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    # A refusal in words that name rows and numbers, never patient text; otherwise the error's type alone.
    error = models.TextField(blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="training_run_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        return self.status in FINAL

    @property
    def trained_in(self) -> "TrainingRun":
        """The run whose training its models come from: itself, but for one that makes another's smaller."""
        return self.source or self


class RunStage(models.Model):
    """One stage of a run, and the lease of whoever works on it.

    Each claim raises ``fencing_token``; every later write names the token it was given, so a worker that was
    thought dead and comes back writes nothing.
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="stages")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=20)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    fencing_token = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    nudged_at = models.DateTimeField(null=True, blank=True)
    # The newest progress line; the whole story is progress.jsonl in the run folder.
    progress = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    error_type = models.CharField(max_length=60, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="run_stage_number_once")]

    def __str__(self) -> str:
        return f"{self.run} {self.number} {self.name}"

    @property
    def percent(self) -> int:
        if self.status == Status.SUCCEEDED:
            return 100
        total = self.progress.get("total") or 0
        return int(100 * self.progress.get("done", 0) / total) if total else 0


class ModelArtifact(models.Model):
    """A file or folder of weights that a stage made; read-only from then on."""

    class Kind(models.TextChoices):
        ADAPTER = "adapter", "LoRA adapter"
        GGUF = "gguf", "GGUF"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="artifacts")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    stage = models.ForeignKey(RunStage, on_delete=models.PROTECT, related_name="artifacts")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    # Relative to the state folder.
    path = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField()
    quantization = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "name"]
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="artifact_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def shares_base(self) -> bool:
        """An adapter in the engine's form: served upon the base's own file, which is in memory once for all clinics."""
        return self.quantization == ADAPTER

    @property
    def megabytes(self) -> float:
        return self.bytes / 1e6


class Evaluation(models.Model):
    """Scores of an artifact beside its untouched base, on held-out records, with 95 % intervals."""

    artifact = models.OneToOneField(ModelArtifact, on_delete=models.CASCADE, related_name="evaluation")
    stage = models.ForeignKey(RunStage, on_delete=models.PROTECT, related_name="evaluations")
    metrics = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Evaluation of {self.artifact}"
