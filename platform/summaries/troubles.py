"""Why there is no summary, in words for a person or a program. Both doors, pages and API, say the same."""

import logging
from dataclasses import dataclass

from accounts.tokens import RateLimited, ScopeMissing
from records.services.review import NotReviewable
from summaries.admission import RETRY_AFTER_SECONDS as QUEUE_SECONDS
from summaries.admission import QueueFull
from summaries.engine import (
    RETRY_AFTER_SECONDS,
    EngineCancelled,
    EngineTimeout,
    EngineUnavailable,
    PromptTooLong,
)
from summaries.explaining import NotFlagged
from summaries.idempotency import RETRY_AFTER_SECONDS as REPEAT_SECONDS
from summaries.idempotency import KeyReused, StillAnswering
from summaries.questions import TextRefused
from summaries.services import MalformedAnswer, NoModelDeployed

logger = logging.getLogger(__name__)

EXPECTED = (
    TextRefused,
    NotReviewable,
    NoModelDeployed,
    NotFlagged,
    QueueFull,
    EngineUnavailable,
    EngineTimeout,
    EngineCancelled,
    PromptTooLong,
    MalformedAnswer,
    ScopeMissing,
    RateLimited,
    KeyReused,
    StillAnswering,
)


@dataclass(frozen=True)
class Trouble:
    """``status`` is the HTTP status; ``retry_after_seconds`` stands where waiting helps."""

    status: int
    error: str
    what_to_do: str
    retry_after_seconds: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}


def explain(error: Exception) -> Trouble:
    """The trouble behind one of the ``EXPECTED`` exceptions."""
    what, to_do = _sentences(str(error))
    match error:
        case PromptTooLong():
            return Trouble(400, what, "Shorten the text, or summarize it in parts.")
        case QueueFull():
            advice = f"Try again in {QUEUE_SECONDS} seconds."
            return Trouble(429, what, advice, QUEUE_SECONDS)
        case EngineCancelled():
            return Trouble(499, what, "Nobody is there to read this.")  # nginx's status for it
        case RateLimited():
            seconds = error.retry_after_seconds
            advice = f"Wait {seconds} seconds. An administrator can issue a key that may ask more often."
            return Trouble(429, what, advice, seconds)
        case ScopeMissing():
            return Trouble(403, what, "An administrator issues a key that may, on the API keys page.")
        case KeyReused():
            return Trouble(409, what, "Send a new key with a new request.")
        case StillAnswering():
            return Trouble(409, what, f"Ask again in {REPEAT_SECONDS} seconds.", REPEAT_SECONDS)
        case MalformedAnswer():
            return Trouble(502, what, "Try again with a shorter text, or in another style.")
        case EngineTimeout():
            advice = "Try again, or with a shorter text."
            return Trouble(503, what, advice, RETRY_AFTER_SECONDS)
        case EngineUnavailable():
            seconds = error.retry_after_seconds
            advice = f"Try again in {seconds} seconds. If this lasts over a minute, tell your administrator."
            return Trouble(503, what, advice, seconds)
        case NoModelDeployed():
            return Trouble(503, what, "An administrator deploys one on the Models page.")
        case _:
            return Trouble(400, what, to_do)


def unforeseen(error: Exception) -> Trouble:
    """The trouble behind an exception that nobody expected. The log's filter keeps its type and place, never its words."""
    logger.error("An answer failed.", exc_info=error)
    return Trouble(500, "Precis failed.", "Tell your administrator: the log says where.")


def _sentences(message: str) -> tuple[str, str]:
    """The services write what is wrong first, and then what to do."""
    first, stop, rest = message.partition(". ")
    return (f"{first}.", rest) if stop else (message, "")
