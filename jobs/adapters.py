"""What llama.cpp loads to serve a model's file: the file alone, or an adapter's base and the adapter upon it.

An adapter's file says itself which base it belongs to and what a chat looks like, so that its own hash seals both.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.gguf_header import read_header

BASE_SHA256 = "precis.base_sha256"
"""A fact in an adapter's file: the SHA-256 of the base's GGUF file that it was checked on."""
CHAT_TEMPLATE = "tokenizer.chat_template"


@dataclass(frozen=True)
class Weights:
    """What to load, and how a chat is written where the file to load does not say."""

    path: Path
    chat_template: str | None = None
    adapter: Path | None = None


def is_adapter(file: Path) -> bool:
    """Raises ValueError for a file that is no GGUF, and OSError."""
    return _facts(file).get("general.type") == "adapter"


def base_sha256(adapter: Path) -> str:
    return str(_facts(adapter)[BASE_SHA256])


def chat_template(adapter: Path) -> str:
    return str(_facts(adapter)[CHAT_TEMPLATE])


def weights_of(file: Path, base: Path) -> Weights:
    """A tuned model's: an adapter is served upon the base's file, any other file by itself."""
    if is_adapter(file):
        return Weights(base, chat_template(file), file)
    return Weights(file)


def _facts(file: Path) -> dict[str, Any]:
    return read_header(file).facts
