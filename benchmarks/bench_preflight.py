"""The rehearsal against the training it foretells, for three sizes of data: time and memory, with the error in percent.

    python benchmarks/bench_preflight.py [--json] [--base NAME] [--rows 20 60 150] [--data TRAIN.jsonl --valid VALID.jsonl]

Each size is prepared, rehearsed and trained for one epoch by the real stages, each in a process of its own, in a folder that
is deleted at the end. Run nothing heavy beside it; the last figures stand in docs/benchmarks.md.
"""

import argparse
import json
import os
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from jobs.rundir import RunDir, file_sha256, write_json_atomic  # noqa: E402
from jobs.sealing import RowSealer  # noqa: E402
from jobs.specs import PreflightSpec, PrepareSpec, Spec, TrainSpec  # noqa: E402
from jobs.supervisor import run_stage  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "summaries"
VALID_ROWS = 16
TIME_BAR, MEMORY_BAR = 20.0, 15.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--rows", type=int, nargs="+", default=[20, 60, 150])
    parser.add_argument("--data", type=Path, default=DATA / "mts-dialog.train.jsonl")
    parser.add_argument("--valid", type=Path, default=DATA / "mts-dialog.valid.jsonl")
    arguments = parser.parse_args()
    figures = [measure(count, arguments) for count in arguments.rows]
    if arguments.json:
        print(json.dumps(figures))
        return
    for figure in figures:
        print(
            f"{figure['rows']:>5} rows  time {figure['estimated_s']:7.1f} s, took {figure['actual_s']:7.1f} s "
            f"({figure['time_error_percent']:+5.1f} %)  memory {figure['estimated_mb']:7.0f} MB, took "
            f"{figure['actual_mb']:7.0f} MB ({figure['memory_error_percent']:+5.1f} %)"
        )


def measure(count: int, arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="precis-bench-") as scratch:
        root = Path(scratch)
        where: dict[str, Any] = {
            "base": arguments.base,
            "models_dir": os.environ.get("PRECIS_MODELS_DIR", str(ROOT / "var" / "models")),
        }
        rows = [
            *read(arguments.data, count, "train"),
            *read(arguments.valid, VALID_ROWS, "valid"),
        ]
        stage("prepare", root, PrepareSpec(**where, **write(root / "rows.jsonl", rows)))
        training = {**where, "prepared": str(root / "prepare" / "artifact"), "epochs": 1.0}
        rehearsal = stage("preflight", root, PreflightSpec(**training))
        trained = stage("train", root, TrainSpec(**training, **rehearsal["metrics"]["chosen"]))
    told, took = rehearsal["metrics"], trained["used"]
    errors = {
        "time_error_percent": 100 * (told["seconds"] / took["seconds"] - 1),
        "memory_error_percent": 100 * (told["peak_bytes"] / took["peak_bytes"] - 1),
    }
    return {
        "rows": count,
        "steps": told["steps"],
        "tokens": told["tokens"],
        "estimated_s": told["seconds"],
        "actual_s": took["seconds"],
        "estimated_mb": told["peak_bytes"] / 1e6,
        "actual_mb": took["peak_bytes"] / 1e6,
        **errors,
        "within": abs(errors["time_error_percent"]) <= TIME_BAR
        and abs(errors["memory_error_percent"]) <= MEMORY_BAR,
        "rehearsal_s": rehearsal["used"]["seconds"],
        "parts_s": told["parts_s"],
        "seconds_per": told["seconds_per"],
    }


def read(path: Path, count: int, split: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        found = [json.loads(line) for line in islice(file, count)]
    return [
        {
            "id": f"{split}-{number}",
            "split": split,
            "source": row["source"],
            "target": row["target"],
            "section": row.get("section") or "",
        }
        for number, row in enumerate(found)
    ]


def write(path: Path, rows: list[dict[str, str]]) -> dict[str, Any]:
    """The rows, sealed, and the fields of a spec that name them."""
    sealer = RowSealer(os.urandom(32))
    path.write_text("".join(json.dumps({**row, "seal": sealer.seal(row)}) + "\n" for row in rows))
    return {
        "rows": str(path),
        "rows_sha256": file_sha256(path),
        "rows_key": sealer.public_key,
        "set_aside": True,
    }


def stage(name: str, root: Path, spec: Spec) -> dict[str, Any]:
    run = RunDir(root / name)
    run.path.mkdir()
    write_json_atomic(run.spec, spec.to_json())
    outcome = run_stage(name, run.path, on_progress=lambda _: True)
    if outcome.result is None:
        sys.exit(f"{name} ended with {outcome.error_type}. {outcome.advice}\n{run.log.read_text()[-2000:]}")
    return outcome.result


if __name__ == "__main__":
    main()
