"""The staff portal: a record in, a draft summary out."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.models import Record
from summaries import deployments, services
from summaries.display import segments, shown
from summaries.forms import SummarizeForm, known_sections
from summaries.styles import STYLES, is_whole, style_of
from summaries.troubles import EXPECTED, Trouble, explain
from training.models import ModelArtifact

WORK_LIST_SIZE = 8
# Tells the portal's script that an answer is a piece of the portal, and not, say, the sign-in page.
FRAGMENT_HEADER = "X-Precis-Fragment"


@requires(Action.SUMMARIZE)
@never_cache
@require_safe
def portal(request: HttpRequest) -> HttpResponse:
    return render(request, "summaries/portal.html", _portal_context(request, SummarizeForm()))


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def summarize(request: HttpRequest) -> HttpResponse:
    """The summary, or what is wrong, above the portal as it was typed; for htmx that part alone."""
    form = SummarizeForm(request.POST)
    result: dict[str, Any] = {}
    try:
        trouble = None if form.is_valid() else _form_trouble(form)
        if trouble is None:
            result = _result(_write(request, form.cleaned_data))
    except EXPECTED as error:
        trouble = explain(error)
    context = {**result, "trouble": trouble}
    status, headers = (trouble.status, trouble.headers) if trouble else (200, {})
    if request.htmx:  # type: ignore[attr-defined]
        response = render(request, "summaries/_result.html", context, status=status)
        headers = {**headers, FRAGMENT_HEADER: "1"}
    else:
        response = render(
            request, "summaries/portal.html", {**_portal_context(request, form), **context}, status=status
        )
    for name, value in headers.items():
        response[name] = value
    return response


@requires(Action.DEPLOY_MODELS)
@require_POST
def deploy(request: HttpRequest, uuid: str) -> HttpResponse:
    artifact = own_or_404(ModelArtifact.objects.select_related("clinic"), clinic_of(request), uuid)
    try:
        deployments.deploy(artifact=artifact, user=user_of(request))
        messages.success(
            request, f"{artifact.name} is deployed. It answers as soon as it is loaded, in a few seconds."
        )
    except deployments.NotDeployable as error:
        messages.error(request, str(error))
    return redirect("training:artifact", artifact.uuid)


def _write(request: HttpRequest, asked: dict[str, Any]) -> services.Written:
    clinic, user, section = clinic_of(request), user_of(request), asked["section"]
    style, careful = STYLES[asked["style"]], asked["careful"]
    if asked["record"]:
        record = own_or_404(_summarizable(request).select_related("clinic"), clinic, asked["record"])
        return services.summarize_record(
            record=record, user=user, section=section, style=style, careful=careful
        )
    return services.summarize_text(
        clinic=clinic, text=asked["text"], section=section, style=style, careful=careful, user=user
    )


def _form_trouble(form: SummarizeForm) -> Trouble:
    """Django's messages name the field and the rule, never the input."""
    wrong = [str(error) for errors in form.errors.values() for error in errors]
    return Trouble(400, " ".join(wrong), "Change it and try again.")


def _result(written: services.Written) -> dict[str, Any]:
    source, style = written.source, style_of(written.summary.style)
    text = style.readable(written.text)
    deidentified = segments(text, source=source)
    return {
        "written": written,
        "style": style,
        "shown": shown(text, source=source, is_whole=is_whole(written.summary), originals=written.originals),
        "has_inventions": any(piece.kind == "unknown" for piece in deidentified),
        "deidentified": deidentified,
        "is_cut_off": written.summary.is_cut_off,
    }


def _portal_context(request: HttpRequest, form: SummarizeForm) -> dict[str, Any]:
    clinic = clinic_of(request)
    deployment = deployments.current_deployment(clinic)
    number = "".join(filter(str.isdecimal, request.GET.get("number", "")))[:9]
    records = _summarizable(request).filter(number=int(number)) if number else _summarizable(request)
    return {
        "form": form,
        "sections": known_sections(clinic),
        "deployment": deployment,
        "engine": deployments.engine_state([deployment] if deployment else []),
        "number": number,
        "records": records.order_by("-number")[:WORK_LIST_SIZE],
    }


def _summarizable(request: HttpRequest) -> Any:
    scrubbed = [Record.Status.SCRUBBED, Record.Status.APPROVED]
    return Record.objects.filter(clinic=clinic_of(request), status__in=scrubbed)
