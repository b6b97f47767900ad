"""What was corrected before, asked of a candidate: would it have needed less correcting?

An answer is one of these where somebody had decided about its summary before the question was put down. Its text is held
against the corrected one, as long as that decision stands.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from records.models import DatasetItem, Split
from summaries.correction_measures import Figures, figures
from summaries.corrections import corrections
from summaries.engine import Prompt
from summaries.models import Shadow, ShadowAnswer, SummaryReview
from summaries.opening import opened
from summaries.styles import DEFAULT
from training.models import ModelArtifact

Status = ShadowAnswer.Status
MOST_ASKED = 50
"""Of the newest: they are what clinicians mind today, and each costs the machine a summary."""


class TakenBack(Exception):
    """The correction that the candidate was to be asked about does not stand any more."""


@dataclass(frozen=True)
class Regression:
    """What came of it so far. ``to_ask`` more may be asked about."""

    to_ask: int
    waiting: int
    failed: int
    fresh: Figures
    """On the drafts that the candidate did not learn from."""
    everything: Figures
    others: int
    """Drafts by another model than the one that the candidate is held against."""

    @property
    def learned(self) -> int:
        return self.everything.drafts - self.fresh.drafts


def to_ask(shadow: Shadow) -> list[SummaryReview]:
    """The newest corrections that stand and that the shadow was not asked about; none of a draft of the candidate's own."""
    others = corrections(shadow.clinic).exclude(summary__deployment__artifact=shadow.artifact_id)
    asked = set(shadow.answers.values_list("summary_id", flat=True))
    newest = others.filter(reopened_at=None).order_by("-decided_at")[:MOST_ASKED]
    return [review for review in newest if review.summary_id not in asked]


def prompt_of(review: SummaryReview) -> Prompt:
    """What the draft answered. With care it may have been asked several times; here it is once."""
    source, _ = opened(review.summary)
    return DEFAULT.prompt(source, review.summary.section)


def live(answers: QuerySet[ShadowAnswer]) -> QuerySet[ShadowAnswer]:
    """Those whose question was put down when the summary had just been written."""
    return answers.exclude(_decided_before())


def of_corrections(answers: QuerySet[ShadowAnswer]) -> QuerySet[ShadowAnswer]:
    """Those about corrections that still stand as they did when the question was put down."""
    return answers.filter(_decided_before(reopened_at=None, is_changed=True))


def _decided_before(**standing: object) -> Exists:
    reviews = SummaryReview.objects.filter(summary=OuterRef("summary"), decided_at__lt=OuterRef("created_at"))
    return Exists(reviews.filter(**standing))


def correction_of(answer: ShadowAnswer) -> SummaryReview | None:
    """None for a live answer. Raises ``TakenBack``."""
    decided = SummaryReview.objects.filter(summary=answer.summary_id, decided_at__lt=answer.created_at)
    if not decided.exists():
        return None
    standing = decided.filter(reopened_at=None, is_changed=True).select_related("summary__clinic").first()
    if standing is None:
        raise TakenBack
    return standing


def report(shadow: Shadow) -> Regression:
    asked = of_corrections(shadow.answers.all())
    answered = asked.filter(status=Status.SUCCEEDED)
    measured = dict(answered.values_list("summary_id", "measures__correction"))
    learned = _learned_from(shadow.artifact, answered)
    written_by = answered.exclude(summary__deployment__artifact=shadow.deployment.artifact_id)
    return Regression(
        to_ask=0 if shadow.ended_at else len(to_ask(shadow)),
        waiting=asked.filter(status__in=(Status.QUEUED, Status.RUNNING)).count(),
        failed=asked.filter(status=Status.FAILED).count(),
        fresh=figures([each for summary, each in measured.items() if summary not in learned]),
        everything=figures(list(measured.values())),
        others=written_by.count(),
    )


def _learned_from(artifact: ModelArtifact, answers: QuerySet[ShadowAnswer]) -> set[int]:
    """Ids of summaries whose correction, or the record that they summarize, the model was trained on."""
    dataset = artifact.stage.run.dataset_id
    trained = DatasetItem.objects.filter(dataset=dataset, split=Split.TRAIN).values("scrubbed_text__record")
    reviews = SummaryReview.objects.filter(summary__in=answers.values("summary"), reopened_at=None)
    seen = reviews.filter(Q(record__in=trained) | Q(summary__scrubbed_text__record__in=trained))
    return set(seen.values_list("summary_id", flat=True))
