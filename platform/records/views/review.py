from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from accounts.models import Clinic
from records import store
from records.forms import ReviewForm
from records.highlight import first_to_judge, is_unsure, legend, pieces
from records.models import Field, Record, Redaction
from records.services.review import NotReviewable, OpenedRecord, next_waiting, open_record, review_record

REVIEWABLE = {Record.Status.SCRUBBED, Record.Status.APPROVED}


@requires(Action.REVIEW_RECORDS)
@require_safe
def next_review(request: HttpRequest) -> HttpResponse:
    """On to the waiting record that stands in the queue behind number ``after``, or to the first one."""
    left = _numbered(request, "after")
    found = next_waiting(clinic_of(request), left)
    if found:
        url = reverse("records:review", args=[found.uuid])
        return redirect(f"{url}?back={left.number}" if left and left != found else url)
    return render(request, "records/review_done.html", {"progress": _progress(clinic_of(request))})


@requires(Action.REVIEW_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, uuid: str) -> HttpResponse:
    record = own_or_404(Record.objects.select_related("clinic"), clinic_of(request), uuid)
    # Without its original a record cannot be reviewed again; its page says why.
    if record.status not in REVIEWABLE or not store.has_original(record):
        return redirect("records:record", record.uuid)
    form = ReviewForm(request.POST if request.method == "POST" else None, record=record)
    if form.is_bound and form.is_valid() and _approve(request, record, form):
        messages.success(request, f"{record.label} is approved.")
        return redirect(f"{reverse('records:next_review')}?after={record.number}")
    opened = open_record(record=record, user=user_of(request))
    context = {
        "record": record,
        "back": _numbered(request, "back"),
        "form": form,
        "progress": _progress(record.clinic),
    } | _shown(opened, form)
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
    first = first_to_judge(opened.redactions)
    return {
        "first": first.pk if first else None,
        "unsure": sum(map(is_unsure, opened.redactions)),
        "source": pieces(opened.original.source, by_field[Field.SOURCE]),
        "target": pieces(opened.original.target, by_field[Field.TARGET]),
        "legend": legend(opened.redactions),
        "rejected": rejected,
    }


def _numbered(request: HttpRequest, name: str) -> Record | None:
    """The clinic's record whose number the query parameter gives."""
    number = request.GET.get(name, "")
    if not number.isdecimal() or len(number) > 9:
        return None
    return Record.objects.filter(clinic=clinic_of(request), number=int(number)).first()


def _progress(clinic: Clinic) -> dict[str, int]:
    records = Record.objects.filter(clinic=clinic)
    left = records.filter(status=Record.Status.SCRUBBED).count()
    done = records.filter(status=Record.Status.APPROVED).count()
    return {"left": left, "done": done, "all": left + done}
