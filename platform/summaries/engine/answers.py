"""A streamed answer, put together."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from summaries.engine.errors import EngineTimeout, EngineUnavailable, readable


@dataclass(frozen=True)
class Completion:
    """A summary as the engine returned it. ``finish_reason`` is "stop", or "length" where it was cut off."""

    text: str
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    finish_reason: str


class Answer:
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
        field, _, data = line.partition(":")
        if field != "data" or data.strip() == "[DONE]":
            return
        with readable():
            pieces = self._read(data)
        for piece in pieces:
            if piece and self._strips and not self.pieces:
                piece = piece.lstrip()
            if piece:
                self.pieces.append(piece)
                yield piece

    def _read(self, data: str) -> list[str]:
        event = json.loads(data)
        if event.get("error"):
            raise EngineUnavailable("The engine failed in the middle of a summary.")
        self._usage = event.get("usage") or self._usage
        pieces = []
        for choice in event["choices"]:
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            pieces.append((choice["delta"].get("content") if "delta" in choice else choice["text"]) or "")
        return pieces

    def completion(self) -> Completion:
        text = "".join(self.pieces)
        return Completion(
            text=text.strip() if self._strips else text,
            # A server that does not count gave a token a piece, more or less.
            prompt_tokens=self._usage.get("prompt_tokens", 0),
            generated_tokens=self._usage.get("completion_tokens", len(self.pieces)),
            seconds=time.monotonic() - self._started,
            finish_reason=self.finish_reason,
        )
