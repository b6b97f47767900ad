"""Score the tuned model against its untouched base on held-out rows, as the engine will serve them.

Both GGUF files answer the same prompts through the same endpoint with the same decoding; writes
``artifact/evaluation.json``: the scores with their intervals, the scores of each row (``per_row``) and samples.

    python -m jobs.stages.evaluate RUNDIR
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from grounding.choosing import choose
from jobs.catalogue import NotFetched, installed
from jobs.decoding import draft_parameters
from jobs.long_summaries import merge, pieces_to_ask
from jobs.progress import report
from jobs.prompts import messages, tidy
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import EvaluateSpec
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import Row, read_rows
from jobs.stages.scoring import Similarity, draw_samples, score_rows, summarize
from jobs.stages.serving import PARALLEL_REQUESTS, count_tokens, prompt_tokens, server

SIMILARITY_BASE = "minilm-l6"


@dataclass(frozen=True)
class Answers:
    """What a model said to each row, in their order, and how fast."""

    texts: list[str]
    tokens_per_s: float
    """Generated, over all parallel requests, reading the prompts included."""
    in_pieces: int
    """So many records were too long to be read at once."""


def main(spec: EvaluateSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    every = read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)
    rows = [row for row in every if _is_held_out(row, spec)]
    random.Random(spec.seed).shuffle(rows)
    rows = rows[: spec.limit or None]
    if not rows:
        raise StageRefusal("No row is held out. Freeze a dataset that holds records out.")
    report(run, done=0, total=0, unit="summaries", message="loading the base model")
    with server(base.gguf, spec, base.chat_template) as client:
        progress = partial(_report, run, 2 * len(rows), time.monotonic())
        once = replace(spec, drafts=1)
        of_base = _ask_all(client, rows, once, lambda done: progress("the base", done))
    with server(Path(spec.tuned_gguf), spec, None) as client:
        of_tuned = _ask_all(client, rows, spec, lambda done: progress("the tuned model", len(rows) + done))
    report(run, done=2 * len(rows), total=2 * len(rows), unit="summaries", message="scoring")
    texts = {"base": of_base.texts, "tuned": of_tuned.texts}
    similarity, not_measured = closeness(Path(spec.models_dir))
    per_row = score_rows(rows, texts, similarity)
    facts = {
        "rows": len(rows),
        "in_pieces": of_tuned.in_pieces,
        "not_measured": not_measured,
        **summarize(per_row, spec.seed),
    }
    facts["base"] |= _pace(rows, of_base)
    facts["tuned"] |= _pace(rows, of_tuned)
    path = run.artifact / "evaluation.json"
    write_json_atomic(path, {**facts, "per_row": per_row, "samples": draw_samples(rows, texts)})
    return [Output("evaluation", path)], facts


def _is_held_out(row: Row, spec: EvaluateSpec) -> bool:
    return row["split"] in spec.splits and bool(row["source"].strip() and row["target"].strip())


def _ask_all(
    client: httpx.Client, rows: list[Row], spec: EvaluateSpec, on_answer: Callable[[int], None]
) -> Answers:
    began = time.monotonic()
    answers: list[tuple[str, list[int]]] = []
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        for answer in pool.map(partial(_ask, client, spec), rows):
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


def _ask(client: httpx.Client, spec: EvaluateSpec, row: Row) -> tuple[str, list[int]]:
    """The summary, and how many tokens were generated for each piece of the record, all drafts of it together."""
    pieces = pieces_to_ask(
        tidy(row["source"]),
        count=partial(count_tokens, client),
        count_prompt=lambda text: len(prompt_tokens(client, text, row["section"])),
        context_tokens=spec.context_tokens,
        max_new_tokens=spec.max_new_tokens,
    )
    texts, generated = [], []
    for piece in pieces:
        asked = {"messages": messages(piece, row["section"]), "max_tokens": spec.max_new_tokens}
        drafts = [_draft(client, asked, number) for number in range(spec.drafts)]
        texts.append(drafts[choose(piece, [text for text, _ in drafts])][0])
        generated.append(sum(tokens for _, tokens in drafts))
    return merge(texts), generated


def _draft(client: httpx.Client, asked: dict[str, Any], number: int) -> tuple[str, int]:
    told = {**asked, **draft_parameters(number)}
    said = client.post("/v1/chat/completions", json=told).raise_for_status().json()
    return said["choices"][0]["message"]["content"].strip(), said["usage"]["completion_tokens"]


def _report(run: RunDir, total: int, began: float, model: str, done: int) -> None:
    left = (time.monotonic() - began) / done * (total - done)
    report(run, done=done, total=total, unit="summaries", message=f"asking {model}", seconds_left=left)


def closeness(models_dir: Path) -> tuple[Similarity | None, dict[str, str]]:
    """The measure of closeness, or what to do to have it."""
    try:
        encoder = installed(SIMILARITY_BASE, models_dir)
    except NotFetched as error:
        return None, {"similarity": str(error)}
    # Only now, when both engines are gone: torch costs seconds and hundreds of megabytes.
    from jobs.stages.similarity import Embedder

    return Embedder(encoder.hf).similarity, {}


def _pace(rows: list[Row], answers: Answers) -> dict[str, Any]:
    words = sum(len(text.split()) for text in answers.texts)
    reference_words = sum(len(row["target"].split()) for row in rows)
    return {
        "mean_words": words / len(rows),
        "length_ratio": words / reference_words if reference_words else None,
        "tokens_per_s": answers.tokens_per_s,
    }


if __name__ == "__main__":
    start("evaluate", main)
