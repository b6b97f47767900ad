"""Pages of one model: where it comes from, its evaluation in several forms, and another model beside it."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import Action, NotFoundInClinic, clinic_of, own_or_404, requires, user_of
from jobs.devices import Budget
from training import display
from training.memory_words import memory_context
from training.models import Evaluation, ModelArtifact
from training.services import comparing, devices, evaluations, grounded, smaller
from training.services.revoked import is_revoked


@requires(Action.VIEW_MODELS)
@never_cache
@require_safe
def artifact(request: HttpRequest, uuid: str) -> HttpResponse:
    own = _artifact(request, uuid)
    evaluation = _evaluation(own)
    samples = evaluations.open_samples(evaluation=evaluation, user=user_of(request)) if evaluation else []
    context = {
        "artifact": own,
        "run": own.stage.run,
        "children": own.children.all(),
        "deployment": display.open_deployment(own),
        "parity": display.parity(own),
        "is_revoked": is_revoked(own),
        "loss_refusal": smaller.refusal_of(own) if own.kind == ModelArtifact.Kind.GGUF else "",
        "invention_refusal": grounded.refusal_of(own.stage.run),
        "grounded": grounded.grounded_of(own.stage.run),
        **memory_context(own.stage.run),
        "budgets": _budgets(own),
        "can_compare": evaluation is not None and comparing.comparable(own).exists(),
    }
    return render(
        request, "training/artifact.html", context | _evaluation_context(evaluation) | {"samples": samples}
    )


@requires(Action.VIEW_MODELS)
@never_cache
@require_safe
def artifact_report(request: HttpRequest, uuid: str) -> HttpResponse:
    """The evaluation as a page to print, or to save as PDF."""
    own = _artifact(request, uuid)
    evaluation = _evaluation_or_404(own)
    samples = evaluations.open_samples(
        evaluation=evaluation, user=user_of(request), action="export_evaluation", format="report"
    )
    context = {"artifact": own, "run": own.stage.run, "is_revoked": is_revoked(own)}
    context |= memory_context(own.stage.run)
    return render(
        request, "training/report.html", context | _evaluation_context(evaluation) | {"samples": samples}
    )


@requires(Action.VIEW_MODELS)
@never_cache
@require_safe
def artifact_evaluation(request: HttpRequest, uuid: str) -> HttpResponse:
    """The evaluation as a JSON file, with its samples and the scores of each record."""
    own = _artifact(request, uuid)
    exported = evaluations.export(evaluation=_evaluation_or_404(own), user=user_of(request))
    response = JsonResponse(exported, json_dumps_params={"ensure_ascii": False, "indent": 1})
    # A run's name has small letters, digits, ".", "-" and "_".
    response["Content-Disposition"] = f'attachment; filename="evaluation-{own.name}.json"'
    return response


@requires(Action.VIEW_MODELS)
@never_cache
@require_safe
def artifact_compare(request: HttpRequest, uuid: str) -> HttpResponse:
    """A choice of models, and with ``?with=`` another's uuid, the two side by side."""
    own = _artifact(request, uuid)
    context: dict[str, object] = {"artifact": own, "others": comparing.comparable(own)}
    if not (wanted := request.GET.get("with")):
        return render(request, "training/compare.html", context)
    other = _artifact(request, _uuid(wanted))
    context["other"] = other
    try:
        comparison = comparing.compare(own, other)
    except comparing.NotComparable as error:
        return render(request, "training/compare.html", context | {"refusal": str(error)}, status=409)
    context |= {
        "comparison": comparison,
        "score_rows": display.score_rows(comparison.scores),
        "samples": comparing.open_pairs(comparison=comparison, user=user_of(request)),
    }
    return render(request, "training/compare.html", context)


def _artifact(request: HttpRequest, uuid: str) -> ModelArtifact:
    fetched = ModelArtifact.objects.select_related(
        "clinic", "stage__run__dataset", "stage__run__source", "parent"
    )
    return own_or_404(fetched.prefetch_related("deployments"), clinic_of(request), uuid)


def _budgets(artifact: ModelArtifact) -> list[Budget]:
    """None for an adapter, and for a file that is gone."""
    try:
        return devices.budgets(artifact)
    except devices.NotKnown:
        return []


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFoundInClinic from None


def _evaluation(artifact: ModelArtifact) -> Evaluation | None:
    fetched = Evaluation.objects.select_related("artifact__clinic", "stage__run__dataset")
    return fetched.filter(artifact=artifact).first()


def _evaluation_or_404(artifact: ModelArtifact) -> Evaluation:
    found = _evaluation(artifact)
    if found is None:
        raise Http404
    return found


def _evaluation_context(evaluation: Evaluation | None) -> dict[str, object]:
    if evaluation is None:
        return {"evaluation": None}
    return {
        "evaluation": evaluation,
        "score_rows": display.evaluated(evaluation),
        "sections": display.sections(evaluation),
        "lengths": display.lengths(evaluation),
    }
