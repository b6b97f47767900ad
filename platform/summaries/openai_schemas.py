"""What OpenAI's clients send and expect, as far as Precis serves it. Fields it does not know are let pass."""

import time
from typing import Annotated, Any, Literal

from ninja import Field, Schema

from summaries.services import Written

MOST_NEW_TOKENS = 1024
MOST_SCHEMA_CHARACTERS = 10_000

NewTokens = Annotated[
    int | None, Field(ge=1, description=f"{MOST_NEW_TOKENS} at most; more is taken as that.")
]


class StreamOptions(Schema):
    include_usage: bool = False


class Part(Schema):
    type: Literal["text"]
    text: str


class Message(Schema):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


class Asking(Schema):
    model: Annotated[str, Field(description="One of /v1/models. “precis” is whichever model is deployed.")]
    max_tokens: NewTokens = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**32)] = None
    stop: Annotated[str | list[str] | None, Field(max_length=100)] = None
    n: Annotated[int | None, Field(ge=1, le=1, description="One answer a request.")] = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None

    @property
    def sampling(self) -> dict[str, Any]:
        """What the caller decodes with; where it says nothing, ours stands: greedy, for nothing invented by chance."""
        said = {name: getattr(self, name) for name in ("temperature", "top_p", "seed", "stop")}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatIn(Asking):
    messages: Annotated[list[Message], Field(min_length=1, max_length=100)]
    max_completion_tokens: NewTokens = None
    response_format: dict[str, Any] | None = None
    tools: list[Any] | None = None
    logprobs: bool | None = None


class CompletionIn(Asking):
    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]


class Answer:
    """The objects of one answer, whole or as chunks, of a chat or of a bare completion."""

    def __init__(self, identifier: str, model: str, *, is_chat: bool) -> None:
        self._is_chat, self._model = is_chat, model
        self._id = f"{'chatcmpl' if is_chat else 'cmpl'}-{identifier}"
        self._created = int(time.time())

    def whole(self, written: Written, text: str) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text}} if self._is_chat else {"text": text}
        choices = [_choice(said, written.completion.finish_reason)]
        return {**self._frame("", choices), "usage": usage(written)}

    def first(self) -> dict[str, Any]:
        return self._chunk({"delta": {"role": "assistant", "content": ""}})

    def piece(self, text: str) -> dict[str, Any]:
        return self._chunk({"delta": {"content": text}} if self._is_chat else {"text": text})

    def last(self, written: Written) -> dict[str, Any]:
        said: dict[str, Any] = {"delta": {}} if self._is_chat else {"text": ""}
        return self._chunk(said, written.completion.finish_reason)

    def used(self, written: Written) -> dict[str, Any]:
        return {**self._frame(".chunk", []), "usage": usage(written)}

    def _chunk(self, said: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return self._frame(".chunk", [_choice(said, finish_reason)])

    def _frame(self, suffix: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = f"chat.completion{suffix}" if self._is_chat else "text_completion"
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }


def usage(written: Written) -> dict[str, int]:
    read, wrote = written.completion.prompt_tokens, written.completion.generated_tokens
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


def _choice(said: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, **said, "finish_reason": finish_reason, "logprobs": None}
