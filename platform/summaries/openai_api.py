"""The endpoint as OpenAI's clients know it: /v1/models, /v1/chat/completions, /v1/completions.

A chat that holds a record and nothing else is answered with a summary, asked for as the model was trained. A chat with a
system message, or with more than one turn, goes to the model as it is. Either way it is scrubbed first.
"""

from collections.abc import Generator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import NinjaAPI, Schema

from accounts.access import Action, requires
from accounts.models import ApiToken, Scope
from privacy.placeholders import restore
from summaries import chats, deployments, questions, services, sse
from summaries.api import Docs
from summaries.api_auth import TokenAuth, token_of
from summaries.api_errors import NoSuchModel, Unsupported, handle_errors, trouble_of
from summaries.api_schemas import shown_originals
from summaries.engine import PromptTooLong
from summaries.openai_schemas import (
    MOST_NEW_TOKENS,
    MOST_SCHEMA_CHARACTERS,
    Answer,
    Asking,
    ChatIn,
    CompletionIn,
)
from summaries.restoring import restored
from summaries.styles import DEFAULT, MAX_NEW_TOKENS, STYLES, Style
from summaries.troubles import Trouble

ALIAS = "precis"

api = NinjaAPI(
    title="Precis, OpenAI-compatible",
    version="1",
    description="The clinic's own model for software that speaks to OpenAI: give it this address and a key.",
    urls_namespace="openai",
    docs=Docs(),
    docs_decorator=requires(Action.SIGNED_IN),
)


class ErrorDetail(Schema):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorOut(Schema):
    error: ErrorDetail


ERRORS = dict.fromkeys((400, 401, 403, 404, 413, 422, 429, 500, 502, 503), ErrorOut)
AUTH = TokenAuth(Scope.SUMMARIZE)


@api.get("/models", auth=AUTH, response={200: dict[str, Any], **ERRORS}, url_name="models", tags=["models"])
def models(request: HttpRequest) -> dict[str, Any]:
    """The deployed model under its own name and as “precis”, and “precis/STYLE” for each style."""
    deployment = deployments.current_deployment(token_of(request).clinic)
    if deployment is None:
        return {"object": "list", "data": []}
    created = int(deployment.opened_at.timestamp())
    names = [deployment.artifact.name, ALIAS, *(f"{ALIAS}/{name}" for name in STYLES if name)]
    data = [{"id": name, "object": "model", "created": created, "owned_by": "clinic"} for name in names]
    return {"object": "list", "data": data}


@api.post(
    "/chat/completions", auth=AUTH, response={200: dict[str, Any], **ERRORS}, url_name="chat", tags=["chat"]
)
def chat(request: HttpRequest, wanted: ChatIn, response: HttpResponse) -> dict[str, Any] | HttpResponseBase:
    """A summary of the record in the only message, or an answer to a chat of the caller's own."""
    token = token_of(request)
    if wanted.tools:
        raise Unsupported("Tools are not supported. Leave “tools” out.")
    if wanted.logprobs:
        raise Unsupported("Probabilities are not given out. Leave “logprobs” out.")
    style, messages = _style_of(wanted.model, token), wanted.messages
    limit = _limit(wanted.max_completion_tokens or wanted.max_tokens)
    is_a_record = [message.role for message in messages] == ["user"]
    if style is not DEFAULT and not is_a_record:
        raise Unsupported("A style has words of its own. Send the record as the only message, by the user.")
    if is_a_record and not wanted.response_format:
        asked = chats.ask_for_summary(token=token, text=messages[0].text, style=style, max_new_tokens=limit)
    else:
        asked = chats.ask_in_own_words(
            token=token,
            texts=[message.text for message in messages],
            roles=["system" if message.role == "developer" else message.role for message in messages],
            max_new_tokens=limit or MAX_NEW_TOKENS,
            sampling=wanted.sampling,
            json_schema=_schema(wanted.response_format),
        )
    return _answer(request, response, token, wanted, asked, is_chat=True)


@api.post(
    "/completions",
    auth=AUTH,
    response={200: dict[str, Any], **ERRORS},
    url_name="completions",
    tags=["completions"],
)
def complete(
    request: HttpRequest, wanted: CompletionIn, response: HttpResponse
) -> dict[str, Any] | HttpResponseBase:
    """What the model writes after a text, without any prompt of ours."""
    token = token_of(request)
    if _style_of(wanted.model, token) is not DEFAULT:
        raise Unsupported("Styles are for chats. Ask /v1/chat/completions.")
    text = wanted.prompt if isinstance(wanted.prompt, str) else wanted.prompt[0]
    limit = _limit(wanted.max_tokens) or MAX_NEW_TOKENS
    asked = chats.ask_in_own_words(
        token=token, texts=[text], roles=None, max_new_tokens=limit, sampling=wanted.sampling
    )
    return _answer(request, response, token, wanted, asked, is_chat=False)


def _answer(
    request: HttpRequest,
    response: HttpResponse,
    token: ApiToken,
    wanted: Asking,
    asked: questions.Asked,
    *,
    is_chat: bool,
) -> dict[str, Any] | HttpResponseBase:
    answer = Answer(str(asked.uuid), wanted.model, is_chat=is_chat)
    originals = shown_originals(token, asked)
    if wanted.stream:
        return sse.respond(_events(request, answer, asked, originals, wanted.include_usage), _last_event)
    response["Cache-Control"] = "no-store"
    with sse.until_hang_up(request) as cancellation:
        written = services.Writing(asked, cancellation).to_the_end()
    return answer.whole(written, restore(written.text, originals))


def _events(
    request: HttpRequest,
    answer: Answer,
    asked: questions.Asked,
    originals: dict[str, str],
    include_usage: bool,
) -> Generator[str]:
    with sse.until_hang_up(request) as cancellation:
        writing = services.Writing(asked, cancellation)
        is_first = asked.style != chats.COMPLETION
        for piece in restored(writing, originals):
            if is_first:
                yield sse.event(answer.first())
                is_first = False
            yield sse.event(answer.piece(piece))
    yield sse.event(answer.last(writing.written))
    if include_usage:
        yield sse.event(answer.used(writing.written))
    yield sse.event("[DONE]")


def _style_of(model: str, token: ApiToken) -> Style:
    """The style that a model's name asks for. Raises ``NoSuchModel``."""
    alias, _, style = model.partition("/")
    if alias == ALIAS and style in STYLES:
        return STYLES[style]
    deployment = deployments.current_deployment(token.clinic)
    if deployment is None:
        raise services.NoModelDeployed("No model is deployed yet. Deploy one on the Models page.")
    if model != deployment.artifact.name:
        raise NoSuchModel
    return DEFAULT


def _limit(asked_for: int | None) -> int | None:
    return min(asked_for, MOST_NEW_TOKENS) if asked_for else None


def _schema(response_format: dict[str, Any] | None) -> dict[str, Any] | None:
    """Raises ``Unsupported`` for anything but OpenAI's three formats."""
    match response_format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            if len(str(schema)) <= MOST_SCHEMA_CHARACTERS:
                return schema
            raise Unsupported(f"The schema is too long. Send at most {MOST_SCHEMA_CHARACTERS:,} characters.")
    raise Unsupported("This response_format is not known. Send text, json_object or json_schema.")


def _error(error: Exception, trouble: Trouble) -> dict[str, Any]:
    """In OpenAI's form: its clients make exceptions of it."""
    kind = "server_error" if trouble.status >= 500 else "invalid_request_error"
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
    code = "context_length_exceeded" if isinstance(error, PromptTooLong) else codes.get(trouble.status)
    message = f"{trouble.error} {trouble.what_to_do}".strip()
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _last_event(error: Exception) -> str:
    return sse.event(_error(error, trouble_of(error)))


handle_errors(api, _error)
