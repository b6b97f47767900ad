"""Train a base on open data and score what the engine would serve: the recipe's proof.

    python benchmarks/bench_quality.py FOLDER TRAIN.jsonl VALID.jsonl [--base B] [--set epochs=3 lora_rank=32] [--json]

Each line of the files holds {id, source, target} and perhaps a section. Runs prepare, train, quantize and evaluate as
the worker does, in FOLDER; a stage that has ended well there is not run again, and a training goes on from its
checkpoint. Prints ROUGE before and after, tokens a second and seconds. Figures stand in docs/experiments.md.
"""

import argparse
import json
import os
import secrets
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from jobs.rundir import RunDir, file_sha256, write_json_atomic  # noqa: E402
from jobs.sealing import SEALED_FIELDS, RowSealer  # noqa: E402
from jobs.specs import EvaluateSpec, PrepareSpec, QuantizeSpec, Spec, TrainSpec  # noqa: E402
from jobs.supervisor import run_stage  # noqa: E402

MODELS = os.environ.get("PRECIS_MODELS_DIR", str(ROOT / "var" / "models"))
TOOLS = os.environ.get("PRECIS_TOOLS_DIR", str(ROOT / "var" / "tools"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--limit", type=int, default=0, help="train on the first rows only")
    parser.add_argument("--types", nargs="+", default=["Q8_0"])
    parser.add_argument("--set", nargs="*", default=[], help="fields of the stages' specs, as name=value")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(json.dumps(figures) if arguments.json else "\n".join(f"{k:<20} {v}" for k, v in figures.items()))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    common = {"base": arguments.base, "models_dir": MODELS}
    rows = write_rows(folder / "rows.jsonl", arguments)
    chosen = dict(pair.split("=", 1) for pair in arguments.set)

    def stage(name: str, spec: type[Spec], **told: Any) -> dict[str, Any]:
        known = {field.name: field.type for field in fields(spec)}
        told |= {key: as_type(known[key], value) for key, value in chosen.items() if key in known}
        return ensure(name, folder / name, spec(**common, **told))

    prepared = stage("prepare", PrepareSpec, **rows, set_aside=True)
    prepared_rows = str(folder / "prepare" / "artifact")
    trained = stage("train", TrainSpec, prepared=prepared_rows)
    stage(
        "quantize",
        QuantizeSpec,
        adapter=str(folder / "train" / "artifact"),
        prepared=prepared_rows,
        tools_dir=TOOLS,
        types=tuple(arguments.types),
    )
    figures: dict[str, Any] = {"rows": prepared["rows"], "train": trained}
    for kind in arguments.types:
        gguf = str(folder / "quantize" / "artifact" / f"model-{kind}.gguf")
        told = {**rows, "splits": ("valid",), "limit": 0, "max_new_tokens": 512, "tuned_gguf": gguf}
        name = f"evaluate-{kind}"
        stage(name, EvaluateSpec, **told)
        scores = json.loads((folder / name / "artifact" / "evaluation.json").read_text(encoding="utf-8"))
        for model in ("base", "tuned"):
            figures[f"{model} {kind}"] = {
                key: round(value["value"], 2) if isinstance(value, dict) else value
                for key, value in scores[model].items()
                if key.startswith(("rouge", "mean_words", "length_ratio", "copied", "coverage", "density"))
            }
    return figures


def write_rows(path: Path, arguments: argparse.Namespace) -> dict[str, str]:
    """The sealed rows, written once, and the fields of a spec that name them."""
    key = path.with_suffix(".key")
    if not key.exists():
        key.write_bytes(secrets.token_bytes(32))
    sealer = RowSealer(key.read_bytes())
    rows = [{**row, "split": "train"} for row in read(arguments.train)[: arguments.limit or None]]
    rows += [{**row, "split": "valid"} for row in read(arguments.valid)]
    sealed = [{name: row.get(name) or "" for name in SEALED_FIELDS} for row in rows]
    lines = [json.dumps({**row, "seal": sealer.seal(row)}) + "\n" for row in sealed]
    path.write_text("".join(lines), encoding="utf-8")
    return {"rows": str(path), "rows_sha256": file_sha256(path), "rows_key": sealer.public_key}


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def as_type(kind: Any, value: str) -> Any:
    return {"float": float, "int": int, float: float, int: int}.get(kind, str)(value)


def ensure(name: str, folder: Path, spec: Spec) -> dict[str, Any]:
    """The stage's metrics; it is run unless it ended well before with the same spec."""
    folder.mkdir(exist_ok=True)
    run = RunDir(folder)
    told = spec.to_json()
    done = run.result.is_file() and json.loads(run.spec.read_text(encoding="utf-8")) == told
    if not done:
        run.result.unlink(missing_ok=True)
        write_json_atomic(run.spec, told)
        began = time.monotonic()
        outcome = run_stage(name.split("-")[0], folder, on_progress=lambda _: True)
        if outcome.status != "succeeded":
            raise SystemExit(f"{name} {outcome.status}: {outcome.error_type}. See {run.log}.")
        write_json_atomic(folder / "seconds.json", {"seconds": time.monotonic() - began})
    metrics: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))["metrics"]
    return {**metrics, **json.loads((folder / "seconds.json").read_text(encoding="utf-8"))}


if __name__ == "__main__":
    main()
