"""Plant codes among real training rows, train a base on them, and try to draw them out again: adapter and GGUF.

    python benchmarks/bench_canaries.py FOLDER TRAIN.jsonl VALID.jsonl [--rows 60] [--epochs 2] [--base B] [--json]

Each line of the files holds {id, source, target} and perhaps a section. Runs prepare, train, quantize and extract as the
worker does, in FOLDER; a stage that has ended well there is not run again. Prints for each count how many codes were
drawn out and their exposure in bits, of the base and of the tuned model. Ends with 1 unless codes planted fifty times
are caught and those never planted are not. Figures stand in docs/memory.md.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT), str(ROOT / "benchmarks")]

from bench_quality import MODELS, TOOLS, ensure, read  # noqa: E402

from jobs import canaries  # noqa: E402
from jobs.rundir import file_sha256, write_json_atomic  # noqa: E402
from jobs.sealing import SEALED_FIELDS, RowSealer  # noqa: E402
from jobs.specs import ExtractSpec, PrepareSpec, QuantizeSpec, TrainSpec  # noqa: E402

COLUMNS = ("count", "codes", "extracted", "served_extracted", "base_extracted", "base_exposure", "exposure")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    parser.add_argument("--rows", type=int, default=60, help="real training rows beside the planted ones")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(json.dumps(figures) if arguments.json else as_table(figures))
    sys.exit(0 if figures["fifty_caught"] and not figures["never_caught"] else 1)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    where = {"base": arguments.base, "models_dir": MODELS}
    prepared, adapter = str(folder / "prepare" / "artifact"), str(folder / "train" / "artifact")
    gguf = str(folder / "quantize" / "artifact" / "model-Q8_0.gguf")
    planted = folder / "canaries.json"
    rows = write_rows(folder, planted, arguments)
    ensure("prepare", folder / "prepare", PrepareSpec(**where, **rows, set_aside=True))
    train = TrainSpec(**where, prepared=prepared, epochs=arguments.epochs)
    trained = ensure("train", folder / "train", train)
    quantize = QuantizeSpec(**where, adapter=adapter, prepared=prepared, tools_dir=TOOLS, types=("Q8_0",))
    ensure("quantize", folder / "quantize", quantize)
    extract = ExtractSpec(**where, prepared=prepared, adapter=adapter, tuned_gguf=gguf, canaries=str(planted))
    found = ensure("extract", folder / "extract", extract)
    by_count = {row["count"]: row for row in found["counts"]}
    return {
        "train_seconds": trained["seconds"],
        "train_loss": trained["train_loss"],
        "extract_seconds": found["seconds"],
        "fifty_caught": by_count[50]["remembers"],
        "never_caught": by_count[0]["remembers"],
        "remembers": found["remembers"],
        "counts": found["counts"],
        "summaries": found["summaries"],
    }


def write_rows(folder: Path, planted: Path, arguments: argparse.Namespace) -> dict[str, str]:
    """The sealed rows, codes among them, and the fields of a spec that name them. The same in every call."""
    drawn = canaries.draw(canaries.COUNTS, "benchmark")
    write_json_atomic(planted, canaries.to_json(drawn))
    rows = [{**row, "split": "train"} for row in read(arguments.train)[: arguments.rows]]
    rows += [{**row, "split": "valid"} for row in read(arguments.valid)]
    rows += [row for canary in drawn for row in canary.rows()]
    sealer, path = RowSealer(b"made-up codes and open data only"), folder / "rows.jsonl"
    sealed = [{name: row.get(name) or "" for name in SEALED_FIELDS} for row in rows]
    lines = [json.dumps({**row, "seal": sealer.seal(row)}) + "\n" for row in sealed]
    path.write_text("".join(lines), encoding="utf-8")
    return {"rows": str(path), "rows_sha256": file_sha256(path), "rows_key": sealer.public_key}


def as_table(figures: dict[str, Any]) -> str:
    lines = [" ".join(f"{name:>17}" for name in COLUMNS)]
    for row in figures["counts"]:
        lines.append(" ".join(f"{row[name]:>17.3g}" for name in COLUMNS))
    lines += [f"{name:<20} {value}" for name, value in figures.items() if name != "counts"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
