"""How a server wants to be asked: llama.cpp's, which is ours, and any other that speaks OpenAI's language."""

from dataclasses import dataclass
from typing import Any, Protocol

from jobs.decoding import PARAMETERS
from summaries.engine.errors import EngineUnavailable, readable
from summaries.engine.prompts import Prompt, encoded
from summaries.engine.wire import Address, Wire

Messages = list[dict[str, str]]
VLLM = "vllm"
"""What vLLM calls itself as the owner of the models that it lists."""
STANDARD = ("temperature", "top_p", "seed", "stop")
"""Of what we decode with, what OpenAI names: others may refuse a request for a field that they do not know."""
AS_EVALUATED = {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.0}
"""What llama.cpp does unasked. vLLM would do what the model's folder suggests; its own penalty, unlike ours over 64
tokens, takes in the whole record, and so would punish the copying of names and doses."""
TEMPLATE_TOKENS, MARKER_TOKENS = 64, 16
"""More than a chat template puts before a chat, and around each of its messages."""


class Server(Protocol):
    @property
    def address(self) -> Address: ...

    @property
    def context_tokens(self) -> int | None:
        """What it reads and writes at once; None where nobody says."""
        ...

    def body(self, prompt: Prompt) -> bytes: ...

    def count(self, text: str, wire: Wire) -> int:
        """The tokens of a bare text, without prompt or markers; never too few."""
        ...

    def count_chat(self, messages: Messages, wire: Wire) -> int:
        """The tokens of a whole chat as the model would read it; never too few."""
        ...


@dataclass(frozen=True)
class LlamaServer:
    """llama.cpp's: it decodes exactly as evaluation does."""

    address: Address
    model: str = ""
    """Ours have one each, and need no name for it."""
    context_tokens: int | None = None
    adapter: int | None = None
    """The number of the model's adapter among those that share the server's base; None for a whole file."""

    def body(self, prompt: Prompt) -> bytes:
        named = {"model": self.model} if self.model else {}
        # Those that are not named have no part in the answer.
        upon = {} if self.adapter is None else {"lora": [{"id": self.adapter, "scale": 1.0}]}
        return encoded({**PARAMETERS, **prompt.sampling, **prompt.request(), **named, **upon})

    def count(self, text: str, wire: Wire) -> int:
        return self._tokenize({"content": text, "add_special": False, "parse_special": False}, wire)

    def count_chat(self, messages: Messages, wire: Wire) -> int:
        answer = wire.post(self.address, "/apply-template", {"messages": messages})
        with readable():
            prompt = answer["prompt"]
        return self._tokenize({"content": prompt, "add_special": True, "parse_special": True}, wire)

    def _tokenize(self, asked: dict[str, Any], wire: Wire) -> int:
        answer = wire.post(self.address, "/tokenize", asked)
        with readable():
            return len(answer["tokens"])


@dataclass(frozen=True)
class OpenAIServer:
    """Any other: it is asked in OpenAI's words, and vLLM in a few of its own."""

    address: Address
    model: str
    context_tokens: int | None
    owner: str

    def body(self, prompt: Prompt) -> bytes:
        wanted = {**PARAMETERS, **prompt.sampling}
        known = {name: value for name, value in wanted.items() if name in STANDARD}
        own = AS_EVALUATED if self.owner == VLLM else {}
        return encoded({**own, **known, **prompt.request(), "model": self.model})

    def count(self, text: str, wire: Wire) -> int:
        exact = self._tokenize({"prompt": text, "add_special_tokens": False}, wire)
        # No token takes less than a byte.
        return len(text.encode("utf-8", "replace")) if exact is None else exact

    def count_chat(self, messages: Messages, wire: Wire) -> int:
        exact = self._tokenize({"messages": messages}, wire)
        if exact is not None:
            return exact
        return TEMPLATE_TOKENS + sum(
            MARKER_TOKENS + self.count(message["content"], wire) for message in messages
        )

    def _tokenize(self, asked: dict[str, Any], wire: Wire) -> int | None:
        """As vLLM counts; None where there is no such counter."""
        if self.owner != VLLM:
            return None
        try:
            count = wire.post(self.address, "/tokenize", {"model": self.model, **asked}).get("count")
        except EngineUnavailable:  # a proxy may let nothing but /v1 pass
            return None
        return count if isinstance(count, int) else None
