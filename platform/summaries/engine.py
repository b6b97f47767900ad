"""The client of the serving process: chat messages in, a summary out. Knows nothing of Django.

Errors carry no text. Nothing here logs, and proxies from the environment are ignored: the text goes to
loopback only.
"""

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Self

import httpx

from jobs.decoding import PARAMETERS

RETRY_AFTER_SECONDS = 5
STARTING_SECONDS = 20.0
POLL_SECONDS = 0.2


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
    """The record does not fit the model's context."""

    def __init__(self, prompt_tokens: int, context_tokens: int) -> None:
        super().__init__(f"The text takes {prompt_tokens} tokens; the model reads at most {context_tokens}.")
        self.prompt_tokens, self.context_tokens = prompt_tokens, context_tokens


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

    def body(self) -> bytes:
        asked = {"prompt": self.messages} if isinstance(self.messages, str) else {"messages": self.messages}
        request = {
            **PARAMETERS,
            **self.sampling,
            **asked,
            "max_tokens": self.max_new_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.json_schema:
            schema = {"name": "answer", "strict": True, "schema": self.json_schema}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        return _encoded(request)


def _encoded(request: dict[str, Any]) -> bytes:
    # A lone surrogate is no valid JSON text to llama.cpp, which would quote the record when it complains.
    return json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")


class Cancellation:
    """Ends a request from another thread, whatever it waits for: the engine then stops as well."""

    def __init__(self) -> None:
        self.requested = False
        self._socket: socket.socket | None = None
        self._lock = Lock()

    def cancel(self) -> None:
        with self._lock:
            self.requested = True
            self._hang_up()

    def trace(self, event: str, facts: dict[str, Any]) -> None:
        """httpcore's trace extension: it tells of the connection as soon as there is one."""
        if event == "connection.connect_tcp.complete":
            with self._lock:
                self._socket = facts["return_value"].get_extra_info("socket")
                if self.requested:
                    self._hang_up()

    def _hang_up(self) -> None:
        # Closing would not wake the thread that waits to read.
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Completion:
    """A summary as the engine returned it. ``finish_reason`` is "stop", or "length" where it was cut off."""

    text: str
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    finish_reason: str


@dataclass(frozen=True)
class _Address:
    port: int
    api_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


class EngineClient:
    """Asks the server that has a model, looking up its port for every request, since servers are swapped."""

    def __init__(self, var: Path, timeout_seconds: float = 120) -> None:
        self._live = var / "engine" / "live.json"
        self._timeout_seconds = timeout_seconds
        self._fixed: _Address | None = None
        # A bare TLS context, since reading the system's certificates costs more than a short request; and no
        # connection is kept, since the server at its other end may be gone.
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(
            trust_env=False,
            verify=self._tls,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    @classmethod
    def at(cls, port: int, api_key: str, timeout_seconds: float = 120) -> Self:
        """A client of one server, such as ``jobs.engine.temporary_server`` gives, whatever the model."""
        client = cls(Path(), timeout_seconds)
        client._fixed = _Address(port, api_key)
        return client

    def summarize(
        self,
        sha256: str,
        messages: list[dict[str, str]],
        *,
        max_new_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """Answer a chat with the model whose file has this hash; ``on_text`` gets the pieces as they come.

        Raises ``EngineUnavailable``, ``EngineTimeout`` and ``PromptTooLong``.
        """
        pieces = self.stream(sha256, Prompt(messages, max_new_tokens))
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                completion: Completion = end.value
                return completion
            if on_text:
                on_text(piece)

    def stream(
        self, sha256: str, prompt: Prompt, cancellation: Cancellation | None = None
    ) -> Generator[str, None, Completion]:
        """The answer in pieces as they come, and the whole of it as the generator's return value.

        Closing the generator, or ``cancellation``, ends the request and the engine's work on it. Raises what
        ``summarize`` does, and ``EngineCancelled``.
        """
        is_chat = not isinstance(prompt.messages, str)
        answer = _Answer(time.monotonic() + self._timeout_seconds, strips=is_chat)
        cancellation = cancellation or Cancellation()
        for is_last_try in (False, True):
            try:
                yield from self._ask(self._address(sha256), prompt, answer, cancellation)
                break
            except (_ServerGone, EngineTimeout) as error:
                if cancellation.requested:
                    raise EngineCancelled("Whoever asked has gone away.") from None
                if isinstance(error, EngineTimeout):
                    raise
                # A swap or a restart may have moved the model; once a piece was passed on, a second try would
                # repeat it.
                if answer.pieces:
                    raise EngineUnavailable("The engine stopped in the middle of a summary.") from None
                if is_last_try:
                    raise EngineUnavailable(str(error)) from None
                answer.restart()
        return answer.completion()

    @contextlib.contextmanager
    def counting(self, sha256: str) -> Iterator[Callable[[str], int]]:
        """A counter of the tokens of bare texts, without prompt or markers. Raises as ``summarize`` does.

        It keeps its connection, and what it counted: a chart has thousands of lines, many of them twice.
        """
        with httpx.Client(trust_env=False, verify=self._tls) as http:

            @cache
            def count(text: str) -> int:
                asked = {"content": text, "add_special": False, "parse_special": False}
                return self._tokenize(sha256, asked, http)

            yield count

    def count_prompt_tokens(self, sha256: str, messages: list[dict[str, str]]) -> int:
        """Of a whole chat, as the model would read it."""
        prompt = self._post(sha256, "/apply-template", {"messages": messages})["prompt"]
        return self._tokenize(sha256, {"content": prompt, "add_special": True, "parse_special": True})

    def _tokenize(self, sha256: str, asked: dict[str, Any], http: httpx.Client | None = None) -> int:
        return len(self._post(sha256, "/tokenize", asked, http)["tokens"])

    def _post(
        self, sha256: str, path: str, asked: dict[str, Any], http: httpx.Client | None = None
    ) -> dict[str, Any]:
        address = self._address(sha256)
        headers = {**address.headers, "Content-Type": "application/json"}
        timeout = httpx.Timeout(self._timeout_seconds, connect=2)
        try:
            with _named_errors():
                response = (http or self._http).post(
                    f"{address.url}{path}", content=_encoded(asked), headers=headers, timeout=timeout
                )
                if response.status_code != 200:
                    raise _refusal(response)
        except _ServerGone as gone:
            raise EngineUnavailable(str(gone)) from None
        answer: dict[str, Any] = response.json()
        return answer

    def health(self) -> dict[str, str]:
        """By model hash: "ready", "not answering", or why it is not served. Empty: nothing is served."""
        if self._fixed:
            return {"": self._state(self._fixed)}
        live = self._read_live()
        ready = {sha256: self._state(_address(entry)) for sha256, entry in live.get("models", {}).items()}
        return {**live.get("errors", {}), **ready}

    def _state(self, address: _Address) -> str:
        try:
            # Unlike /health this asks for the key, so a stranger on the port is not taken for the engine.
            answer = self._http.get(f"{address.url}/slots", headers=address.headers, timeout=2)
        except httpx.HTTPError:
            return "not answering"
        return "ready" if answer.status_code == 200 else "not answering"

    def _address(self, sha256: str) -> _Address:
        """Where the model is served. One deployed a moment ago is waited for, one that failed is not."""
        if self._fixed:
            return self._fixed
        give_up_at = time.monotonic() + STARTING_SECONDS
        while True:
            live = self._read_live()
            if entry := live.get("models", {}).get(sha256):
                return _address(entry)
            failure = live.get("errors", {}).get(sha256)
            if failure or not live or time.monotonic() > give_up_at:
                reason = failure or ("it is still starting" if live else "no engine is running")
                raise EngineUnavailable(f"The model is not being served: {reason}.")
            time.sleep(POLL_SECONDS)

    def _read_live(self) -> dict[str, Any]:
        try:
            live: dict[str, Any] = json.loads(self._live.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return live

    def _ask(
        self, address: _Address, prompt: Prompt, answer: "_Answer", cancellation: Cancellation
    ) -> Iterator[str]:
        headers = {**address.headers, "Content-Type": "application/json"}
        with _named_errors():
            request = self._http.build_request(
                "POST",
                f"{address.url}{prompt.path}",
                content=prompt.body(),
                headers=headers,
                timeout=httpx.Timeout(answer.seconds_left(), connect=2),
                extensions={"trace": cancellation.trace},
            )
            with contextlib.closing(self._http.send(request, stream=True)) as response:
                if response.status_code != 200:
                    response.read()
                    raise _refusal(response)
                for line in response.iter_lines():
                    yield from answer.take(line)
        if not answer.finish_reason:
            raise _ServerGone("The engine stopped in the middle of a summary.")


class _ServerGone(Exception):
    """Nobody, or somebody else, is at the address; worth looking it up again."""


class _Answer:
    """Collects a streamed answer and watches the clock, which httpx starts anew with every piece."""

    def __init__(self, deadline: float, *, strips: bool) -> None:
        self._deadline, self._strips = deadline, strips
        self.restart()

    def restart(self) -> None:
        self._started = time.monotonic()
        self.pieces: list[str] = []
        self.finish_reason = ""
        self._usage: dict[str, int] = {}

    def seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise EngineTimeout("The summary took too long.")
        return left

    def take(self, line: str) -> Iterator[str]:
        self.seconds_left()
        if not line.startswith("data: ") or line == "data: [DONE]":
            return
        event = json.loads(line.removeprefix("data: "))
        if "error" in event:
            raise EngineUnavailable("The engine failed in the middle of a summary.")
        self._usage = event.get("usage") or self._usage
        for choice in event["choices"]:
            self.finish_reason = choice["finish_reason"] or self.finish_reason
            piece = choice["delta"].get("content") if "delta" in choice else choice["text"]
            if piece and self._strips and not self.pieces:
                piece = piece.lstrip()
            if piece:
                self.pieces.append(piece)
                yield piece

    def completion(self) -> Completion:
        text = "".join(self.pieces)
        return Completion(
            text=text.strip() if self._strips else text,
            prompt_tokens=self._usage["prompt_tokens"],
            generated_tokens=self._usage["completion_tokens"],
            seconds=time.monotonic() - self._started,
            finish_reason=self.finish_reason,
        )


def _address(entry: dict[str, Any]) -> _Address:
    return _Address(entry["port"], entry["api_key"])


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    """httpx's exceptions hold the request, and so the text: none of them may get out."""
    try:
        yield
    except httpx.TimeoutException as error:
        if isinstance(error, httpx.ConnectTimeout):
            raise _ServerGone("The engine does not answer.") from None
        raise EngineTimeout("The summary took too long.") from None
    except httpx.HTTPError:
        raise _ServerGone("The engine does not answer.") from None


def _refusal(response: httpx.Response) -> Exception:
    if response.status_code in {401, 503}:
        return _ServerGone(f"The engine refused the request (HTTP {response.status_code}).")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = response.json()["error"]
        if error["type"] == "exceed_context_size_error":
            return PromptTooLong(error["n_prompt_tokens"], error["n_ctx"])
    return EngineUnavailable(f"The engine refused the request (HTTP {response.status_code}).")
