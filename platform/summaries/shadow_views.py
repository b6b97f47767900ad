"""A candidate asked beside the deployed model, both side by side, and the way back to the model before."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from jobs.machine import free_memory_bytes
from summaries import deployments, regression, shadow_reports, shadows
from summaries.models import Shadow
from training.models import ModelArtifact

MEGABYTE = 1e6


class ShareForm(forms.Form):
    percent = forms.IntegerField(min_value=1, max_value=100)
    corrections = forms.BooleanField(required=False)


@requires(Action.DEPLOY_MODELS)
@never_cache
@require_safe
def shadow(request: HttpRequest) -> HttpResponse:
    """The clinic's open shadow, or the last one, with what both models wrote. Scrubbed."""
    newest = shadow_reports.newest(clinic_of(request))
    if newest is None:
        return render(request, "summaries/shadow.html")
    context = {
        "shadow": newest,
        "comparison": shadow_reports.compare(shadow=newest, user=user_of(request)),
        "regression": regression.report(newest),
        "free_megabytes": None if settings.ENGINE_URL else free_memory_bytes() / MEGABYTE,
    }
    return render(request, "summaries/shadow.html", context)


@requires(Action.DEPLOY_MODELS)
@require_POST
def start_shadow(request: HttpRequest, uuid: str) -> HttpResponse:
    artifact = own_or_404(ModelArtifact.objects.select_related("clinic"), clinic_of(request), uuid)
    form = ShareForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The share of requests is a whole number from 1 to 100.")
        return redirect("training:artifact", artifact.uuid)
    try:
        started = shadows.start(
            artifact=artifact, percent=form.cleaned_data["percent"], user=user_of(request)
        )
    except deployments.NotDeployable as error:
        messages.error(request, str(error))
        return redirect("training:artifact", artifact.uuid)
    messages.success(
        request, f"{artifact.name} is asked in the background from now on. Nobody sees its answers but here."
    )
    if form.cleaned_data["corrections"]:
        shadows.ask_of_corrections(shadow=started, user=user_of(request))
    return redirect("summaries:shadow")


@requires(Action.DEPLOY_MODELS)
@require_POST
def ask_of_corrections(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_or_404(Shadow.objects.select_related("clinic"), clinic_of(request), uuid)
    asked = shadows.ask_of_corrections(shadow=own, user=user_of(request))
    if asked:
        messages.success(
            request,
            f"{asked} corrected draft{'s' * (asked != 1)} will be asked about, while nobody else waits.",
        )
    else:
        messages.info(request, "There is nothing more to ask about. Somebody else may have been quicker.")
    return redirect("summaries:shadow")


@requires(Action.DEPLOY_MODELS)
@require_POST
def end_shadow(request: HttpRequest, uuid: str) -> HttpResponse:
    own = own_or_404(Shadow.objects.select_related("clinic"), clinic_of(request), uuid)
    shadows.end(shadow=own, user=user_of(request))
    messages.success(request, "The candidate is asked no more. What it answered stays here.")
    return redirect("summaries:shadow")


@requires(Action.DEPLOY_MODELS)
@require_POST
def roll_back(request: HttpRequest) -> HttpResponse:
    """The model before the deployed one answers again."""
    try:
        deployment = deployments.roll_back(clinic=clinic_of(request), user=user_of(request))
    except deployments.NotDeployable as error:
        messages.error(request, str(error))
        return redirect("training:artifacts")
    messages.success(request, f"{deployment.artifact.name} answers again, as soon as it is loaded.")
    return redirect("training:artifact", deployment.artifact.uuid)
