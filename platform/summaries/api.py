"""The endpoint for the clinic's other software: text in → scrubbed → summarized → JSON out."""

from collections.abc import Generator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from accounts.access import Action, own_or_404, requires
from accounts.models import ApiToken, Scope
from summaries import deployments, idempotency, questions, services, sse
from summaries.api_auth import TokenAuth, token_of
from summaries.api_batches import router as batches_router
from summaries.api_errors import handle_errors, trouble_of
from summaries.api_explanations import router as explanations_router
from summaries.api_fhir import router as fhir_router
from summaries.api_schemas import (
    PROBLEMS,
    Health,
    IdempotencyKey,
    SummaryIn,
    SummaryOut,
    shown_originals,
    summary_out,
)
from summaries.models import Deployment, IdempotentAnswer, Summary
from summaries.troubles import Trouble


class Docs(DocsBase):
    """Swagger's page from our own static files: its stock template has none of the pages' frame."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        settings = {"layout": "BaseLayout", "url": self.get_openapi_url(api, kwargs), "validatorUrl": None}
        return render(request, "summaries/api_docs.html", {"settings": settings})


api = NinjaAPI(
    title="Precis",
    version="1",
    description="Summaries by the clinic's own model, on the clinic's own machine.",
    urls_namespace="api",
    docs=Docs(),
    docs_decorator=requires(Action.SIGNED_IN),
)
STREAMED = {"responses": {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}}


@api.post(
    "/summaries",
    auth=TokenAuth(Scope.SUMMARIZE),
    response={200: SummaryOut, **PROBLEMS},
    url_name="summaries",
    tags=["summaries"],
    openapi_extra=STREAMED,
)
def write_summary(
    request: HttpRequest, wanted: SummaryIn, response: HttpResponse, key: IdempotencyKey = None
) -> SummaryOut | HttpResponseBase:
    """Summarize a text. Nothing of it is kept but the scrubbed text and the summary with placeholders."""
    token = token_of(request)
    asked = questions.asked_of_text(
        clinic=token.clinic,
        text=wanted.text,
        section=wanted.section,
        style=wanted.the_style(),
        reading_grade=wanted.reading_grade,
        careful=wanted.careful,
        token=token,
    )
    answer = idempotency.begin(token=token, key=key, request=request.body) if key else None
    if wanted.stream:
        return sse.respond(_events(request, asked, token, answer), _last_event)
    response["Cache-Control"] = "no-store"
    if answer and answer.summary:
        return _again(asked, token, answer.summary)
    try:
        with sse.until_hang_up(request) as cancellation:
            written = services.Writing(asked, cancellation).to_the_end()
        return _first_time(asked, token, written, answer)
    finally:
        idempotency.abandon(answer)


def _events(
    request: HttpRequest, asked: questions.Asked, token: ApiToken, answer: IdempotentAnswer | None
) -> Generator[str]:
    if answer and answer.summary:
        yield sse.event(_again(asked, token, answer.summary).model_dump(), "summary")
        return
    try:
        with sse.until_hang_up(request) as cancellation:
            writing = services.Writing(asked, cancellation)
            yield from sse.pieces(writing, shown_originals(token, asked))
        yield sse.event(_first_time(asked, token, writing.written, answer).model_dump(), "summary")
    finally:
        idempotency.abandon(answer)


def _first_time(
    asked: questions.Asked, token: ApiToken, written: services.Written, answer: IdempotentAnswer | None
) -> SummaryOut:
    if answer:
        answer.summary = written.summary
        answer.save(update_fields=["summary"])
    return summary_out(written.summary, written.text, shown_originals(token, asked), source=asked.source)


def _again(asked: questions.Asked, token: ApiToken, summary: Summary) -> SummaryOut:
    """The saved summary, real values put back from the repeated text; a changed scrubber may number them anew."""
    source, text = services.open_summary(summary=summary, user=token.created_by)
    originals = shown_originals(token, asked) if source == asked.source else {}
    return summary_out(summary, text, originals, source=source)


def _last_event(error: Exception) -> str:
    return sse.event(_problem(error, trouble_of(error)), "error")


@api.get(
    "/summaries/{uuid:uuid}",
    auth=TokenAuth(Scope.SUMMARIZE),
    response={200: SummaryOut, **PROBLEMS},
    url_name="summary",
    tags=["summaries"],
)
def read_summary(request: HttpRequest, uuid: UUID, response: HttpResponse) -> SummaryOut:
    """A summary that this key asked for, with placeholders: the real values were never kept."""
    token = token_of(request)
    fetched = Summary.objects.select_related("clinic", "deployment__artifact").filter(api_token=token)
    summary = own_or_404(fetched, token.clinic, uuid)
    source, text = services.open_summary(summary=summary, user=token.created_by)
    response["Cache-Control"] = "no-store"
    return summary_out(summary, text, {}, source=source)


@api.get("/health", response=Health, url_name="health", tags=["health"])
def health(request: HttpRequest) -> Health:
    """Whether the deployed models answer. Needs no key and tells nothing else."""
    serving = Deployment.objects.select_related("artifact").filter(closed_at=None)
    return Health(status=deployments.engine_state(serving))


def _problem(error: Exception, trouble: Trouble) -> dict[str, str]:
    return {"error": trouble.error, "what_to_do": trouble.what_to_do}


handle_errors(api, _problem)
api.add_router("/summaries/batches", batches_router)
api.add_router("/summaries", explanations_router)
api.add_router("/fhir", fhir_router)
