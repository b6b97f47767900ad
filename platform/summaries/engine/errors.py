"""Why the engine gave no summary. No error carries text, and none quotes what a server said: it may hold the record."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import httpx

RETRY_AFTER_SECONDS = 5
# As vLLM says it, in the wordings of several versions, and OpenAI.
_TOO_LONG = re.compile(r"context length is (?:only )?\d+ tokens")
# Where vLLM names the parameter at fault.
_TOO_LONG_PARAMETERS = {"input_tokens", "input_text"}


class EngineError(Exception):
    """The engine gave no summary."""


class EngineUnavailable(EngineError):
    """No server has the model just now: it is starting, restarting, or the engine is not running."""

    def __init__(self, message: str, retry_after_seconds: int = RETRY_AFTER_SECONDS) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class EngineTimeout(EngineError):
    """The summary was not finished in time."""


class EngineCancelled(EngineError):
    """Whoever asked has gone away."""


class PromptTooLong(EngineError):
    """The record does not fit the model's context. Only llama.cpp says reliably by how much."""

    def __init__(self, prompt_tokens: int = 0, context_tokens: int = 0) -> None:
        super().__init__(
            f"The text takes {prompt_tokens} tokens; the model reads at most {context_tokens}."
            if prompt_tokens
            else "The text is longer than the model reads at once."
        )
        self.prompt_tokens, self.context_tokens = prompt_tokens, context_tokens


class ServerGone(Exception):
    """Nobody, or somebody else, is at the address; worth looking it up again. Stays inside this package."""


class KeyRefused(ServerGone):
    """The server wants another key than ours."""


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """httpx's exceptions hold the request, and so the text: none of them may get out."""
    try:
        yield
    except httpx.TimeoutException as error:
        if isinstance(error, httpx.ConnectTimeout):
            raise ServerGone("The engine does not answer.") from None
        raise EngineTimeout("The summary took too long.") from None
    except httpx.HTTPError:
        raise ServerGone("The engine does not answer.") from None


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """An answer in another form than agreed is an error without its text, which a JSONDecodeError would hold."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise ServerGone("The engine's answer cannot be read.") from None


def refusal(response: httpx.Response) -> Exception:
    told = f"The engine refused the request (HTTP {response.status_code})."
    if response.status_code in {401, 403}:
        return KeyRefused(told)
    if response.status_code == 503:
        return ServerGone(told)
    error = _error_of(response)
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(int(error.get("n_prompt_tokens", 0)), int(error.get("n_ctx", 0)))
    if _is_too_long(error):
        return PromptTooLong()
    return EngineUnavailable(told)


def _error_of(response: httpx.Response) -> dict[str, Any]:
    """Under "error" as OpenAI has it, or bare as older vLLMs do; empty where there is none."""
    with contextlib.suppress(ValueError, AttributeError):
        body = response.json()
        error = body.get("error", body)
        return error if isinstance(error, dict) else {}
    return {}


def _is_too_long(error: dict[str, Any]) -> bool:
    return (
        error.get("code") == "context_length_exceeded"
        or error.get("param") in _TOO_LONG_PARAMETERS
        or bool(_TOO_LONG.search(str(error.get("message"))))
    )
