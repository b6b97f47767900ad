"""The staff portal: a record in, a draft summary out."""

from collections.abc import Generator, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Action, clinic_of, own_or_404, requires, user_of
from records.models import Record
from summaries import deployments, questions, services, sse
from summaries.display import segments, shown
from summaries.forms import SummarizeForm, known_sections
from summaries.styles import STYLES, is_whole, style_of
from summaries.troubles import EXPECTED, explain, unforeseen
from training.models import ModelArtifact

WORK_LIST_SIZE = 8


@requires(Action.SUMMARIZE)
@never_cache
@require_safe
def portal(request: HttpRequest) -> HttpResponse:
    return render(request, "summaries/portal.html", _portal_context(request, SummarizeForm()))


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def summarize(request: HttpRequest) -> HttpResponse:
    """The summary, or what is wrong, above the portal as it was typed: for a browser that runs no scripts."""
    form = SummarizeForm(request.POST)
    status, headers, shown_above = 200, {}, {}
    try:
        shown_above = _result(services.Writing(_asked(request, form)).to_the_end())
    except EXPECTED as error:
        trouble = explain(error)
        status, headers, shown_above = trouble.status, trouble.headers, {"trouble": trouble}
    context = {**_portal_context(request, form), **shown_above}
    return _with(headers, render(request, "summaries/portal.html", context, status=status))


@requires(Action.SUMMARIZE)
@never_cache
@require_POST
def stream(request: HttpRequest) -> HttpResponseBase:
    """The summary while it is written, as events: ``progress`` and ``piece``, ``checking``, and at last ``result``
    or ``trouble``, each with its HTML. What fails before the first of them has a status of its own, too."""
    try:
        asked = _asked(request, SummarizeForm(request.POST))
        return sse.respond(_events(request, asked), _last_event)
    except EXPECTED as error:
        trouble = explain(error)
        last = sse.event(
            {"html": render_to_string("summaries/_result.html", {"trouble": trouble})}, "trouble"
        )
        return _with(trouble.headers, HttpResponse(last, "text/event-stream", trouble.status))


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


def _asked(request: HttpRequest, form: SummarizeForm) -> questions.Asked:
    """What the form asks for. Raises ``TextRefused``: Django's messages name the field and the rule, never the input."""
    if not form.is_valid():
        wrong = [str(error) for errors in form.errors.values() for error in errors]
        raise questions.TextRefused(f"{' '.join(wrong)} Change it and try again.")
    clinic, user, wanted = clinic_of(request), user_of(request), form.cleaned_data
    section, style, careful = wanted["section"], STYLES[wanted["style"]], wanted["careful"]
    if wanted["record"]:
        record = own_or_404(_summarizable(request).select_related("clinic"), clinic, wanted["record"])
        return questions.asked_of_record(
            record=record, user=user, section=section, style=style, careful=careful
        )
    return questions.asked_of_text(
        clinic=clinic, text=wanted["text"], section=section, style=style, careful=careful, user=user
    )


def _events(request: HttpRequest, asked: questions.Asked) -> Generator[str]:
    with sse.until_hang_up(request) as cancellation:
        writing = services.Writing(asked, cancellation)
        if STYLES[asked.style].json_schema:
            writing.to_the_end()  # Half of it is no list of problems yet.
        else:
            yield from sse.pieces(writing, asked.originals)
    yield sse.event({}, "checking")
    yield sse.event({"html": render_to_string("summaries/_result.html", _result(writing.written))}, "result")


def _last_event(error: Exception) -> str:
    trouble = explain(error) if isinstance(error, EXPECTED) else unforeseen(error)
    context = {"trouble": trouble, "is_broken_off": True}
    return sse.event({"html": render_to_string("summaries/_result.html", context)}, "trouble")


def _with(headers: Mapping[str, str], response: HttpResponse) -> HttpResponse:
    for name, value in headers.items():
        response[name] = value
    return response


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
