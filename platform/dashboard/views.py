from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from dashboard.forms import EraseForm
from dashboard.overview import next_step, overview
from dashboard.services.erasure import ChoiceNeeded, erase_records, plan_erasure
from dashboard.services.lineage import copies_elsewhere, lineage_of, look_alikes, patient_records
from records import store
from records.models import Record


@requires(Action.SIGNED_IN)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    numbers = overview(clinic_of(request))
    context = {"numbers": numbers, "step": next_step(numbers, user_of(request))}
    return render(request, "dashboard/home.html", context)


@requires(Action.VIEW_DATASETS)
@require_safe
def lineage(request: HttpRequest, uuid: str) -> HttpResponse:
    record = _own_record(request, uuid)
    made_of_it = lineage_of([record])
    context = {
        "record": record,
        "lineage": made_of_it,
        "copies_elsewhere": copies_elsewhere(made_of_it),
        "patient_records": patient_records(record),
        "look_alikes": look_alikes([record]),
        "has_original": store.has_original(record),
    }
    return render(request, "dashboard/lineage.html", context)


@requires(Action.ERASE_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def erase_record(request: HttpRequest, uuid: str) -> HttpResponse:
    record = _own_record(request, uuid)
    return _erase(request, record, [record])


@requires(Action.ERASE_RECORDS)
@never_cache
@require_http_methods(["GET", "POST"])
def erase_patient(request: HttpRequest, uuid: str) -> HttpResponse:
    """All records of the patient whose record the URL names: a patient's own key never stands in a URL."""
    record = _own_record(request, uuid)
    return _erase(request, record, patient_records(record))


def _erase(request: HttpRequest, record: Record, records: list[Record]) -> HttpResponse:
    """Show what will go; erase once the record's label was typed."""
    if record.status == Record.Status.ERASED:
        return redirect("dashboard:lineage", record.uuid)
    plan = plan_erasure(records)
    form = EraseForm(
        request.POST if request.method == "POST" else None,
        label=record.label,
        is_served=plan.lineage.serving is not None,
    )
    if form.is_bound and form.is_valid():
        try:
            erased = erase_records(records=records, user=user_of(request), serving=form.serving)
        except ChoiceNeeded:
            form.add_error(
                None, "A model that learned from this was just deployed. Say what is to become of it."
            )
        else:
            messages.success(request, f"{'1 record is' if erased == 1 else f'{erased} records are'} erased.")
            return redirect("dashboard:lineage", record.uuid)
    context = {"record": record, "plan": plan, "form": form}
    return render(request, "dashboard/erase.html", context, status=400 if form.errors else 200)


def _own_record(request: HttpRequest, uuid: str) -> Record:
    return own_or_404(Record.objects.select_related("clinic", "near_duplicate_of"), clinic_of(request), uuid)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    # Without the request: whatever broke may break the menu and the session too.
    return HttpResponse(get_template("errors/500.html").render(), status=500)
