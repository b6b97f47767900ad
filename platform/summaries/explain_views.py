"""One flagged sentence explained on request: for htmx that part of the page alone, else the saved summary with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.access import Action, requires, user_of
from accounts.models import User
from summaries import reviewing
from summaries.display import fingerprint, segments
from summaries.explaining import NotFlagged, explain
from summaries.forms import ExplainForm
from summaries.models import Summary, SummaryReview
from summaries.review_views import FRAGMENT_HEADER, own_summary, show
from summaries.troubles import EXPECTED
from summaries.troubles import explain as trouble_of


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def explanation(request: HttpRequest, uuid: str) -> HttpResponse:
    own, form = own_summary(request, uuid), ExplainForm(request.POST)
    context, status, headers = _explained(request, own, form)
    if request.htmx:  # type: ignore[attr-defined]
        response = render(request, "summaries/_explanation.html", context, status=status)
        headers = {**headers, FRAGMENT_HEADER: "1"}
    else:
        trouble = context.get("trouble")
        told = f"{trouble.error} {trouble.what_to_do}" if trouble else ""
        response = show(request, own, trouble=told, explained=context, status=status)
    for name, value in headers.items():
        response[name] = value
    return response


def _explained(
    request: HttpRequest, own: Summary, form: ExplainForm
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """What the page shows of it, the status and the headers."""
    asked: dict[str, Any] = form.cleaned_data if form.is_valid() else {"sentence": 0, "of": ""}
    number, of = asked["sentence"], asked["of"]
    try:
        text = _text_of(own, user_of(request), of)
        found = explain(summary=own, number=number, text=text, user=user_of(request))
    except EXPECTED as error:
        trouble = trouble_of(error)
        return {"number": number, "of": of, "trouble": trouble}, trouble.status, trouble.headers
    real = form.cleaned_data["real_values"]
    originals = reviewing.originals_of(own, user_of(request), found.source) if real else {}

    def mark(text: str) -> list[Any]:
        return segments(text, source=found.source, originals=originals)

    context = {
        "number": number,
        "of": of,
        "explained": found,
        "text": mark(found.explanation.text),
        "rewrite": mark(found.rewrite or ""),
    }
    return context, 200, {}


def _text_of(own: Summary, user: User, of: str) -> str:
    """The draft, what she has saved of hers, or what was accepted: whichever the page shows that she asks from.

    Raises ``NotFlagged`` where it is none of them any more; the same number is another sentence then.
    """
    review, edit = reviewing.standing_review(own), reviewing.edit_of(own, user)
    texts = [reviewing.draft_of(own)]
    texts += [edit.text] if edit else []
    if review and review.decision == SummaryReview.Decision.ACCEPTED:
        texts.append(reviewing.text_of(review))
    for text in texts:
        if fingerprint(text) == of:
            return text
    raise NotFlagged("The check holds nothing against this sentence any more. Look at the summary again.")
