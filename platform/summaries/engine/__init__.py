"""The client of the engine: chat messages in, a summary out. Knows nothing of Django.

The engine is ours on this machine, or a server elsewhere in the clinic (docs/engines.md). Errors carry no text, nothing
here logs, proxies from the environment are ignored, and no connection leaves the clinic's network.
"""

from summaries.engine.answers import Completion
from summaries.engine.cancelling import Cancellation
from summaries.engine.client import EngineClient
from summaries.engine.engines import LOCKED, NOT_SERVED, READY, SILENT, served_name
from summaries.engine.errors import (
    RETRY_AFTER_SECONDS,
    EngineCancelled,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    PromptTooLong,
)
from summaries.engine.prompts import Prompt

__all__ = [
    "LOCKED",
    "NOT_SERVED",
    "READY",
    "RETRY_AFTER_SECONDS",
    "SILENT",
    "Cancellation",
    "Completion",
    "EngineCancelled",
    "EngineClient",
    "EngineError",
    "EngineTimeout",
    "EngineUnavailable",
    "Prompt",
    "PromptTooLong",
    "served_name",
]
