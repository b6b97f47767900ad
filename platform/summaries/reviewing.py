"""A person decides about a draft: edits it, accepts or rejects it, takes a decision back.

Whatever she types goes through the scrub gate before it is stored, as records do.
"""

import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Count, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from config import vault
from privacy.engine import ScrubError
from privacy.kinds import Kind, Span
from privacy.placeholders import placeholders_for, put
from records.services.review import NotReviewable
from records.services.scrubbing import find_spans
from summaries import questions
from summaries.checking import check
from summaries.models import Summary, SummaryEdit, SummaryReview
from summaries.opening import opened
from summaries.styles import is_whole, style_of

MAX_EDIT_CHARACTERS = 20_000
TO_DECIDE = "to-decide"


class EditRefused(Exception):
    """The text cannot be saved or accepted. The message says why and what to do, and quotes nothing."""


class AlreadyDecided(Exception):
    """Somebody has decided about the summary, or taken that back. The message says who and what."""


@dataclass(frozen=True)
class Caught:
    """An identifier that was typed, for the eyes of whoever typed it. Stored nowhere."""

    words: str = field(repr=False)
    placeholder: str


@dataclass(frozen=True)
class Typed:
    """A text as it may be stored: scrubbed. ``saved_at`` is None until it is."""

    text: str
    caught: list[Caught]
    saved_at: datetime | None = None


class IdentifiersCaught(Exception):
    """Identifiers were typed. Nothing is accepted: ``typed`` is saved as an edit, for another look."""

    def __init__(self, typed: Typed) -> None:
        super().__init__()
        self.typed = typed


@dataclass(frozen=True)
class Ratings:
    """From 1 (poor) to 5 (good), None where nobody rated; ``harm`` is one of ``SummaryReview.Harm``, or empty."""

    completeness: int | None = None
    correctness: int | None = None
    conciseness: int | None = None
    harm: str = ""


def draft_of(summary: Summary) -> str:
    """The draft as a person reads it; the caller writes the audit entry."""
    return style_of(summary.style).readable(opened(summary)[1]).strip()


def with_reviews(clinic: Clinic, decision: str = "") -> models.QuerySet[Summary]:
    """Summaries without their texts, each with what stands of it in ``decision``, empty where nobody decided.

    ``decision`` is one of ``SummaryReview.Decision``, "to-decide", or empty for all.
    """
    standing = SummaryReview.objects.filter(summary=OuterRef("pk"), reopened_at=None)
    said = Coalesce(Subquery(standing.values("decision")), Value(""))
    found = Summary.objects.filter(clinic=clinic).defer("blob").annotate(decision=said)
    if not decision:
        return found
    return found.filter(decision="" if decision == TO_DECIDE else decision)


def counts(clinic: Clinic) -> dict[str, int]:
    """How many summaries there are: to decide, accepted, rejected and in all."""
    standing = SummaryReview.objects.filter(summary__clinic=clinic, reopened_at=None)
    decided = dict(standing.values_list("decision").annotate(Count("pk")).order_by())
    everything = Summary.objects.filter(clinic=clinic).count()
    return {**decided, TO_DECIDE: everything - sum(decided.values()), "all": everything}


def standing_review(summary: Summary) -> SummaryReview | None:
    reviews = SummaryReview.objects.select_related("reviewer", "record", "summary__clinic")
    return reviews.filter(summary=summary, reopened_at=None).first()


def text_of(review: SummaryReview) -> str:
    """The accepted text, or the words that go with a rejection."""
    context = f"summary-review:{review.uuid}"
    return vault.decrypt(review.summary.clinic.wrapped_key, context, review.blob).decode()


def edit_of(summary: Summary, user: User) -> Typed | None:
    """What ``user`` has saved of a text in the making."""
    edit = SummaryEdit.objects.filter(summary=summary, editor=user).first()
    if edit is None:
        return None
    text = vault.decrypt(summary.clinic.wrapped_key, _edit_context(summary, user), edit.blob).decode()
    return Typed(text, [], edit.saved_at)


def save_edit(*, summary: Summary, user: User, text: str) -> Typed:
    """Keep a text in the making, scrubbed and encrypted. Raises ``EditRefused`` and ``AlreadyDecided``."""
    return _save(summary, user, _scrubbed(summary, user, text))


def accept(
    *, summary: Summary, user: User, text: str | None = None, ratings: Ratings | None = None
) -> SummaryReview:
    """The summary is final with ``text``; with the draft as it is where that is None.

    Raises ``IdentifiersCaught``, ``EditRefused`` and ``AlreadyDecided``: of two people at once the first one decides.
    """
    draft = draft_of(summary)
    typed = _scrubbed(summary, user, draft if text is None else text)
    if not typed.text:
        raise EditRefused("There is no text to accept. Write one, or reject the draft.")
    if typed.caught:
        raise IdentifiersCaught(_save(summary, user, typed))
    checked = check(opened(summary)[0], typed.text, is_whole=is_whole(summary))
    review = SummaryReview(
        decision=SummaryReview.Decision.ACCEPTED,
        is_changed=typed.text != draft,
        checked=checked.figures if checked else None,
        **_row(ratings),
    )
    return _decide(review, summary, user, typed.text)


def reject(
    *, summary: Summary, user: User, reason: str, note: str = "", ratings: Ratings | None = None
) -> SummaryReview:
    """The draft is of no use; ``note`` is stored scrubbed. Raises ``EditRefused`` and ``AlreadyDecided``."""
    typed = _scrubbed(summary, user, note)
    review = SummaryReview(decision=SummaryReview.Decision.REJECTED, reason=reason, **_row(ratings))
    return _decide(review, summary, user, typed.text)


@transaction.atomic
def reopen(*, review: SummaryReview, user: User) -> None:
    """Take a decision back: the summary is a draft again, the decision stays in its history."""
    standing = SummaryReview.objects.filter(pk=review.pk, reopened_at=None)
    if not standing.update(reopened_at=timezone.now(), reopened_by=user):
        raise AlreadyDecided("This decision was taken back already. Look at the page again.")
    log.record(clinic=review.summary.clinic, actor=user, action="reopen_summary", subject=review.summary)


@transaction.atomic
def _decide(review: SummaryReview, summary: Summary, user: User, text: str) -> SummaryReview:
    _hold_undecided(summary)
    review.summary, review.reviewer = summary, user
    context = f"summary-review:{review.uuid}"
    review.blob = vault.encrypt(summary.clinic.wrapped_key, context, text.encode())
    review.save(force_insert=True)
    summary.edits.all().delete()
    accepts = review.decision == SummaryReview.Decision.ACCEPTED
    action = "accept_summary" if accepts else "reject_summary"
    facts = {"changed": review.is_changed, **_held(review)} if accepts else {"reason": review.reason}
    log.record(clinic=summary.clinic, actor=user, action=action, subject=summary, **facts)
    return review


def _held(review: SummaryReview) -> dict[str, int]:
    """How many sentences the check held against the record; nothing where it failed."""
    return {"flagged": review.checked["flagged"]} if review.checked else {}


@transaction.atomic
def _save(summary: Summary, user: User, typed: Typed) -> Typed:
    now = timezone.now()
    blob = vault.encrypt(summary.clinic.wrapped_key, _edit_context(summary, user), typed.text.encode())
    _hold_undecided(summary)
    _, is_new = SummaryEdit.objects.update_or_create(
        summary=summary, editor=user, defaults={"blob": blob, "saved_at": now}
    )
    # One entry for the editing, not one for each pause in it.
    if is_new:
        log.record(clinic=summary.clinic, actor=user, action="edit_summary", subject=summary)
    return replace(typed, saved_at=now)


def _hold_undecided(summary: Summary) -> None:
    """Whoever comes second waits here, and then hears who was first."""
    Summary.objects.select_for_update().only("pk").get(pk=summary.pk)
    standing = standing_review(summary)
    if standing:
        raise AlreadyDecided(
            f"{standing.reviewer.username} has {standing.get_decision_display().lower()} this summary already. "
            "Look at the page again; the decision can be taken back there."
        )


def _scrubbed(summary: Summary, user: User, text: str) -> Typed:
    """``text`` with placeholders for what the scrubber finds, numbered on from those of the record.

    Words of the scrubbed record or of the draft stay: they have passed the gate, and are stored, already. Without that a
    diagnosis that the scrubber reads as a name in its new surroundings could not be accepted.
    """
    text = text.replace("\r\n", "\n").strip()
    if len(text) > MAX_EDIT_CHARACTERS:
        raise EditRefused(f"The text is longer than {MAX_EDIT_CHARACTERS:,} characters. Shorten it.")
    try:
        spans = find_spans(text)
    except ScrubError as error:
        raise EditRefused(
            "The text could not be scrubbed, so it was not saved. Tell your administrator."
        ) from error
    source, draft = opened(summary)
    spans = [span for span in spans if not _stands_in(text[span.start : span.end], source, draft)]
    if not spans:
        return Typed(text, [])
    words = _placeholders(text, spans, source, originals_of(summary, user, source))
    replaced = put([text], [spans], words, {}).texts[0]
    caught = {text[span.start : span.end]: words[span.kind, text[span.start : span.end]] for span in spans}
    return Typed(replaced, [Caught(said, token) for said, token in caught.items()])


def _stands_in(words: str, *texts: str) -> bool:
    whole = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
    return any(whole.search(text) for text in texts)


def _placeholders(
    text: str, spans: list[Span], source: str, known: dict[str, str]
) -> dict[tuple[Kind, str], str]:
    """The record's own placeholder for a value that is ``known`` (placeholder → value), a new one for others.

    The known values are numbered along, so that a surname alone meets its full name.
    """
    values = [(token, value, Kind(token[1:].rpartition("_")[0])) for token, value in known.items()]
    texts = [source, text, *(value for _, value, _ in values)]
    whole = [[Span(0, len(value), kind)] for _, value, kind in values]
    numbering = placeholders_for(texts, [[], spans, *whole])
    same = {numbering[kind, value]: token for token, value, kind in values}
    return {each: same.get(token, token) for each, token in numbering.items()}


def originals_of(summary: Summary, user: User, source: str) -> dict[str, str]:
    """What the record's placeholders stand for, while its original is here and it was not reviewed otherwise since."""
    if summary.scrubbed_text is None:
        return {}
    try:
        asked = questions.asked_of_record(record=summary.scrubbed_text.record, user=user)
    except (questions.TextRefused, NotReviewable):
        return {}
    return asked.originals if asked.source == source else {}


def _row(ratings: Ratings | None) -> dict[str, Any]:
    return asdict(ratings or Ratings())


def _edit_context(summary: Summary, user: User) -> str:
    return f"summary-edit:{summary.uuid}:{user.pk}"
