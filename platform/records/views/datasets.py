from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.forms import ProposeForm
from records.models import Dataset, DatasetProposal
from records.services.datasets import (
    MIN_PATIENTS,
    NameTaken,
    NotEnoughRecords,
    ready_records,
    unlabelled_count,
    unlabelled_records,
)
from records.services.proposals import propose_dataset
from records.services.release import NotReleasable, check_releasable
from records.views.proposals import reading_context

DATASETS_A_PAGE = 50
ITEMS_A_PAGE = 50


@requires(Action.VIEW_DATASETS)
@require_safe
def dataset_list(request: HttpRequest) -> HttpResponse:
    frozen = Dataset.objects.filter(clinic=clinic_of(request)).select_related("frozen_by")
    proposals = DatasetProposal.objects.filter(
        clinic=clinic_of(request), status=DatasetProposal.Status.OPEN
    ).select_related("proposed_by")
    page = Paginator(frozen, DATASETS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "records/datasets.html", {"page": page, "proposals": proposals})


@requires(Action.FREEZE_DATASETS)
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    form = ProposeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            proposal = propose_dataset(clinic=clinic_of(request), user=user_of(request), **form.cleaned_data)
        except NameTaken:
            form.add_error("name", "A dataset of this name exists already. Choose another name.")
        except NotEnoughRecords as error:
            form.add_error(None, str(error))
        else:
            return redirect("records:proposal", proposal.uuid)
    ready = ready_records(clinic_of(request)).order_by()
    patients = ready.values("patient_key").distinct().count()
    context = {
        "form": form,
        "records": ready.count(),
        "patients": patients,
        "needed": MIN_PATIENTS,
        "unlabelled": unlabelled_records(clinic_of(request)).count(),
        "is_enough": patients >= MIN_PATIENTS,
    }
    return render(request, "records/propose.html", context, status=400 if form.errors else 200)


@requires(Action.VIEW_DATASETS)
@require_safe
def dataset(request: HttpRequest, uuid: str) -> HttpResponse:
    shown = own_or_404(Dataset.objects.select_related("clinic", "frozen_by"), clinic_of(request), uuid)
    items = shown.items.select_related("scrubbed_text__record").defer("scrubbed_text__blob")
    proposal = DatasetProposal.objects.select_related("clinic").filter(dataset=shown).first()
    context = {
        "dataset": shown,
        "page": Paginator(items, ITEMS_A_PAGE).get_page(request.GET.get("page")),
        "unlabelled": unlabelled_count(shown),
        "lock": _lock(shown),
        "proposal": proposal,
        "signatures": proposal.signatures.select_related("signer") if proposal else [],
    }
    if proposal:
        context |= reading_context(request, proposal)
    return render(request, "records/dataset.html", context)


def _lock(dataset: Dataset) -> str:
    """Why no model may learn from the dataset; empty where one may."""
    try:
        check_releasable(dataset)
    except NotReleasable as error:
        return str(error)
    return ""
