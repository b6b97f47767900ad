"""Every way to make one tuned model smaller, side by side: quality with its interval against size, memory and speed.

    python benchmarks/bench_compression.py FOLDER TRAIN.jsonl VALID.jsonl [--base B] [--layers 24] [--mlp-channels 1280]
        [--types Q8_0 …] [--epochs 2] [--heal-epochs 1] [--limit N] [--rows N] [--json]

Each line of the files holds {id, source, target} and perhaps a section. Runs prepare, train, importance, prune, distill
and quantize as the worker does, in FOLDER; a stage that has ended well there is not run again, so a folder of
bench_quality.py may be given. Then each file is served by itself and asked the validation records, and answers are kept
there too; at last each is timed, one right after the other. Variants: the whole
model in each type, without and with the importance matrix, and mixed by measured loss; the pruned one unhealed, healed
on labels alone, and healed by the tuned model's soft targets in as many steps. With --json, a list of {variant,
megabytes, parameters, rouge1, rouge1_low, rouge1_high, kl_to_f16, tokens_per_s, time_to_first_token_ms, ram_mb}.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT), str(ROOT / "benchmarks")]

import httpx  # noqa: E402
import psutil  # noqa: E402
from bench_quality import MODELS, TOOLS, ensure, read, write_rows  # noqa: E402

from jobs.engine import temporary_server  # noqa: E402
from jobs.metrics import bootstrap, rouge_per_row  # noqa: E402
from jobs.rundir import file_sha256, write_json_atomic  # noqa: E402
from jobs.specs import (  # noqa: E402
    MIXED,
    DistillSpec,
    ImportanceSpec,
    PrepareSpec,
    PruneSpec,
    QuantizeSpec,
    TrainSpec,
)
from jobs.stages.asking import ask_all, time_one  # noqa: E402
from jobs.stages.rows import Row  # noqa: E402

TYPES = ("Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "Q4_0")
LIKE = "Q4_K"
"""The mixed file takes as many bytes as this type's."""
WHOLE = "F16"
TIMED = 6
"""Records that are asked one after the other, for the speed and the time to the first token."""
HELD_OUT_ROWS = 64
"""Of those that the prepare stage set aside, for the loss and the divergence."""


@dataclass(frozen=True)
class Asking:
    """How a record is asked about to be timed."""

    max_new_tokens: int
    context_tokens: int = 4096


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--types", nargs="+", default=list(TYPES))
    parser.add_argument("--layers", type=int, default=24, help="kept by pruning")
    parser.add_argument("--mlp-channels", type=int, default=1280, help="kept by pruning, in each layer")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--heal-epochs", type=float, default=1.0)
    parser.add_argument("--limit", type=int, default=0, help="train on the first rows only")
    parser.add_argument(
        "--rows", type=int, default=0, help="ask the first validation records only; 0 for all"
    )
    parser.add_argument("--max-new-tokens", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(json.dumps(figures) if arguments.json else as_table(figures))


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = make_files(folder, arguments)
    rows: list[Row] = [{"section": "", **row} for row in read(arguments.valid) if row["target"].strip()]
    rows = rows[: arguments.rows or None]
    losses = held_out_losses(files, folder / "prepare" / "artifact")
    asking = Asking(arguments.max_new_tokens)
    scores = {variant: score(path, rows, folder, asking) for variant, (path, _) in files.items()}
    # One right after the other, so that all are timed on the same machine's mood.
    paces = {variant: pace(path, rows[:TIMED], folder, asking) for variant, (path, _) in files.items()}
    return [
        {
            "variant": variant,
            "megabytes": round(path.stat().st_size / 1e6, 2),
            "parameters": parameters,
            **scores[variant],
            **paces[variant],
            **losses[variant],
        }
        for variant, (path, parameters) in files.items()
    ]


def make_files(folder: Path, arguments: argparse.Namespace) -> dict[str, tuple[Path, int]]:
    """Variant → its GGUF and its parameters; the whole model in 16 bits comes first."""
    where = {"base": arguments.base, "models_dir": MODELS}
    artifact = {name.name: str(name / "artifact") for name in map(folder.joinpath, _NAMES)}
    prepared = artifact["prepare"]
    ensure(
        "prepare",
        folder / "prepare",
        PrepareSpec(**where, **write_rows(folder / "rows.jsonl", arguments), set_aside=True),
    )
    told = {**where, "prepared": prepared}
    ensure("train", folder / "train", TrainSpec(**told, epochs=arguments.epochs))
    shape = {"layers": arguments.layers, "mlp_channels": arguments.mlp_channels, "trim_vocabulary": True}
    pruned = ensure("prune", folder / "prune", PruneSpec(**told, model=artifact["train"], **shape))
    heal = DistillSpec(
        **told, student=artifact["prune"], teacher=artifact["train"], epochs=arguments.heal_epochs
    )
    ensure("distill-soft", folder / "distill-soft", heal)
    labels = DistillSpec.from_json({**heal.to_json(), "hard_share": 1.0})
    ensure("distill-labels", folder / "distill-labels", labels)
    files: dict[str, tuple[Path, int]] = {}

    def quantize(name: str, made: str, types: tuple[str, ...], parameters: int, weighed: bool) -> None:
        importance = ""
        if weighed:
            weigh = ImportanceSpec(**told, model=artifact[made], as_small_as=LIKE)
            ensure("importance", folder / f"importance-{name}", weigh)
            importance = str(folder / f"importance-{name}" / "artifact")
        spec = QuantizeSpec(
            **told, adapter=artifact[made], tools_dir=TOOLS, types=types, importance=importance
        )
        ensure("quantize", folder / f"quantize-{name}", spec)
        for kind in types:
            path = folder / f"quantize-{name}" / "artifact" / f"model-{kind}.gguf"
            files[f"{name} {kind}"] = path, parameters

    types, before, after = (
        tuple(arguments.types),
        pruned["before"]["parameters"],
        pruned["after"]["parameters"],
    )
    quantize("tuned", "train", (WHOLE, *types), before, weighed=False)
    quantize("tuned, weighed", "train", (*types, MIXED), before, weighed=True)
    quantize("pruned", "prune", types[:1], after, weighed=False)
    quantize("pruned, healed on labels", "distill-labels", types[:1], after, weighed=False)
    few = (WHOLE, *dict.fromkeys((types[0], LIKE)), MIXED)
    quantize("pruned, healed", "distill-soft", few, after, weighed=True)
    return files


_NAMES = ("prepare", "train", "prune", "distill-soft", "distill-labels")


def held_out_losses(files: dict[str, tuple[Path, int]], prepared: Path) -> dict[str, dict[str, float]]:
    """By variant, on held-out summaries' tokens: its loss, and the KL from the first file's probabilities to its own.

    In nats a token, the mean of the rows' means; each file is read back from its quantized bytes. A trimmed vocabulary is compared over what both have.
    """
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import AutoModelForCausalLM, GgufConfig

    from jobs.stages.divergence import divergence
    from jobs.stages.packing import answer_logits, pack
    from jobs.stages.prepared import read_prepared
    from jobs.stages.sources import Translation, read_kept

    rows = read_prepared(prepared, "valid")[:HELD_OUT_ROWS]

    def logits(path: Path, kept: list[int] | None) -> Iterator[tuple[torch.Tensor, torch.Tensor] | None]:
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        translation = Translation(kept)
        for row in rows:
            mine = translation.row(row)
            if mine is None:
                yield None
                continue
            packed = pack([mine])
            with torch.no_grad():
                yield answer_logits(model, packed), packed["targets"]

    (first, _), *_ = files.values()
    whole = list(logits(first, None))
    found = {}
    for variant, (path, _) in files.items():
        made = path.parents[2] / ("prune" if variant.startswith("pruned") else "train") / "artifact" / "model"
        kept = read_kept(made)
        answers = [(a, b[0]) for a, b in zip(logits(path, kept), whole, strict=True) if a is not None]
        losses = [cross_entropy(mine, targets).item() for (mine, targets), _ in answers]
        apart = [
            divergence(mine, theirs if kept is None else theirs[:, kept]).item()
            for (mine, _), theirs in answers
        ]
        found[variant] = {
            "loss": round(statistics.fmean(losses), 4),
            "kl_to_f16": round(statistics.fmean(apart), 4),
        }
    return found


@contextmanager
def served(path: Path, folder: Path) -> Iterator[httpx.Client]:
    with temporary_server(path, var=folder / "engine") as (port, key):
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
            yield client


def score(path: Path, rows: list[Row], folder: Path, asking: Asking) -> dict[str, float]:
    """ROUGE-1 of what the engine answers; a file's answers are kept in the folder, since they take minutes."""
    kept = folder / "answers" / f"{file_sha256(path)}-{len(rows)}.json"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with served(path, folder) as client:
            write_json_atomic(kept, ask_all(client, rows, asking, lambda _: None).texts)
    texts = json.loads(kept.read_text(encoding="utf-8"))
    pairs = [(row["target"], text) for row, text in zip(rows, texts, strict=True)]
    found = bootstrap(rouge_per_row(pairs)["rouge1"], seed=7)
    return {
        "rouge1": round(found["value"], 2),
        "rouge1_low": round(found["low"], 2),
        "rouge1_high": round(found["high"], 2),
    }


def pace(path: Path, rows: list[Row], folder: Path, asking: Asking) -> dict[str, float]:
    with served(path, folder) as client:
        timed = [time_one(client, row, asking) for row in rows]
        memory = max(child.memory_info().rss for child in psutil.Process().children(recursive=True))
    return {
        "tokens_per_s": round(statistics.median(speed for _, speed in timed if speed), 1),
        "time_to_first_token_ms": round(1000 * statistics.median(first for first, _ in timed), 1),
        "ram_mb": round(memory / 1e6, 1),
    }


def as_table(figures: list[dict[str, Any]]) -> str:
    lines = [
        "variant                            MB    params  ROUGE-1 (95 %)        loss      KL   tok/s  first ms  RAM MB"
    ]
    for each in figures:
        score = f"{each['rouge1']:.2f} ({each['rouge1_low']:.1f}-{each['rouge1_high']:.1f})"
        lines.append(
            f"{each['variant']:<32}{each['megabytes']:>6.1f}{each['parameters'] / 1e6:>9.1f}M  {score:<20}"
            f"{each['loss']:>8.4f}{each['kl_to_f16']:>8.4f}{each['tokens_per_s']:>8.1f}{each['time_to_first_token_ms']:>10.0f}"
            f"{each['ram_mb']:>8.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
