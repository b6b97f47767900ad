"""What a model is asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Prompt:
    """What the model is asked: a chat, or a bare text to go on from."""

    messages: list[dict[str, str]] | str
    max_new_tokens: int
    json_schema: dict[str, Any] | None = None
    """The answer is decoded under this schema: no other text can come out."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the place of ``jobs.decoding``'s parameters."""
    drafts: int = 1
    """So many answers are written, one after the other, and ``grounding.choosing`` keeps one."""

    @property
    def path(self) -> str:
        return "/v1/completions" if isinstance(self.messages, str) else "/v1/chat/completions"

    def request(self) -> dict[str, Any]:
        """In OpenAI's form, without the sampling: servers differ in what they know of that."""
        request: dict[str, Any] = {
            "prompt" if isinstance(self.messages, str) else "messages": self.messages,
            "max_tokens": self.max_new_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.json_schema:
            schema = {"name": "answer", "strict": True, "schema": self.json_schema}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        return request


def encoded(request: dict[str, Any]) -> bytes:
    # A lone surrogate is no valid JSON text to llama.cpp, which would quote the record when it complains.
    return json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")
