"""Pages of a sweep: six settings side by side."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from training import display
from training.models import FINAL, ModelArtifact, Sweep, TrainingRun
from training.services import sweeps as services


@requires(Action.VIEW_MODELS)
@require_safe
def sweep(request: HttpRequest, uuid: str) -> HttpResponse:
    return render(request, "training/sweep.html", _context(request, uuid))


@requires(Action.VIEW_MODELS)
@require_safe
def sweep_fragment(request: HttpRequest, uuid: str) -> HttpResponse:
    """The table alone, which asks for itself again while a run is unfinished."""
    return render(request, "training/_sweep_table.html", _context(request, uuid))


@requires(Action.TRAIN_MODELS)
@require_POST
def cancel_sweep(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_or_404(Sweep.objects.select_related("clinic"), clinic_of(request), uuid)
    services.cancel_sweep(sweep=own, user=user_of(request))
    messages.info(request, f"{own.name} is being stopped. Runs that have finished stay.")
    return redirect("training:sweep", own.uuid)


@requires(Action.TRAIN_MODELS)
@require_POST
def keep_run(request: HttpRequest, uuid: str, run: str) -> HttpResponse:
    own = own_or_404(Sweep.objects.select_related("clinic"), clinic_of(request), uuid)
    chosen = get_object_or_404(TrainingRun, sweep=own, uuid=run)
    try:
        services.keep_run(sweep=own, run=chosen, user=user_of(request))
        messages.success(request, f"{chosen.name} is the one you keep.")
    except services.SweepRefused as error:
        messages.error(request, str(error))
    return redirect("training:sweep", own.uuid)


def _context(request: HttpRequest, uuid: str) -> dict[str, object]:
    own = own_or_404(Sweep.objects.select_related("dataset", "started_by", "kept"), clinic_of(request), uuid)
    rows = [
        {"attempt": attempt, "step": next((s for s in display.steps(attempt.run) if s.is_running), None)}
        for attempt in services.attempts(own)
    ]
    runs = own.runs.all()
    return {
        "sweep": own,
        "rows": rows,
        "is_over": not runs.exclude(status__in=FINAL).exists(),
        "is_stopping": runs.exclude(status__in=FINAL).exclude(cancel_requested_at=None).exists(),
        "tested_on": "test" if own.dataset.test_count else "validation",
        "kept_model": ModelArtifact.objects.filter(stage__run=own.kept, name=own.kept.name).first()
        if own.kept
        else None,
    }
