"""A saved summary's page: read against its record, edited, accepted or rejected, taken away."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from summaries import exports, reviewing, services
from summaries.diffing import word_changes
from summaries.display import Shown, segments, shown
from summaries.forms import DecisionForm
from summaries.models import Summary, SummaryReview
from summaries.opening import opened
from summaries.reviewing import TO_DECIDE, AlreadyDecided, EditRefused, IdentifiersCaught, Typed
from summaries.styles import is_whole, style_of

# Tells the page's script that an answer is a piece of the page, and not, say, the sign-in page.
FRAGMENT_HEADER = "X-Precis-Fragment"
PAGE_SIZE = 25
TABS = {
    TO_DECIDE: "To decide",
    SummaryReview.Decision.ACCEPTED.value: "Accepted",
    SummaryReview.Decision.REJECTED.value: "Rejected",
    "all": "All",
}


@requires(Action.SUMMARIZE)
@require_safe
def summaries(request: HttpRequest) -> HttpResponse:
    """The clinic's summaries; those that nobody has decided about first of all."""
    clinic = clinic_of(request)
    wanted = request.GET.get("status", "")
    status = wanted if wanted in TABS else TO_DECIDE
    counts = reviewing.counts(clinic)
    found = reviewing.with_reviews(clinic, "" if status == "all" else status)
    fetched = found.select_related("author", "api_token", "deployment__artifact", "scrubbed_text__record")
    context = {
        "page": Paginator(fetched, PAGE_SIZE).get_page(request.GET.get("page")),
        "status": status,
        "tabs": [(name, label, counts.get(name, 0)) for name, label in TABS.items()],
        "has_any": counts["all"] > 0,
    }
    return render(request, "summaries/summaries.html", context)


@requires(Action.SUMMARIZE)
@never_cache
@require_safe
def summary(request: HttpRequest, uuid: str) -> HttpResponse:
    """A saved summary, with placeholders: the real values were never kept."""
    return show(request, own_summary(request, uuid))


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def save_edit(request: HttpRequest, uuid: str) -> HttpResponse:
    """What is typed so far; for htmx what was saved, what it changes and what the check says of it, else the page again."""
    own, form = own_summary(request, uuid), DecisionForm(request.POST)
    context: dict[str, Any] = {"summary": own}
    try:
        typed = reviewing.save_edit(summary=own, user=user_of(request), text=_typed(form))
    except (EditRefused, AlreadyDecided) as error:
        context["not_saved"] = str(error)
    if request.htmx:  # type: ignore[attr-defined]
        if "not_saved" not in context:
            context |= _edit_state(reviewing.draft_of(own), typed) | {"shown": _checked(own, typed.text)}
        response = render(request, "summaries/_edited.html", context)
        response[FRAGMENT_HEADER] = "1"
        return response
    if "not_saved" in context:
        return show(request, own, form=form, trouble=context["not_saved"], status=409)
    return show(request, own, form=form, typed=typed)


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def decide(request: HttpRequest, uuid: str) -> HttpResponse:
    own, form = own_summary(request, uuid), DecisionForm(request.POST)
    if not form.is_valid():
        return show(request, own, form=form, status=400)
    try:
        review = _decide(own, request, form)
    except IdentifiersCaught as caught:
        return show(request, own, form=form, typed=caught.typed)
    except EditRefused as error:
        return show(request, own, form=form, trouble=str(error), status=400)
    except AlreadyDecided as error:
        return show(request, own, form=form, trouble=str(error), status=409)
    messages.success(request, f"{review.get_decision_display()}. It can be taken back on this page.")
    return redirect("summaries:summary", own.uuid)


@requires(Action.SUMMARIZE)
@require_POST
def reopen(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_summary(request, uuid)
    review = reviewing.standing_review(own)
    try:
        if review is None:
            raise AlreadyDecided("This decision was taken back already.")
        reviewing.reopen(review=review, user=user_of(request))
        messages.info(request, _reopened(review))
    except AlreadyDecided as error:
        messages.error(request, str(error))
    return redirect("summaries:summary", own.uuid)


@requires(Action.SUMMARIZE)
@never_cache
@require_safe
def export(request: HttpRequest, uuid: str) -> HttpResponse:
    """The summary as a file: the accepted text, or the draft, which says on every page that it is one."""
    own = own_summary(request, uuid)
    writer = exports.WRITERS.get(request.GET.get("as", ""))
    if writer is None:
        raise Http404
    data = exports.export(summary=own, user=user_of(request), writer=writer)
    name = f"summary-{own.created_at:%Y-%m-%d}-{str(own.uuid)[:8]}.{writer.suffix}"
    response = HttpResponse(data, content_type=writer.media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def own_summary(request: HttpRequest, uuid: str) -> Summary:
    fetched = Summary.objects.select_related("clinic", "author", "api_token", "deployment__artifact")
    return own_or_404(fetched.select_related("scrubbed_text__record__clinic"), clinic_of(request), uuid)


def _decide(own: Summary, request: HttpRequest, form: DecisionForm) -> SummaryReview:
    user, asked = user_of(request), form.cleaned_data
    if asked["decision"] == SummaryReview.Decision.ACCEPTED:
        return reviewing.accept(summary=own, user=user, text=asked["text"], ratings=form.ratings())
    return reviewing.reject(
        summary=own, user=user, reason=asked["reason"], note=asked["note"], ratings=form.ratings()
    )


def _typed(form: DecisionForm) -> str:
    """The text alone: nothing else need be chosen yet. Raises ``EditRefused`` for what no page can hold."""
    if "text" in form.errors:
        raise EditRefused("It holds characters that cannot be saved. Take them out.")
    return str(form.cleaned_data["text"])


def _reopened(review: SummaryReview) -> str:
    if review.record is None:
        return "The decision is taken back. The summary is a draft again."
    return (
        "The decision is taken back. The summary is a draft again, but its correction is already "
        f"{review.record.label}: tell your privacy officer if that must not be trained on."
    )


def show(
    request: HttpRequest,
    own: Summary,
    *,
    form: DecisionForm | None = None,
    typed: Typed | None = None,
    trouble: str = "",
    explained: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page in whatever state the summary is, with what was typed, or with what is saved of it.

    ``explained`` is what ``explain_views`` has to say of one of its sentences.
    """
    source, _ = services.open_summary(summary=own, user=user_of(request))
    draft, review = reviewing.draft_of(own), reviewing.standing_review(own)
    kept = None if review else typed or reviewing.edit_of(own, user_of(request))
    context: dict[str, Any] = {
        "summary": own,
        "shown": _checked(own, _words(draft, review, kept)),
        "style": style_of(own.style),
        "is_cut_off": own.is_cut_off,
        "trouble": trouble,
        "explained_one": explained,
        "review": review,
        "history": own.reviews.exclude(reopened_at=None).select_related("reviewer", "reopened_by"),
    }
    if review:
        context |= _decided(review, draft, source) | {"unsaved": form["text"].value() if form else ""}
    else:
        context |= _in_the_making(draft, form, typed, kept)
    return render(request, "summaries/summary.html", context, status=status)


def _words(draft: str, review: SummaryReview | None, kept: Typed | None) -> str:
    """What is read and checked: the accepted text, or what she has saved of hers, or else the draft."""
    if review and review.decision == SummaryReview.Decision.ACCEPTED:
        return reviewing.text_of(review)
    return kept.text if kept else draft


def _checked(own: Summary, text: str) -> Shown:
    return shown(text, source=opened(own)[0], is_whole=is_whole(own))


def _decided(review: SummaryReview, draft: str, source: str) -> dict[str, Any]:
    said = reviewing.text_of(review)
    if review.decision == SummaryReview.Decision.REJECTED:
        return {"note": said}
    changes = word_changes(draft, said) if review.is_changed else []
    return {"draft": segments(draft, source=source), "changes": changes}


def _in_the_making(
    draft: str, form: DecisionForm | None, typed: Typed | None, kept: Typed | None
) -> dict[str, Any]:
    if form and typed:
        # Shown again with placeholders for what was caught, and all else as it was chosen.
        form = DecisionForm({**form.data, "text": typed.text})
    form = form or DecisionForm(initial={"text": kept.text if kept else draft})
    return {"form": form} | (_edit_state(draft, kept) if kept else {})


def _edit_state(draft: str, typed: Typed) -> dict[str, Any]:
    is_changed = typed.text != draft
    return {"typed": typed, "changes": word_changes(draft, typed.text) if is_changed else []}
