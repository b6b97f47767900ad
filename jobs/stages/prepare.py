"""Check the rows of a frozen dataset and turn them into tokens.

Reads the rows the spec names; writes ``artifact/{train,valid,test}.jsonl`` of {id, prompt, completion} token
ids, and ``artifact/report.json``. A row that cannot be learned from is set aside by id, with the reason;
never cut to fit.

    python -m jobs.stages.prepare RUNDIR
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from jobs.catalogue import installed
from jobs.progress import report
from jobs.prompts import tidy
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import PrepareSpec
from jobs.stages.duplicates import without_duplicates
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.rows import SPLITS, Row, read_rows
from jobs.stages.tokens import encode
from jobs.stages.weights import ensure_hf_folder, load_tokenizer


def main(spec: PrepareSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    base = installed(spec.base, Path(spec.models_dir))
    rows = read_rows(Path(spec.rows), spec.rows_sha256, spec.rows_key)
    report(run, done=0, total=len(rows), unit="rows", message="loading the tokenizer")
    tokenizer = load_tokenizer(ensure_hf_folder(base), base)
    set_aside: dict[str, list[str]] = defaultdict(list)
    kept = without_duplicates(_checked(rows, set_aside), set_aside)
    limit = min(spec.max_tokens, base.context_tokens)
    encoded = _encode_all(tokenizer, kept, limit, set_aside, run)
    if not encoded["train"]:
        reasons = "; ".join(f"{reason}: {_some(ids)}" for reason, ids in set_aside.items())
        raise StageRefusal(f"No training row is left. {reasons or 'Add records to the dataset.'}")
    facts = _describe(kept, encoded, set_aside)
    return _write(run, encoded, facts), facts


def _checked(rows: Iterable[Row], set_aside: dict[str, list[str]]) -> list[Row]:
    """The rows worth training on; the others' ids go into ``set_aside`` under the reason."""
    kept: list[Row] = []
    owner: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: SPLITS.index(row["split"])):
        source, target = tidy(row["source"]), tidy(row["target"])
        same = " ".join(source.lower().split())
        if not source or not target:
            set_aside["the record or its summary is empty"].append(row["id"])
        elif len(target.split()) > len(source.split()):
            set_aside["the summary is longer than the record"].append(row["id"])
        elif owner.setdefault(same, row["split"]) != row["split"]:
            set_aside["the same record stands in a held-out split"].append(row["id"])
        else:
            kept.append({**row, "source": source, "target": target})
    return kept


def _encode_all(
    tokenizer: PreTrainedTokenizerBase,
    rows: list[Row],
    limit: int,
    set_aside: dict[str, list[str]],
    run: RunDir,
) -> dict[str, list[dict[str, Any]]]:
    encoded: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    told_at = 0.0
    for done, row in enumerate(rows):
        prompt, completion = encode(tokenizer, row["source"], row["target"], row["section"])
        if len(prompt) + len(completion) > limit:
            set_aside[f"longer than {limit} tokens"].append(row["id"])
        else:
            encoded[row["split"]].append({"id": row["id"], "prompt": prompt, "completion": completion})
        if time.monotonic() - told_at > 1:
            told_at = time.monotonic()
            report(run, done=done, total=len(rows), unit="rows", message="tokenizing")
    report(run, done=len(rows), total=len(rows), unit="rows", message="tokenizing", seconds_left=0)
    return encoded


def _describe(
    kept: list[Row], encoded: dict[str, list[dict[str, Any]]], set_aside: dict[str, list[str]]
) -> dict[str, Any]:
    """Counts for the run's page. Held-out summaries that stand in train too flatter the model: named."""
    learned = {row["target"] for row in kept if row["split"] == "train"}
    tokens = [(len(row["prompt"]), len(row["completion"])) for row in encoded["train"]]
    return {
        "rows": {split: len(encoded[split]) for split in reversed(SPLITS)},
        "set_aside": dict(set_aside),
        "summaries_also_in_train": [
            r["id"] for r in kept if r["split"] != "train" and r["target"] in learned
        ],
        "train_tokens": sum(map(sum, tokens)),
        "train_completion_tokens": sum(completion for _, completion in tokens),
        "longest_tokens": max(map(sum, tokens)),
    }


def _write(run: RunDir, encoded: dict[str, list[dict[str, Any]]], facts: dict[str, Any]) -> list[Output]:
    outputs = []
    for split, rows in encoded.items():
        path = run.artifact / f"{split}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        outputs.append(Output("rows", path, {"split": split, "rows": len(rows)}))
    write_json_atomic(run.artifact / "report.json", facts)
    return [*outputs, Output("report", run.artifact / "report.json")]


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")


if __name__ == "__main__":
    start("prepare", main)
