"""Have a teacher summarize training records, and keep those summaries that a student can learn from.

Sequence-level distillation (Kim and Rush, 2016, arXiv:1606.07947): the student learns the teacher's texts, so the two
need not share a tokenizer. Reads the rows the spec names, training rows alone. Writes ``artifact/taught.jsonl``, a line
for each: {id, teacher, teacher_sha256, why, words, copied, target}; where ``why`` names a fault (see ``answers``), no
word of the summary is written. A stage that was stopped goes on after its last line.

    python -m jobs.stages.teach RUNDIR
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from grounding.detector import get_detector
from jobs.copying import copied_ngrams, words_of
from jobs.progress import report
from jobs.prompts import tidy
from jobs.rundir import RunDir
from jobs.specs import FAULTS, TeachSpec
from jobs.stages.answers import fault
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import Row, read_rows
from jobs.stages.teachers import Ask, teacher
from privacy.engine import get_scrubber
from summaries.engine import Completion

PARALLEL_REQUESTS = 4
Line = dict[str, Any]


def main(spec: TeachSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    rows = _to_teach(spec)
    # What the machine lacks is told before anybody waits for the teacher.
    get_scrubber(), get_detector()
    path = run.artifact / "taught.jsonl"
    lines = _read_earlier(path, spec)
    known = {line["id"] for line in lines}
    left = [row for row in rows if row["id"] not in known]
    report(run, done=len(lines), total=len(rows), unit="summaries", message=f"starting {spec.teacher}")
    with path.open("a", encoding="utf-8") as file, teacher(spec, run.path) as ask:
        began = time.monotonic()
        for done, (row, answer) in enumerate(_answers(ask, left), start=1):
            lines.append(_judged(spec, row, answer))
            # In one piece and at once, for whoever goes on from here after a power loss.
            file.write(json.dumps(lines[-1], ensure_ascii=False) + "\n")
            file.flush()
            seconds_left = (time.monotonic() - began) / done * (len(left) - done)
            _report(run, spec, len(lines), len(rows), seconds_left)
    facts = _describe(spec, lines)
    if not facts["kept"]:
        raise StageRefusal(_nothing_kept(spec, facts))
    return [Output("taught", path)], facts


def _to_teach(spec: TeachSpec) -> list[Row]:
    rows = read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)
    if held_out := [row["id"] for row in rows if row["split"] != "train"]:
        raise StageRefusal(
            f"{', '.join(held_out[:20])} is held out to measure the student by. No teacher is asked about it."
        )
    if not rows:
        raise StageRefusal("There is no training record for the teacher to summarize.")
    return [{**row, "source": tidy(row["source"])} for row in rows]


def _read_earlier(path: Path, spec: TeachSpec) -> list[Line]:
    """What an earlier attempt wrote with the same teacher. A line that a crash cut short is written over."""
    path.touch(mode=0o600)
    whole = [line for text in path.read_text(encoding="utf-8").splitlines() if (line := _parse(text))]
    same = [
        line
        for line in whole
        if (line["teacher"], line["teacher_sha256"]) == (spec.teacher, spec.gguf_sha256)
    ]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in same), encoding="utf-8")
    return same


def _parse(text: str) -> Line | None:
    try:
        line: Line = json.loads(text)
    except ValueError:
        return None
    return line


def _answers(ask: Ask, rows: Sequence[Row]) -> Iterator[tuple[Row, Completion | None]]:
    pool = ThreadPoolExecutor(PARALLEL_REQUESTS)
    try:
        yield from zip(rows, pool.map(ask, rows), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _judged(spec: TeachSpec, row: Row, answer: Completion | None) -> Line:
    text = tidy(answer.text) if answer else ""
    is_whole = answer is not None and answer.finish_reason != "length"
    why = fault(row["source"], text, is_whole=is_whole, spec=spec)
    return {
        "id": row["id"],
        "teacher": spec.teacher,
        "teacher_sha256": spec.gguf_sha256,
        "why": why,
        "words": len(words_of(text)),
        "copied": round(copied_ngrams(row["source"], text), 3),
        "target": "" if why else text,
    }


def _report(run: RunDir, spec: TeachSpec, done: int, total: int, seconds_left: float) -> None:
    report(
        run,
        done=done,
        total=total,
        unit="summaries",
        message=f"asking {spec.teacher}",
        seconds_left=seconds_left,
    )


def _describe(spec: TeachSpec, lines: Sequence[Line]) -> dict[str, Any]:
    """For the run's page: who taught, and what became of how many."""
    found = Counter(line["why"] for line in lines)
    kept = [line for line in lines if not line["why"]]
    return {
        "teacher": spec.teacher,
        "teacher_sha256": spec.gguf_sha256,
        "asked": len(lines),
        "kept": len(kept),
        "left_out": {why: found[why] for why in FAULTS if found[why]},
        "mean_words": sum(line["words"] for line in kept) / max(len(kept), 1),
        "mean_copied": sum(line["copied"] for line in kept) / max(len(kept), 1),
    }


def _nothing_kept(spec: TeachSpec, facts: dict[str, Any]) -> str:
    told = ", ".join(f"{count} {FAULTS[why]}" for why, count in facts["left_out"].items())
    return (
        f"None of the {facts['asked']} summaries that {spec.teacher} wrote can be learned from: {told}. "
        "Choose another teacher, or start the run without one."
    )


if __name__ == "__main__":
    start("teach", main)
