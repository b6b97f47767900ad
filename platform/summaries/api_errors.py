"""Whatever goes wrong at the endpoint, as a status and two sentences that quote nothing of the request."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from summaries import questions
from summaries.fhir import UnreadableResource
from summaries.styles import STYLES
from summaries.troubles import EXPECTED, Trouble, explain, unforeseen

# What a validation error may name; any other word of a request, a made-up field's too, may be patient text.
KNOWN_FIELDS = frozenset(
    [
        "text",
        "section",
        "style",
        "reading_grade",
        "stream",
        "texts",
        "sentence",
        "model",
        "messages",
        "role",
        "content",
        "prompt",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "n",
        "response_format",
        "stream_options",
        "tools",
        "logprobs",
        "Idempotency-Key",
        "uuid",
    ]
)


class UnknownStyle(Exception):
    """No style has that name."""

    def __init__(self) -> None:
        super().__init__("There is no such style.")


class Unsupported(Exception):
    """A request that is well formed and that Precis does not serve; the message says what to do."""


class NoSuchModel(Exception):
    """The clinic serves no model of that name."""

    def __init__(self) -> None:
        super().__init__("The clinic serves no model of that name.")


def trouble_of(error: Exception) -> Trouble:
    """The trouble behind any exception; one that nobody foresaw is logged, its words are not."""
    if isinstance(error, EXPECTED):
        return explain(error)
    match error:
        case ValidationError():
            faults = "; ".join(sorted({f"{_field(fault['loc'])}: {fault['msg']}" for fault in error.errors}))
            return Trouble(422, faults, "The page /api/v1/docs shows what is expected.")
        case UnknownStyle():
            names = ", ".join(filter(None, STYLES))
            return Trouble(422, str(error), f"Styles are {names}; or leave it out.")
        case NoSuchModel():
            return Trouble(404, str(error), "Ask /v1/models for the names.")
        case Unsupported() | UnreadableResource():
            what, _, to_do = str(error).partition(". ")
            return Trouble(400, f"{what}.", to_do)
        case AuthenticationError():
            advice = "Send “Authorization: Bearer precis_…” with a key that an administrator issued."
            return Trouble(401, "No valid key came with the request.", advice)
        case HttpError():
            return Trouble(error.status_code, "The body is not JSON.", "Send UTF-8 JSON.")
        case Http404():
            return Trouble(404, "There is no such thing here.", "Check the address.")
        case RequestDataTooBig():
            advice = f"Send at most {questions.MAX_SOURCE_CHARACTERS:,} characters of text."
            return Trouble(413, "The body is too big.", advice)
        case _:
            return unforeseen(error)


def _field(location: tuple[str | int, ...]) -> str:
    return next((str(part) for part in location if part in KNOWN_FIELDS), "the body")


def handle_errors(api: NinjaAPI, body_of: Callable[[Exception, Trouble], dict[str, Any]]) -> None:
    """Answer every exception of ``api`` with its trouble's status and headers and what ``body_of`` makes of it."""

    def answer(request: HttpRequest, error: Any) -> HttpResponse:
        trouble = trouble_of(error)
        response = api.create_response(request, body_of(error, trouble), status=trouble.status)
        headers = trouble.headers | ({"WWW-Authenticate": "Bearer"} if trouble.status == 401 else {})
        for name, value in headers.items():
            response[name] = value
        return response

    foreseen = (ValidationError, AuthenticationError, HttpError, Http404, RequestDataTooBig)
    for kind in (*EXPECTED, *foreseen, UnknownStyle, NoSuchModel, Unsupported, UnreadableResource, Exception):
        api.add_exception_handler(kind, answer)
