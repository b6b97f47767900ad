"""The endpoint for the clinic's other software: text in → scrubbed → summarized → JSON out."""

import logging
from collections import Counter
from typing import Annotated, Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import Field, NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.docs import DocsBase
from ninja.security import HttpBearer
from pydantic import ConfigDict

from accounts.access import Action, requires
from accounts.models import ApiToken
from summaries import services
from summaries.models import Deployment
from summaries.troubles import EXPECTED, Trouble, explain

logger = logging.getLogger(__name__)


class SummaryIn(Schema):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(description="The record. It is scrubbed before the model sees it.")]
    section: Annotated[
        str,
        Field(
            max_length=services.MAX_SECTION_CHARACTERS,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="The part of the note that is wanted, if one is.",
        ),
    ] = ""


class SummaryOut(Schema):
    id: str
    summary: Annotated[
        str, Field(description="A draft, with the real values of your text put back. They are not kept.")
    ]
    summary_deidentified: Annotated[str, Field(description="As the model wrote it, with placeholders.")]
    is_cut_off: Annotated[
        bool, Field(description="The model reached its longest answer; the end may be missing.")
    ]
    redactions: Annotated[
        dict[str, int], Field(description="How many different identifiers were hidden, by kind.")
    ]
    model: str
    artifact_sha256: str
    seconds: float


class Problem(Schema):
    error: str
    what_to_do: str


class Health(Schema):
    status: services.EngineState


class TokenAuth(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        # Looked up by the hash of a key with 256 random bits, so timing tells nothing about the key.
        digest = ApiToken.digest_of(token)
        found = ApiToken.objects.select_related("clinic", "created_by").filter(digest=digest).first()
        return found if found and found.is_valid else None


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
_PROBLEMS = dict.fromkeys((400, 401, 413, 422, 500, 503), Problem)


@api.post(
    "/summaries",
    auth=TokenAuth(),
    response={200: SummaryOut, **_PROBLEMS},
    url_name="summaries",
    tags=["summaries"],
)
def write_summary(request: HttpRequest, asked: SummaryIn, response: HttpResponse) -> SummaryOut:
    """Summarize a text. Nothing of it is kept but the scrubbed text and the summary with placeholders."""
    token: ApiToken = request.auth  # type: ignore[attr-defined]
    written = services.summarize_text(
        clinic=token.clinic, text=asked.text, section=asked.section, token=token
    )
    artifact = written.summary.deployment.artifact
    response["Cache-Control"] = "no-store"
    return SummaryOut(
        id=str(written.summary.uuid),
        summary=written.restored,
        summary_deidentified=written.text,
        is_cut_off=written.summary.generated_tokens >= services.MAX_NEW_TOKENS,
        redactions=Counter(placeholder.strip("[]").rpartition("_")[0] for placeholder in written.originals),
        model=artifact.name,
        artifact_sha256=artifact.sha256,
        seconds=round(written.summary.seconds, 3),
    )


@api.get("/health", response=Health, url_name="health", tags=["health"])
def health(request: HttpRequest) -> Health:
    """Whether the deployed models answer. Needs no key and tells nothing else."""
    deployments = Deployment.objects.select_related("artifact").filter(closed_at=None)
    return Health(status=services.engine_state(deployments))


def _refuse(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    body = {"error": trouble.error, "what_to_do": trouble.what_to_do}
    response = api.create_response(request, body, status=trouble.status)
    for name, value in trouble.headers.items():
        response[name] = value
    return response


def _expected(request: HttpRequest, error: Any) -> HttpResponse:
    return _refuse(request, explain(error))


for kind in EXPECTED:
    api.add_exception_handler(kind, _expected)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names known fields and pydantic's rule only: the input, or a made-up field's name, may be patient text."""
    faults = "; ".join(sorted({f"{_field(fault['loc'])}: {fault['msg']}" for fault in error.errors}))
    return _refuse(request, Trouble(422, faults, 'Send {"text": "…", "section": "…"} as JSON.'))


def _field(location: tuple[str | int, ...]) -> str:
    return next((str(part) for part in location if part in SummaryIn.model_fields), "the body")


@api.exception_handler(AuthenticationError)
def _unknown_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    advice = "Send “Authorization: Bearer precis_…” with a key that an administrator issued."
    response = _refuse(request, Trouble(401, "No valid key came with the request.", advice))
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(HttpError)
def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _refuse(request, Trouble(error.status_code, "The body is not JSON.", "Send UTF-8 JSON."))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    advice = f"Send at most {services.MAX_SOURCE_CHARACTERS:,} characters of text."
    return _refuse(request, Trouble(413, "The body is too big.", advice))


@api.exception_handler(Exception)
def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    # The log's filter keeps the exception's type and place; its words may quote the text.
    logger.error("The API failed.", exc_info=error)
    return _refuse(request, Trouble(500, "Precis failed.", "Tell your administrator: the log says where."))
