"""One flagged sentence explained on request: for htmx that part of the page alone, else the saved summary with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.access import Action, requires, user_of
from summaries import reviewing
from summaries.display import segments
from summaries.explaining import explain
from summaries.forms import ExplainForm
from summaries.models import Summary
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
    number = form.cleaned_data["sentence"] if form.is_valid() else 0
    try:
        found = explain(summary=own, number=number, user=user_of(request))
    except EXPECTED as error:
        trouble = trouble_of(error)
        return {"number": number, "trouble": trouble}, trouble.status, trouble.headers
    real = form.cleaned_data["real_values"]
    originals = reviewing.originals_of(own, user_of(request), found.source) if real else {}

    def mark(text: str) -> list[Any]:
        return segments(text, source=found.source, originals=originals)

    context = {
        "number": number,
        "explained": found,
        "text": mark(found.explanation.text),
        "rewrite": mark(found.rewrite or ""),
    }
    return context, 200, {}
