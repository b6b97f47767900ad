"""Check the rows of a frozen dataset and turn them into tokens.

Reads the rows the spec names; writes ``artifact/{train,valid,test}.jsonl`` of {id, prompt, completion} token
ids, ``artifact/report.json``, and ``artifact/preview.json``: a few rows token by token. A row longer than the base
reads becomes several (see ``parts``); nothing is cut to fit. What must not be trained on (see ``checks``) refuses
the run, by the rows' ids; with ``set_aside``, rows with a fault of their own are left out instead.

    python -m jobs.stages.prepare RUNDIR
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from jobs.catalogue import installed
from jobs.progress import report
from jobs.prompts import tidy
from jobs.rundir import RunDir, files_sha256, write_json_atomic
from jobs.specs import PrepareSpec
from jobs.stages.checks import ROW_CHECKS, Encoded, Finding, sift, token_checks
from jobs.stages.duplicates import without_duplicates
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.parts import Parts, encode_in_parts
from jobs.stages.preview import choose, write_preview
from jobs.stages.rows import SPLITS, Row, read_rows
from jobs.stages.tokens import marks_of
from jobs.stages.weights import ensure_hf_folder, load_tokenizer


def main(spec: PrepareSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    rows = [_tidied(row) for row in read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)]
    report(run, done=0, total=len(rows), unit="rows", message="loading the tokenizer")
    tokenizer = load_tokenizer(ensure_hf_folder(base), base)
    limit = min(spec.max_tokens, base.context_tokens)
    rows, faults_of_rows = sift(rows, ROW_CHECKS)
    in_parts = {row["id"]: parts for row, parts in _encode_all(tokenizer, rows, limit, run)}
    encoded = [part for parts in in_parts.values() for part in parts.rows]
    marks = marks_of(tokenizer)
    sound, faults_of_tokens = sift(encoded, token_checks(marks, limit))
    findings = [*faults_of_rows, *faults_of_tokens]
    set_aside = defaultdict(list, {finding.what: list(finding.found) for finding in findings})
    of = {row.of for row in sound}
    kept = without_duplicates([row for row in rows if row["id"] in of], set_aside)
    once = {row["id"] for row in kept}
    by_split = {split: [row for row in sound if row.split == split and row.of in once] for split in SPLITS}
    # Before a refusal too, since it shows what is wrong.
    shown = choose(encoded, by_split["train"], findings, spec.seed)
    preview = write_preview(run.artifact, shown, findings, tokenizer=tokenizer, marks=marks, limit=limit)
    _refuse([finding for finding in findings if not (spec.set_aside and finding.can_leave_out)])
    if not by_split["train"]:
        left_out = " ".join(map(str, findings))
        raise StageRefusal(f"No training row is left. {left_out or 'Add records to the dataset.'}")
    outputs = _write(run, by_split)
    facts = _describe(kept, by_split, set_aside, [output.path for output in outputs])
    facts["long_records"] = {id: parts.facts for id, parts in in_parts.items() if parts.is_split}
    write_json_atomic(run.artifact / "report.json", facts)
    return [*outputs, Output("report", run.artifact / "report.json"), Output("preview", preview)], facts


def _tidied(row: Row) -> Row:
    return {**row, "source": tidy(row["source"]), "target": tidy(row["target"])}


def _encode_all(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], limit: int, run: RunDir
) -> Iterator[tuple[Row, Parts]]:
    told_at = 0.0
    for done, row in enumerate(rows):
        yield row, encode_in_parts(tokenizer, row, limit)
        if time.monotonic() - told_at > 1:
            told_at = time.monotonic()
            report(run, done=done, total=len(rows), unit="rows", message="tokenizing")
    report(run, done=len(rows), total=len(rows), unit="rows", message="tokenizing", seconds_left=0)


def _refuse(findings: Sequence[Finding]) -> None:
    """Raises StageRefusal with every fault at once, so that one correction is enough."""
    if not findings:
        return
    cure = " Or leave such rows out." if all(finding.can_leave_out for finding in findings) else ""
    raise StageRefusal(" ".join(map(str, findings)) + cure)


def _describe(
    kept: Sequence[Row],
    by_split: dict[str, list[Encoded]],
    set_aside: dict[str, list[str]],
    written: Sequence[Path],
) -> dict[str, Any]:
    """Facts for the run's page. Held-out summaries that stand in train too flatter the model: named."""
    learned = {row["target"] for row in kept if row["split"] == "train"}
    train = by_split["train"]
    return {
        "rows": {split: len(by_split[split]) for split in reversed(SPLITS)},
        "set_aside": dict(set_aside),
        "summaries_also_in_train": [
            r["id"] for r in kept if r["split"] != "train" and r["target"] in learned
        ],
        "train_tokens": sum(map(len, train)),
        "train_completion_tokens": sum(len(row.completion) for row in train),
        "longest_tokens": max(map(len, train)),
        "prepared_sha256": files_sha256(written),
    }


def _write(run: RunDir, by_split: dict[str, list[Encoded]]) -> list[Output]:
    outputs = []
    for split, rows in by_split.items():
        path = run.artifact / f"{split}.jsonl"
        lines = ({"id": row.id, "prompt": row.prompt, "completion": row.completion} for row in rows)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        outputs.append(Output("rows", path, {"split": split, "rows": len(rows)}))
    return outputs


if __name__ == "__main__":
    start("prepare", main)
