"""Score the tuned model against its untouched base on held-out rows, as the engine will serve them.

Both GGUF files answer the same prompts through the same endpoint with the same decoding; writes
``artifact/evaluation.json``: the scores with their intervals, the scores of each row (``per_row``) and samples.

    python -m jobs.stages.evaluate RUNDIR
"""

import random
import time
from functools import partial
from pathlib import Path
from typing import Any

from jobs.adapters import Weights, weights_of
from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import EvaluateSpec
from jobs.stages.asking import ask_all
from jobs.stages.closeness import closeness
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import Row, read_rows
from jobs.stages.scoring import draw_samples, score_rows, summarize
from jobs.stages.serving import server


def main(spec: EvaluateSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    every = read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)
    rows = [row for row in every if _is_held_out(row, spec)]
    random.Random(spec.seed).shuffle(rows)
    rows = rows[: spec.limit or None]
    if not rows:
        raise StageRefusal("No row is held out. Freeze a dataset that holds records out.")
    report(run, done=0, total=0, unit="summaries", message="loading the base model")
    with server(Weights(base.gguf, base.chat_template), spec) as client:
        progress = partial(_report, run, 2 * len(rows), time.monotonic())
        of_base = ask_all(client, rows, spec, lambda done: progress("the base", done))
    with server(weights_of(Path(spec.tuned_gguf), base.gguf), spec) as client:
        of_tuned = ask_all(
            client, rows, spec, lambda done: progress("the tuned model", len(rows) + done), spec.drafts
        )
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
    facts["base"] |= of_base.pace(rows)
    facts["tuned"] |= of_tuned.pace(rows)
    path = run.artifact / "evaluation.json"
    write_json_atomic(path, {**facts, "per_row": per_row, "samples": draw_samples(rows, texts)})
    return [Output("evaluation", path)], facts


def _is_held_out(row: Row, spec: EvaluateSpec) -> bool:
    return row["split"] in spec.splits and bool(row["source"].strip() and row["target"].strip())


def _report(run: RunDir, total: int, began: float, model: str, done: int) -> None:
    left = (time.monotonic() - began) / done * (total - done)
    report(run, done=done, total=total, unit="summaries", message=f"asking {model}", seconds_left=left)


if __name__ == "__main__":
    start("evaluate", main)
