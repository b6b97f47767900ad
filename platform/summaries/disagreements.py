"""What the explaining model and the check disagreed about, once a person has decided who was right: examples for the detector."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from accounts.models import Clinic, User
from audit import log
from grounding.pieces import sentences
from summaries.models import Disagreement, SummaryReview
from summaries.reviewing import draft_of, text_of
from summaries.services import opened


def collect(*, clinic: Clinic, user: User) -> list[dict[str, Any]]:
    """Rows of {source, claim, hallucinated, type} as ``score_grounding`` reads them, scrubbed; one audit entry for all.

    A sentence that stands in the accepted text as the model wrote it is taken for right, one that was changed or taken out
    for wrong. A rejected draft does not say which of its sentences was wrong, and teaches nothing here.
    """
    accepted = SummaryReview.objects.filter(
        summary__clinic=clinic, decision=SummaryReview.Decision.ACCEPTED, reopened_at=None
    )
    rows = [row for review in accepted.select_related("summary__clinic") for row in _rows(review)]
    with transaction.atomic():
        log.record(clinic=clinic, actor=user, action="export_disagreements", rows=len(rows))
    return rows


def _rows(review: SummaryReview) -> Iterator[dict[str, Any]]:
    noted = list(Disagreement.objects.filter(summary=review.summary).order_by("sentence"))
    if not noted:
        return
    source, _ = opened(review.summary)
    draft, final = sentences(draft_of(review.summary)), text_of(review)
    for each in noted:
        claim = draft[each.sentence - 1].text
        yield {
            "source": source,
            "claim": claim,
            "hallucinated": int(claim not in final),
            "type": each.category,
        }
