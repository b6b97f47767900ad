"""Ask a served model for the summaries of held-out rows, in the way the endpoint serves a request.

Knows nothing of torch.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import httpx

from grounding.choosing import choose
from jobs.decoding import PARAMETERS, draft_parameters
from jobs.long_summaries import merge, pieces_to_ask
from jobs.prompts import messages, tidy
from jobs.stages.entry import StageRefusal
from jobs.stages.rows import Row
from jobs.stages.serving import PARALLEL_REQUESTS, count_tokens, prompt_tokens


class Asked(Protocol):
    """What a stage's spec says of the asking."""

    @property
    def context_tokens(self) -> int: ...
    @property
    def max_new_tokens(self) -> int: ...


@dataclass(frozen=True)
class Answers:
    """What a model said to each row, in their order, and how fast."""

    texts: list[str]
    tokens_per_s: float
    """Generated, over all parallel requests, reading the prompts included."""
    in_pieces: int
    """So many records were too long to be read at once."""

    def pace(self, rows: list[Row]) -> dict[str, Any]:
        words = sum(len(text.split()) for text in self.texts)
        reference_words = sum(len(row["target"].split()) for row in rows)
        return {
            "mean_words": words / len(rows),
            "length_ratio": words / reference_words if reference_words else None,
            "tokens_per_s": self.tokens_per_s,
        }


def ask_all(
    client: httpx.Client, rows: list[Row], spec: Asked, on_answer: Callable[[int], None], drafts: int = 1
) -> Answers:
    """Raises StageRefusal where a long record cannot be split."""
    began = time.monotonic()
    answers: list[tuple[str, list[int]]] = []
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        for answer in pool.map(partial(_ask, client, spec, drafts), rows):
            answers.append(answer)
            on_answer(len(answers))
    except ValueError as error:
        raise StageRefusal(f"A long record cannot be split. {error} Raise context_tokens.") from error
    finally:
        pool.shutdown(cancel_futures=True)
    tokens = sum(sum(counts) for _, counts in answers)
    return Answers(
        [text for text, _ in answers],
        tokens / (time.monotonic() - began),
        sum(len(counts) > 1 for _, counts in answers),
    )


def _ask(client: httpx.Client, spec: Asked, drafts: int, row: Row) -> tuple[str, list[int]]:
    """The summary, and how many tokens were generated for each piece of the record, all drafts of it together."""
    texts, generated = [], []
    for piece in _pieces(client, spec, row):
        asked = {"messages": messages(piece, row["section"]), "max_tokens": spec.max_new_tokens}
        written = [_draft(client, asked, number) for number in range(drafts)]
        texts.append(written[choose(piece, [text for text, _ in written])][0])
        generated.append(sum(tokens for _, tokens in written))
    return merge(texts), generated


def _pieces(client: httpx.Client, spec: Asked, row: Row) -> list[str]:
    return pieces_to_ask(
        tidy(row["source"]),
        count=partial(count_tokens, client),
        count_prompt=lambda text: len(prompt_tokens(client, text, row["section"])),
        context_tokens=spec.context_tokens,
        max_new_tokens=spec.max_new_tokens,
    )


def _draft(client: httpx.Client, asked: dict[str, Any], number: int) -> tuple[str, int]:
    told = {**asked, **draft_parameters(number)}
    said = client.post("/v1/chat/completions", json=told).raise_for_status().json()
    return said["choices"][0]["message"]["content"].strip(), said["usage"]["completion_tokens"]


def time_one(client: httpx.Client, row: Row, spec: Asked) -> tuple[float, float]:
    """Seconds to the first token of a streamed answer, and tokens a second from there on; 0 where one came alone.

    Of a record too long to be read at once, the first piece.
    """
    chat = messages(_pieces(client, spec, row)[0], row["section"])
    asked = {"messages": chat, "max_tokens": spec.max_new_tokens, "stream": True, **PARAMETERS}
    began, came = time.perf_counter(), []
    # The engine closes a connection after a stream, which a pool of them would not know in time.
    closing = {"Connection": "close"}
    with client.stream("POST", "/v1/chat/completions", json=asked, headers=closing) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                came.append(time.perf_counter())
    if len(came) < 2:
        return (came[0] if came else time.perf_counter()) - began, 0.0
    return came[0] - began, (len(came) - 1) / (came[-1] - came[0])
