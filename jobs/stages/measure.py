"""Score and time the files of a model that was made smaller, as the engine will serve them, beside the one before.

They are asked the rows on which the one before was evaluated. For each writes ``artifact/<name>.json``, an evaluation
like the evaluate stage's: what base and reference scored is taken from that one. All are served one after the other by
the endpoint's own process, and timed alike.

    python -m jobs.stages.measure RUNDIR
"""

import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from jobs.adapters import Weights
from jobs.novel_numbers import novel_numbers
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import MeasureSpec
from jobs.stages.asking import Answers, ask_all, time_one
from jobs.stages.closeness import closeness
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import Row, read_rows
from jobs.stages.scoring import Similarity, digest, score_texts, summarize
from jobs.stages.serving import server_alone

Evaluation = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """What a file takes when it is served to one at a time; the median of the rows timed."""

    tokens_per_s: float
    time_to_first_token_ms: float
    ram_mb: float


def main(spec: MeasureSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    before: Evaluation = json.loads(Path(spec.evaluation).read_text(encoding="utf-8"))
    rows = _same_rows(spec, before)
    first, *others = spec.files
    total, began = len(others) * len(rows), time.monotonic()
    served, answers = {}, {}
    with tempfile.TemporaryDirectory(dir=run.path) as scratch:
        for number, (name, path) in enumerate(spec.files.items()):
            told = partial(_report, run, total, began, (number - 1) * len(rows), name)
            with server_alone(Weights(Path(path)), spec.context_tokens, Path(scratch)) as (client, process):
                if name != first:
                    answers[name] = ask_all(client, rows, spec, told)
                served[name] = _time(client, process, rows[: spec.timed_rows], spec)
    report(run, done=total, total=total, unit="summaries", message="scoring")
    similarity, _ = closeness(Path(spec.models_dir))
    outputs = []
    for name in others:
        evaluation = _evaluation(before, rows, answers[name], similarity, spec.seed)
        evaluation["served"] = vars(served[name])
        path = run.artifact / f"{name}.json"
        write_json_atomic(path, evaluation)
        outputs.append(Output("evaluation", path, {"artifact": name}))
    return outputs, {"rows": len(rows), "served": {name: vars(each) for name, each in served.items()}}


def _same_rows(spec: MeasureSpec, before: Evaluation) -> list[Row]:
    """Raises StageRefusal where they are not what they were when the one before was evaluated."""
    found = {row["id"]: row for row in read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)}
    asked = list(zip(before["per_row"]["ids"], before["per_row"]["digests"], strict=True))
    rows = [found[id] for id, was in asked if id in found and digest(found[id]) == was]
    if len(rows) < len(asked) or not rows:
        raise StageRefusal(
            "Some of the records that the model was evaluated on are gone. Train again on a new dataset, and make that "
            "model smaller."
        )
    return rows


def _time(client: httpx.Client, process: psutil.Process, rows: list[Row], spec: MeasureSpec) -> Served:
    timed = [time_one(client, row, spec) for row in rows]
    return Served(
        tokens_per_s=round(statistics.median(speed for _, speed in timed), 1),
        time_to_first_token_ms=round(1000 * statistics.median(first for first, _ in timed), 1),
        ram_mb=round(process.memory_info().rss / 1e6, 1),
    )


def _evaluation(
    before: Evaluation, rows: list[Row], answers: Answers, similarity: Similarity | None, seed: int
) -> Evaluation:
    """The one before with this file's answers in the place of the tuned model's."""
    per_row = {**before["per_row"], "tuned": score_texts(rows, answers.texts, similarity)}
    facts = summarize(per_row, seed)
    facts["base"] = before["base"]
    facts["tuned"] |= answers.pace(rows)
    said = dict(zip(per_row["ids"], answers.texts, strict=True))
    samples = [_sample(each, said[each["id"]]) for each in before["samples"]]
    return {
        "rows": len(rows),
        "in_pieces": answers.in_pieces,
        "not_measured": before["not_measured"],
        **facts,
        "per_row": per_row,
        "samples": samples,
    }


def _sample(before: dict[str, Any], text: str) -> dict[str, Any]:
    novel = {**before["novel_numbers"], "tuned": novel_numbers(before["source"], text)}
    return {**before, "tuned": text, "novel_numbers": novel}


def _report(run: RunDir, total: int, began: float, earlier: int, name: str, done: int) -> None:
    done += earlier
    left = (time.monotonic() - began) / done * (total - done)
    report(run, done=done, total=total, unit="summaries", message=f"asking {name}", seconds_left=left)


if __name__ == "__main__":
    start("measure", main)
