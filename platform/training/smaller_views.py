"""The page on which a clinic chooses how small its model should be: all sizes of it, measured side by side."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from training import frontier
from training.forms import SmallerForm
from training.models import FINAL, TrainingRun
from training.options import SmallerOptions
from training.services import smaller as services
from training.services.runs import RunRefused


@requires(Action.VIEW_MODELS)
@require_safe
def sizes(request: HttpRequest, uuid: str) -> HttpResponse:
    source = _source(request, uuid)
    return render(request, "training/sizes.html", _context(source, SmallerForm(source=source)))


@requires(Action.TRAIN_MODELS)
@require_POST
def start_smaller(request: HttpRequest, uuid: str) -> HttpResponse:
    source = _source(request, uuid)
    form = SmallerForm(request.POST, source=source)
    if form.is_valid():
        try:
            run = services.start_smaller(
                source=source,
                user=user_of(request),
                name=form.cleaned_data["name"],
                options=form.options,
            )
            return redirect("training:run", run.uuid)
        except RunRefused as error:
            form.add_error(None, str(error))
    return render(request, "training/sizes.html", _context(source, form), status=400)


def _source(request: HttpRequest, uuid: str) -> TrainingRun:
    """The run that trained, also where the address is that of one that made its model smaller."""
    fetched = TrainingRun.objects.select_related("clinic", "dataset", "source__clinic", "source__dataset")
    return own_or_404(fetched, clinic_of(request), uuid).trained_in


def _cannot(source: TrainingRun) -> str:
    """Why nothing can be made of the run's model; empty where something can."""
    try:
        services.check(source, SmallerOptions())
    except RunRefused as error:
        return str(error)
    return ""


def _context(source: TrainingRun, form: SmallerForm) -> dict[str, object]:
    variants = frontier.variants_of(source)
    return {
        "source": source,
        "form": form,
        "cannot": _cannot(source),
        "source_artifact": services.whole_of(source),
        "variants": variants,
        "chart": frontier.chart(variants) if len(variants) > 1 else None,
        "under_way": source.smaller_runs.exclude(status__in=FINAL),
        "failed": source.smaller_runs.filter(status__in=("failed", "cancelled")),
    }
