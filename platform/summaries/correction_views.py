"""What clinicians corrected, on its way to training. Tells which and whose; the words are on the records' pages."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, requires, user_of
from summaries import corrections as services

PAGE_SIZE = 50


@requires(Action.UPLOAD_RECORDS)
@require_safe
def corrections(request: HttpRequest) -> HttpResponse:
    clinic = clinic_of(request)
    found = services.corrections(clinic).defer("blob", "summary__blob")
    context = {
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "waiting": services.waiting(clinic).count(),
    }
    return render(request, "summaries/corrections.html", context)


@requires(Action.UPLOAD_RECORDS)
@require_POST
def hand_on(request: HttpRequest) -> HttpResponse:
    imported = services.hand_on(clinic=clinic_of(request), user=user_of(request))
    if imported is None:
        messages.info(request, "No correction waits. Somebody else may have been quicker.")
    else:
        made = len(imported.records)
        messages.success(
            request,
            f"{made} {'correction is a record' if made == 1 else 'corrections are records'} now. They are scrubbed "
            "again; then somebody reviews them, and a dataset of them can be proposed.",
        )
    return redirect("summaries:corrections")
