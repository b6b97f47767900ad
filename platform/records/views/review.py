from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from accounts.models import Clinic
from records.forms import ReviewForm
from records.highlight import KIND_CHOICES, legend, pieces
from records.models import Field, Record, Redaction
from records.services.review import NotReviewable, open_record, review_record

REVIEWABLE = [Record.Status.SCRUBBED, Record.Status.APPROVED]


@requires(Action.REVIEW_RECORDS)
@require_safe
def next_review(request: HttpRequest) -> HttpResponse:
    """The waiting record with the next higher number than ``after``, then the lowest again."""
    waiting = Record.objects.filter(clinic=clinic_of(request), status=Record.Status.SCRUBBED)
    after = request.GET.get("after", "")
    later = waiting.filter(number__gt=int(after)) if after.isdecimal() and len(after) < 10 else waiting
    found = later.first() or waiting.first()
    if found:
        return redirect("records:review", found.uuid)
    return render(request, "records/review_done.html", {"progress": _progress(clinic_of(request))})


@requires(Action.REVIEW_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, uuid: str) -> HttpResponse:
    record = own_or_404(Record.objects.select_related("clinic"), clinic_of(request), uuid)
    if record.status not in REVIEWABLE:
        messages.info(request, f"{record.label} cannot be reviewed yet.")
        return redirect("records:record", record.uuid)
    opened = open_record(record=record, user=user_of(request))
    form = ReviewForm(request.POST or None, original=opened.original, redactions=opened.redactions)
    if request.method == "POST" and form.is_valid():
        try:
            review_record(
                record=record,
                reviewer=user_of(request),
                rejected=form.cleaned_data["reject"],
                added=form.added,
            )
        except NotReviewable as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{record.label} is approved.")
            return redirect(f"{_next_url()}?after={record.number}")
    context = _page(record, opened.original, opened.redactions, form)
    return render(request, "records/review.html", context, status=400 if form.errors else 200)
