"""Score the tuned model against its untouched base on held-out rows, as the engine will serve them.

Both GGUF files answer the same prompts through the same endpoint with the same decoding; writes
``artifact/evaluation.json``. Knows the engine's library, nothing of torch.

    python -m jobs.stages.evaluate RUNDIR
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from jobs.catalogue import installed
from jobs.decoding import PARAMETERS
from jobs.metrics import bootstrap, rouge_per_row
from jobs.progress import report
from jobs.prompts import messages
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import EvaluateSpec
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import Row, read_rows
from jobs.stages.serving import PARALLEL_REQUESTS, prompt_tokens, server

SAMPLES = 8


@dataclass(frozen=True)
class Answers:
    """What a model said to each row, in their order, and how fast."""

    texts: list[str]
    tokens_per_s: float
    """Generated, over all parallel requests, reading the prompts included."""


def main(spec: EvaluateSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    every = read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)
    rows = [row for row in every if _is_held_out(row, spec)]
    random.Random(spec.seed).shuffle(rows)
    report(run, done=0, total=0, unit="summaries", message="loading the base model")
    with server(base.gguf, spec, base.chat_template) as client:
        rows, too_long = _that_fit(client, rows, spec)
        progress = partial(_report, run, 2 * len(rows), time.monotonic())
        of_base = _ask_all(client, rows, spec, lambda done: progress("the base", done))
    with server(Path(spec.tuned_gguf), spec, None) as client:
        of_tuned = _ask_all(client, rows, spec, lambda done: progress("the tuned model", len(rows) + done))
    facts = {
        "rows": len(rows),
        "too_long": too_long,
        "base": _score(rows, of_base, spec.seed),
        "tuned": _score(rows, of_tuned, spec.seed),
    }
    path = run.artifact / "evaluation.json"
    write_json_atomic(path, {**facts, "samples": _samples(rows, of_base.texts, of_tuned.texts)})
    return [Output("evaluation", path)], facts


def _is_held_out(row: Row, spec: EvaluateSpec) -> bool:
    return row["split"] in spec.splits and bool(row["source"].strip() and row["target"].strip())


def _that_fit(client: httpx.Client, rows: list[Row], spec: EvaluateSpec) -> tuple[list[Row], int]:
    """The first ``limit`` rows that leave room for a summary, and how many were passed over."""
    room = spec.context_tokens - spec.max_new_tokens
    fitting: list[Row] = []
    too_long = 0
    for row in rows:
        if len(fitting) == (spec.limit or len(rows)):
            break
        if len(prompt_tokens(client, row["source"], row["section"])) <= room:
            fitting.append(row)
        else:
            too_long += 1
    if not fitting:
        raise StageRefusal("No held-out row fits. Hold out records, or raise context_tokens.")
    return fitting, too_long


def _ask_all(
    client: httpx.Client, rows: list[Row], spec: EvaluateSpec, on_answer: Callable[[int], None]
) -> Answers:
    def ask(row: Row) -> tuple[str, int]:
        chat = messages(row["source"], row["section"])
        asked = {"messages": chat, "max_tokens": spec.max_new_tokens, **PARAMETERS}
        said = client.post("/v1/chat/completions", json=asked).raise_for_status().json()
        return said["choices"][0]["message"]["content"].strip(), said["usage"]["completion_tokens"]

    began = time.monotonic()
    answers: list[tuple[str, int]] = []
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        for answer in pool.map(ask, rows):
            answers.append(answer)
            on_answer(len(answers))
    finally:
        pool.shutdown(cancel_futures=True)
    tokens = sum(count for _, count in answers)
    return Answers([text for text, _ in answers], tokens / (time.monotonic() - began))


def _report(run: RunDir, total: int, began: float, model: str, done: int) -> None:
    left = (time.monotonic() - began) / done * (total - done)
    report(run, done=done, total=total, unit="summaries", message=f"asking {model}", seconds_left=left)


def _score(rows: list[Row], answers: Answers, seed: int) -> dict[str, Any]:
    """Each ROUGE as {value, low, high}, x 100, with length and speed."""
    per_row = rouge_per_row([(row["target"], text) for row, text in zip(rows, answers.texts, strict=True)])
    words = sum(len(text.split()) for text in answers.texts)
    reference_words = sum(len(row["target"].split()) for row in rows)
    return {
        **{name: bootstrap(values, seed=seed) for name, values in per_row.items()},
        "mean_words": words / len(rows),
        "length_ratio": words / reference_words if reference_words else None,
        "tokens_per_s": answers.tokens_per_s,
    }


def _samples(rows: list[Row], base: list[str], tuned: list[str]) -> list[dict[str, str]]:
    return [
        {
            "id": row["id"],
            "section": row["section"],
            "source": row["source"],
            "reference": row["target"],
            "base": before,
            "tuned": after,
        }
        for row, before, after in list(zip(rows, base, tuned, strict=True))[:SAMPLES]
    ]


if __name__ == "__main__":
    start("evaluate", main)
