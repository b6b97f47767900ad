from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from accounts.models import Clinic
from records.forms import ReviewForm
from records.highlight import KIND_CHOICES, legend, pieces
from records.models import Field, Record, Redaction
from records.services.review import NotReviewable, OpenedRecord, open_record, review_record

REVIEWABLE = {Record.Status.SCRUBBED, Record.Status.APPROVED}


@requires(Action.REVIEW_RECORDS)
@require_safe
def next_review(request: HttpRequest) -> HttpResponse:
    """On to the waiting record with the next number after ``after``, or to the first one again."""
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
        return redirect("records:record", record.uuid)
    form = ReviewForm(request.POST if request.method == "POST" else None, record=record)
    if form.is_bound and form.is_valid() and _approve(request, record, form):
        messages.success(request, f"{record.label} is approved.")
        return redirect(f"{reverse('records:next_review')}?after={record.number}")
    opened = open_record(record=record, user=user_of(request))
    context = {"record": record, "form": form, "progress": _progress(record.clinic)} | _shown(opened, form)
    return render(request, "records/review.html", context, status=400 if form.errors else 200)


def _approve(request: HttpRequest, record: Record, form: ReviewForm) -> bool:
    rejected = [redaction.pk for redaction in form.cleaned_data["reject"]]
    try:
        review_record(record=record, reviewer=user_of(request), rejected=rejected, added=form.added)
    except NotReviewable as error:
        form.add_error(None, str(error))
        return False
    return True


def _shown(opened: OpenedRecord, form: ReviewForm) -> dict[str, Any]:
    """The texts as pieces, and which redactions stand rejected: as posted, else as decided before."""
    if form.is_bound:
        rejected = {int(key) for key in form.data.getlist("reject") if key.isdecimal()}  # type: ignore[attr-defined]
    else:
        rejected = {each.pk for each in opened.redactions if each.verdict == Redaction.Verdict.REJECTED}
    by_field = {field: [each for each in opened.redactions if each.field == field] for field in Field.values}
    return {
        "source": pieces(opened.original.source, by_field[Field.SOURCE]),
        "target": pieces(opened.original.target, by_field[Field.TARGET]),
        "legend": legend(opened.redactions),
        "rejected": rejected,
        "kinds": KIND_CHOICES,
    }


def _progress(clinic: Clinic) -> dict[str, int]:
    records = Record.objects.filter(clinic=clinic)
    left = records.filter(status=Record.Status.SCRUBBED).count()
    done = records.filter(status=Record.Status.APPROVED).count()
    return {"left": left, "done": done, "all": left + done}
