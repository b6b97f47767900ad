"""The clinic at a glance: a few counts, and what needs doing next by whom."""

from dataclasses import dataclass

from django.db.models import Count

from accounts.access import Action, may
from accounts.models import Clinic, User
from records.models import Dataset, DatasetProposal, Record
from summaries.models import Deployment
from training.models import Status, TrainingRun


@dataclass(frozen=True)
class Overview:
    waiting_for_scrub: int
    waiting_for_review: int
    reviewed: int
    quarantined: int
    proposals: int
    datasets: int
    running: int
    models_made: int
    deployment: Deployment | None

    @property
    def records(self) -> int:
        return self.waiting_for_scrub + self.waiting_for_review + self.reviewed + self.quarantined


@dataclass(frozen=True)
class Step:
    """One thing to do, and the page where it is done."""

    title: str
    text: str
    url_name: str
    label: str


def overview(clinic: Clinic) -> Overview:
    counts = dict(
        Record.objects.filter(clinic=clinic).order_by().values_list("status").annotate(number=Count("pk"))
    )
    runs = TrainingRun.objects.filter(clinic=clinic)
    return Overview(
        waiting_for_scrub=counts.get(Record.Status.RECEIVED, 0),
        waiting_for_review=counts.get(Record.Status.SCRUBBED, 0),
        reviewed=counts.get(Record.Status.APPROVED, 0),
        quarantined=counts.get(Record.Status.QUARANTINED, 0),
        proposals=DatasetProposal.objects.filter(clinic=clinic, status=DatasetProposal.Status.OPEN).count(),
        datasets=Dataset.objects.filter(clinic=clinic).count(),
        running=runs.filter(status__in=[Status.QUEUED, Status.RUNNING]).count(),
        models_made=runs.filter(status=Status.SUCCEEDED).count(),
        deployment=Deployment.objects.filter(clinic=clinic, closed_at=None)
        .select_related("artifact")
        .first(),
    )


def next_step(numbers: Overview, user: User) -> Step | None:
    """The first step on the way to summaries that is open and that the user's role allows."""
    return next((step for is_open, action, step in _steps(numbers) if is_open and may(user, action)), None)


def _steps(numbers: Overview) -> list[tuple[bool, Action, Step]]:
    review = Step(
        f"Review {numbers.waiting_for_review:,} record{'' if numbers.waiting_for_review == 1 else 's'}",
        "Names, dates and numbers have been hidden. Look at each record and approve it.",
        "records:next_review",
        "Start reviewing",
    )
    upload = Step(
        "Upload the first records",
        "Text, CSV or JSON Lines files, best with the summaries your clinicians wrote.",
        "records:upload",
        "Upload a file",
    )
    freeze = Step(
        "Propose a dataset",
        "The reviewed records become a fixed set to train on, once two people have signed it.",
        "records:propose",
        "Propose a dataset",
    )
    sign = Step(
        "Sign a proposed dataset",
        "Two people sign it, and somebody who did not review its records reads a sample blind.",
        "records:datasets",
        "Go to the datasets",
    )
    train = Step(
        "Train the clinic's model",
        "A dataset is ready. Training runs on this machine and shows how long it takes.",
        "training:runs",
        "Go to training runs",
    )
    deploy = Step(
        "Put a trained model to work",
        "Compare it with the model it came from, then deploy it.",
        "training:artifacts",
        "Look at the models",
    )
    summarize = Step(
        "Summarize a record",
        "The clinic's own model writes a draft; you check and correct it.",
        "summaries:portal",
        "Write a summary",
    )
    more = Step("Upload records", "Add to what the clinic has.", "records:upload", "Upload a file")
    deployed = numbers.deployment is not None
    return [
        (deployed and numbers.waiting_for_review == 0, Action.SUMMARIZE, summarize),
        (numbers.waiting_for_review > 0, Action.REVIEW_RECORDS, review),
        (deployed, Action.SUMMARIZE, summarize),
        (numbers.records == 0, Action.UPLOAD_RECORDS, upload),
        (numbers.proposals > 0, Action.REVIEW_RECORDS, sign),
        (numbers.reviewed > 0 and numbers.datasets == 0, Action.FREEZE_DATASETS, freeze),
        (
            numbers.datasets > 0 and not numbers.running and not numbers.models_made,
            Action.TRAIN_MODELS,
            train,
        ),
        (numbers.models_made > 0 and not deployed, Action.DEPLOY_MODELS, deploy),
        (True, Action.UPLOAD_RECORDS, more),
    ]
