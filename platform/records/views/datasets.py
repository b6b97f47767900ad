from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.forms import FreezeForm
from records.models import Dataset
from records.services.datasets import MIN_PATIENTS, NameTaken, NotEnoughRecords, freeze_dataset, ready_records

DATASETS_A_PAGE = 50
ITEMS_A_PAGE = 50


@requires(Action.VIEW_DATASETS)
@require_safe
def dataset_list(request: HttpRequest) -> HttpResponse:
    frozen = Dataset.objects.filter(clinic=clinic_of(request)).select_related("frozen_by")
    page = Paginator(frozen, DATASETS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "records/datasets.html", {"page": page})


@requires(Action.FREEZE_DATASETS)
@require_http_methods(["GET", "POST"])
def freeze(request: HttpRequest) -> HttpResponse:
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            frozen = freeze_dataset(clinic=clinic_of(request), user=user_of(request), **form.cleaned_data)
        except NameTaken:
            form.add_error("name", "A dataset of this name exists already. Choose another name.")
        except NotEnoughRecords as error:
            form.add_error(None, str(error))
        else:
            return redirect("records:dataset", frozen.uuid)
    ready = ready_records(clinic_of(request)).order_by()
    patients = ready.values("patient_key").distinct().count()
    context = {
        "form": form,
        "records": ready.count(),
        "patients": patients,
        "needed": MIN_PATIENTS,
        "is_enough": patients >= MIN_PATIENTS,
    }
    return render(request, "records/freeze.html", context, status=400 if form.errors else 200)


@requires(Action.VIEW_DATASETS)
@require_safe
def dataset(request: HttpRequest, uuid: str) -> HttpResponse:
    shown = own_or_404(Dataset.objects.select_related("frozen_by"), clinic_of(request), uuid)
    items = shown.items.select_related("scrubbed_text__record").defer("scrubbed_text__blob")
    page = Paginator(items, ITEMS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "records/dataset.html", {"dataset": shown, "page": page})
