"""A shadow as its page shows it: what both models wrote, side by side and in figures."""

import json
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from accounts.models import Clinic, User
from audit import log
from summaries import regression, shadows
from summaries.models import Shadow, ShadowAnswer
from summaries.opening import opened
from summaries.shadow_measures import Row, table
from summaries.styles import style_of

SHOWN = 5
Status = ShadowAnswer.Status


@dataclass(frozen=True)
class Pair:
    """What both wrote about one record, scrubbed."""

    answer: ShadowAnswer
    source: str
    draft: str
    candidate: str


@dataclass(frozen=True)
class Comparison:
    """What both were asked as people asked it; what came of corrections stands apart, see ``regression``."""

    counts: dict[str, int]
    rows: list[Row]
    pairs: list[Pair]

    @property
    def answered(self) -> int:
        return self.counts.get(Status.SUCCEEDED, 0)

    @property
    def waiting(self) -> int:
        return self.counts.get(Status.QUEUED, 0) + self.counts.get(Status.RUNNING, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(Status.FAILED, 0)


def newest(clinic: Clinic) -> Shadow | None:
    """The clinic's open shadow, else the last one that was ended."""
    fetched = Shadow.objects.select_related("clinic", "artifact", "deployment__artifact", "started_by")
    return fetched.filter(clinic=clinic).first()


def compare(*, shadow: Shadow, user: User) -> Comparison:
    """All pairs in figures, the newest in words; that somebody read them is an audit entry."""
    asked = regression.live(shadow.answers.all())
    counted = asked.order_by().values_list("status").annotate(count=Count("pk"))
    answered = asked.filter(status=Status.SUCCEEDED)
    pairs = [_pair(answer) for answer in answered.select_related("summary__clinic")[:SHOWN]]
    if pairs:
        with transaction.atomic():
            log.record(
                clinic=shadow.clinic,
                actor=user,
                action="view_shadow",
                subject=shadow.artifact,
                summaries=len(pairs),
            )
    return Comparison(dict(counted), table(answered.values_list("measures", flat=True)), pairs)


def _pair(answer: ShadowAnswer) -> Pair:
    source, draft = opened(answer.summary)
    readable = style_of(answer.summary.style).readable
    return Pair(answer, source, readable(draft), readable(json.loads(shadows.opened_answer(answer))))
