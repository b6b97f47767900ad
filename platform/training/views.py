"""Pages of training runs and of the models they made."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.services.datasets import unlabelled_count
from training import display, estimates
from training.forms import MachinePlanForm, StartRunForm
from training.models import ModelArtifact, TrainingRun
from training.options import SWEEP
from training.services import machine_plan as planning
from training.services import preflight, reading, sweeps, teachers
from training.services import runs as services
from training.services.bases import base_choices
from training.services.previews import open_preview
from training.services.revoked import revoked_artifacts

PAGE_SIZE = 25


@requires(Action.VIEW_MODELS)
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    own = TrainingRun.objects.filter(clinic=clinic_of(request))
    fetched = own.select_related("dataset").prefetch_related("stages__evaluations")
    page = Paginator(fetched, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [{"run": run, "steps": display.steps(run), "rouge_1": display.rouge_1(run)} for run in page]
    return render(request, "training/runs.html", {"page": page, "rows": rows})


@requires(Action.TRAIN_MODELS)
@require_http_methods(["GET", "POST"])
def start_run(request: HttpRequest) -> HttpResponse:
    clinic, bases = clinic_of(request), base_choices()
    known = teachers.choices(clinic)
    form = StartRunForm(request.POST or None, clinic=clinic, bases=bases, teachers=known)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        asked: dict[str, Any] = {
            "clinic": clinic,
            "user": user_of(request),
            "name": chosen["name"],
            "dataset": chosen["dataset"],
            "base": chosen["base"],
            "options": form.options,
        }
        try:
            if "sweep" in request.POST:
                return redirect("training:sweep", sweeps.start_sweep(**asked).uuid)
            return redirect("training:run", services.start_run(**asked).uuid)
        except services.RunRefused as error:
            form.add_error(None, str(error))
    context = {
        "form": form,
        "bases": bases,
        "settings": SWEEP,
        "has_datasets": form.fields["dataset"].queryset.exists(),  # type: ignore[attr-defined]
        "machine_form": MachinePlanForm(bases=planning.plannable_bases(), auto_id="machine_%s"),
    }
    return render(request, "training/start_run.html", context, status=400 if form.errors else 200)


@requires(Action.TRAIN_MODELS)
@require_safe
def machine_plan(request: HttpRequest) -> HttpResponse:
    """What machine a base needs; with htmx the answer alone, for the panel beside the start of a run."""
    form = MachinePlanForm(request.GET or None, bases=planning.plannable_bases(), auto_id="machine_%s")
    plan, refusal = None, ""
    if form.is_valid():
        try:
            plan = planning.plan_machine(**form.cleaned_data)
        except planning.PlanRefused as error:
            refusal = str(error)
    answer = "HX-Request" in request.headers
    template = "training/_machine_plan.html" if answer else "training/machine_plan.html"
    rows = estimates.plan_rows(plan) if plan else []
    return render(request, template, {"machine_form": form, "plan": plan, "rows": rows, "refusal": refusal})


@requires(Action.VIEW_MODELS)
@require_safe
def run(request: HttpRequest, uuid: str) -> HttpResponse:
    return render(request, "training/run.html", _run_context(request, uuid))


@requires(Action.VIEW_MODELS)
@require_safe
def run_fragment(request: HttpRequest, uuid: str) -> HttpResponse:
    """The part of the run page that lives. It asks for itself again; once the run is over, for the whole page."""
    context = _run_context(request, uuid)
    response = render(request, "training/_run_progress.html", context)
    if context["is_over"]:
        response["HX-Refresh"] = "true"
    return response


@requires(Action.VIEW_MODELS)
@require_safe
def run_curve(request: HttpRequest, uuid: str) -> HttpResponse:
    """{points: [{step, loss[, valid_loss]}], offset, is_over}: what was written since ``?offset=`` bytes."""
    own = own_or_404(TrainingRun.objects.all(), clinic_of(request), uuid)
    offset = request.GET.get("offset", "0")
    if not offset.isdecimal() or len(offset) > 15:
        return HttpResponseBadRequest("offset is a number of bytes")
    points, offset_now = reading.loss_curve(own, int(offset))
    return JsonResponse({"points": points, "offset": offset_now, "is_over": own.is_over})


@requires(Action.VIEW_MODELS)
@never_cache
@require_safe
def run_tokens(request: HttpRequest, uuid: str) -> HttpResponse:
    """What of a few rows is trained, masked and cut, token by token."""
    own = own_or_404(TrainingRun.objects.select_related("clinic", "dataset"), clinic_of(request), uuid)
    context = {
        "run": own,
        "preview": open_preview(run=own, user=user_of(request)),
        "prepare": own.trained_in.stages.get(name="prepare"),
    }
    return render(request, "training/preview.html", context)


@requires(Action.TRAIN_MODELS)
@require_POST
def cancel_run(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_or_404(TrainingRun.objects.select_related("clinic"), clinic_of(request), uuid)
    if own.is_over:
        messages.info(request, f"{own.name} was over already.")
    else:
        services.cancel_run(run=own, user=user_of(request))
        messages.info(request, f"{own.name} is being stopped. What it has learned is kept for a retry.")
    return redirect("training:run", own.uuid)


@requires(Action.TRAIN_MODELS)
@require_POST
def retry_run(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_or_404(TrainingRun.objects.select_related("clinic"), clinic_of(request), uuid)
    try:
        services.retry_run(run=own, user=user_of(request))
    except services.RunRefused as error:
        messages.error(request, str(error))
    return redirect("training:run", own.uuid)


@requires(Action.VIEW_MODELS)
@require_safe
def artifacts(request: HttpRequest) -> HttpResponse:
    own = ModelArtifact.objects.filter(clinic=clinic_of(request))
    fetched = own.select_related("stage__run", "evaluation").prefetch_related("deployments")
    page = Paginator(fetched, PAGE_SIZE).get_page(request.GET.get("page"))
    revoked = set(revoked_artifacts(clinic_of(request)).values_list("pk", flat=True))
    rows = [
        {
            "artifact": artifact,
            "deployment": display.open_deployment(artifact),
            "is_revoked": artifact.pk in revoked,
        }
        for artifact in page
    ]
    return render(request, "training/artifacts.html", {"page": page, "rows": rows})


def _run_context(request: HttpRequest, uuid: str) -> dict[str, object]:
    fetched = TrainingRun.objects.select_related("dataset", "started_by", "sweep", "source").prefetch_related(
        "stages__evaluations"
    )
    own = own_or_404(fetched, clinic_of(request), uuid)
    steps = display.steps(own)
    rehearsal = preflight.rehearsal_of(own)
    return {
        "rehearsal": rehearsal,
        "rehearsal_words": estimates.preflight_words(rehearsal.facts) if rehearsal else [],
        "estimates": estimates.estimate_rows(rehearsal) if rehearsal else [],
        "later": estimates.later_words(rehearsal) if rehearsal else "",
        "run": own,
        "is_over": own.is_over,
        "steps": steps,
        "learns": any(step.name in ("train", "distill") for step in steps),
        "current": next((step for step in steps if step.is_running), None),
        "rouge_1": display.rouge_1(own),
        "waits_too_long": display.waits_too_long(own),
        "teacher": teachers.name_of(own),
        "taught": display.taught(own),
        "unlabelled": 0 if own.options.get("teacher") else unlabelled_count(own.dataset),
        "artifacts": ModelArtifact.objects.filter(stage__run=own).order_by("kind", "name"),
    }
