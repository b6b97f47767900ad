"""Asks the engine, whichever it is; what is asked again, and what becomes of a request that fails."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Self

from summaries.engine.answers import Answer, Completion
from summaries.engine.cancelling import Cancellation
from summaries.engine.engines import Engine, OneServer, OutsideEngine, OwnEngine, on_loopback
from summaries.engine.errors import EngineCancelled, EngineTimeout, EngineUnavailable, ServerGone
from summaries.engine.prompts import Prompt
from summaries.engine.servers import Server
from summaries.engine.wire import Address, Wire, verifying


class EngineClient:
    """Asks the server that has a model: one of ``jobs.engine``'s, unless made by ``at`` or ``outside``."""

    def __init__(self, var: Path, timeout_seconds: float = 120) -> None:
        self._timeout_seconds = timeout_seconds
        self._wire = Wire(timeout_seconds)
        self._engine: Engine = OwnEngine(var, self._wire)

    @classmethod
    def at(cls, port: int, api_key: str, timeout_seconds: float = 120) -> Self:
        """A client of one server, such as ``jobs.model_server.temporary_server`` gives, whatever the model."""
        client = cls(Path(), timeout_seconds)
        client._engine = OneServer(on_loopback(port, api_key), client._wire)
        return client

    @classmethod
    def outside(cls, url: str, api_key: str, timeout_seconds: float = 120, *, model: str = "") -> Self:
        """A client of a server elsewhere in the clinic, which has each model under its ``served_name``.

        With ``model``, the model of that name is asked, whatever the hash: one that is not ours.
        """
        client = cls(Path(), timeout_seconds)
        if url.startswith("https:"):
            client._wire = Wire(timeout_seconds, verifying())
        client._engine = OutsideEngine(Address(url, api_key), client._wire, model)
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
        answer = Answer(time.monotonic() + self._timeout_seconds, strips=is_chat)
        cancellation = cancellation or Cancellation()
        for is_last_try in (False, True):
            try:
                yield from self._ask(self._engine.server(sha256), prompt, answer, cancellation)
                break
            except (ServerGone, EngineTimeout) as error:
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

    def _ask(
        self, server: Server, prompt: Prompt, answer: Answer, cancellation: Cancellation
    ) -> Iterator[str]:
        lines = self._wire.lines(
            server.address, prompt.path, server.body(prompt), answer.seconds_left(), cancellation
        )
        with contextlib.closing(lines):
            for line in lines:
                yield from answer.take(line)
        if not answer.finish_reason:
            raise ServerGone("The engine stopped in the middle of a summary.")

    @contextlib.contextmanager
    def counting(self, sha256: str) -> Iterator[Callable[[str], int]]:
        """A counter of the tokens of bare texts, without prompt or markers. Raises as ``summarize`` does.

        It keeps its connection, and what it counted: a chart has thousands of lines, many of them twice.
        """
        with self._wire.kept() as wire:

            @cache
            def count(text: str) -> int:
                with _unavailable():
                    return self._engine.server(sha256).count(text, wire)

            yield count

    def count_prompt_tokens(self, sha256: str, messages: list[dict[str, str]]) -> int:
        """Of a whole chat, as the model would read it."""
        with _unavailable():
            return self._engine.server(sha256).count_chat(messages, self._wire)

    def state(self, sha256: str) -> str:
        """``engines.READY``, or why the model cannot be asked just now."""
        return self._engine.state(sha256)

    def context_tokens(self, sha256: str) -> int | None:
        """What the server says it reads and writes at once with this model; None where it does not say."""
        with _unavailable():
            return self._engine.server(sha256).context_tokens

    def health(self) -> dict[str, str]:
        """By model hash: "ready", "not answering", or why it is not served. Empty: nothing is served."""
        return self._engine.states()


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except ServerGone as gone:
        raise EngineUnavailable(str(gone)) from None
