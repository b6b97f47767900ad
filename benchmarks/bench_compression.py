"""Every way to make one tuned model smaller, side by side: quality with its interval against size, memory and speed.

    python benchmarks/bench_compression.py FOLDER TRAIN.jsonl VALID.jsonl [--base B] [--layers 24] [--mlp-channels 1280]
        [--types Q8_0 …] [--epochs 2] [--heal-epochs 1] [--limit N] [--rows N] [--json]

Each line of the files holds {id, source, target} and perhaps a section. Runs prepare, train, importance, prune, distill
and quantize as the worker does, in FOLDER; a stage that has ended well there is not run again, so a folder of
bench_quality.py may be given. Then each file is served by itself and asked the validation records, and answers are kept
there too; at last each is timed, one right after the other. Variants: the whole
model in each type, without and with the importance matrix, and mixed by measured loss; the pruned one unhealed, healed
on labels alone, and healed by the tuned model's soft targets in as many steps. At the end, how the pruned and healed
one differs from the whole and from the one healed on labels, each with its 95 % interval. With --json, a list of {variant,
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
import torch  # noqa: E402
from bench_quality import MODELS, TOOLS, ensure, read, write_rows  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402
from transformers import AutoModelForCausalLM, GgufConfig  # noqa: E402

from jobs.metrics import bootstrap, paired, rouge_per_row  # noqa: E402
from jobs.model_server import temporary_server  # noqa: E402
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
from jobs.stages.divergence import divergence  # noqa: E402
from jobs.stages.packing import answer_logits, pack  # noqa: E402
from jobs.stages.prepared import read_prepared  # noqa: E402
from jobs.stages.rows import Row  # noqa: E402
from jobs.stages.sources import Translation, read_kept  # noqa: E402

TYPES = ("Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "Q4_0")
LIKE = "Q4_K"
"""The mixed file takes as many bytes as this type's."""
WHOLE = "F16"
TIMED = 6
"""Records that are asked one after the other, for the speed and the time to the first token."""
HELD_OUT_ROWS = 64
"""Of those that the prepare stage set aside, for the loss and the divergence."""

PAIRS = (("tuned", "pruned, healed"), ("pruned, healed on labels", "pruned, healed"))
"""Compared row by row, in the first type that was asked for."""

Files = dict[str, tuple[Path, int]]
"""Variant → its GGUF and its parameters; the whole model in 16 bits comes first."""
PerRow = list[dict[str, float] | None]
Answer = tuple[torch.Tensor, torch.Tensor]


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
    figures, differences = measure(arguments)
    print(json.dumps(figures) if arguments.json else as_table(figures) + "\n\n" + "\n".join(differences))


def measure(arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """What is known of each variant, and how those of PAIRS differ, row by row."""
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = make_files(folder, arguments)
    rows: list[Row] = [{"section": "", **row} for row in read(arguments.valid) if row["target"].strip()]
    rows = rows[: arguments.rows or None]
    losses = held_out_losses(files, folder)
    asking = Asking(arguments.max_new_tokens)
    scores = {variant: rouge1(path, rows, folder, asking) for variant, (path, _) in files.items()}
    # One right after the other, so that all are timed on the same machine's mood.
    paces = {variant: pace(path, rows[:TIMED], folder, asking) for variant, (path, _) in files.items()}
    figures = [
        {
            "variant": variant,
            "megabytes": round(path.stat().st_size / 1e6, 2),
            "parameters": parameters,
            **with_interval(scores[variant]),
            **paces[variant],
            **means(losses[variant]),
        }
        for variant, (path, parameters) in files.items()
    ]
    named = [tuple(f"{name} {arguments.types[0]}" for name in pair) for pair in PAIRS]
    differences = []
    for first, second in named:
        told = f"{second} against {first}: ROUGE-1 {difference(scores[first], scores[second])}"
        if files[first][1] == files[second][1]:
            # Losses over different vocabularies do not compare.
            told += f", loss {difference(*of_both(losses[first], losses[second], 'loss'))}"
            told += f", KL {difference(*of_both(losses[first], losses[second], 'kl_to_f16'))}"
        differences.append(told)
    return figures, differences


def means(per_row: PerRow) -> dict[str, float]:
    told = [row for row in per_row if row is not None]
    return {name: round(statistics.fmean(row[name] for row in told), 4) for name in ("loss", "kl_to_f16")}


def of_both(first: PerRow, second: PerRow, name: str) -> tuple[list[float], list[float]]:
    """Of the rows that both can write."""
    both = [(a[name], b[name]) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    return [a for a, _ in both], [b for _, b in both]


def difference(first: list[float], second: list[float]) -> str:
    found = paired(first, second, seed=7)
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def make_files(folder: Path, arguments: argparse.Namespace) -> Files:
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
    files: Files = {}

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


def held_out_losses(files: Files, folder: Path) -> dict[str, PerRow]:
    """By variant, for each held-out row: its loss, and the KL from the first file's probabilities to its own.

    In nats a token, over the summary's tokens; each file is read back from its quantized bytes. A trimmed vocabulary is
    compared over what both have, and a row whose summary it cannot write counts for none. Kept in the folder, since
    they take minutes.
    """
    rows = read_prepared(folder / "prepare" / "artifact", "valid")[:HELD_OUT_ROWS]
    (first, _), *_ = files.values()
    whole: list[Answer | None] = []
    found = {}
    for variant, (path, _) in files.items():
        kept_losses = folder / "losses" / f"{file_sha256(path)}-{len(rows)}.json"
        if not kept_losses.is_file():
            kept_losses.parent.mkdir(exist_ok=True)
            whole = whole or list(answers(first, rows, None))
            made = (
                path.parents[2]
                / ("prune" if variant.startswith("pruned") else "train")
                / "artifact"
                / "model"
            )
            write_json_atomic(kept_losses, list(losses_of(path, rows, read_kept(made), whole)))
        found[variant] = json.loads(kept_losses.read_text(encoding="utf-8"))
    return found


def losses_of(
    path: Path, rows: list[dict[str, Any]], kept: list[int] | None, whole: list[Answer | None]
) -> Iterator[dict[str, float] | None]:
    for mine, theirs in zip(answers(path, rows, kept), whole, strict=True):
        if mine is None or theirs is None:
            yield None
            continue
        (logits, targets), (wanted, _) = mine, theirs
        yield {
            "loss": cross_entropy(logits, targets).item(),
            "kl_to_f16": divergence(logits, wanted if kept is None else wanted[:, kept]).item(),
        }


def answers(path: Path, rows: list[dict[str, Any]], kept: list[int] | None) -> Iterator[Answer | None]:
    """The logits of each row's summary, (tokens, vocabulary), and the tokens that stand there; in the file's own vocabulary."""
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


@contextmanager
def served(path: Path, folder: Path) -> Iterator[httpx.Client]:
    with temporary_server(path, var=folder / "engine") as (port, key):
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
            yield client


def rouge1(path: Path, rows: list[Row], folder: Path, asking: Asking) -> list[float]:
    """Of what the engine answers to each record; answers are kept in the folder, since they take minutes."""
    kept = folder / "answers" / f"{file_sha256(path)}-{len(rows)}.json"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with served(path, folder) as client:
            write_json_atomic(kept, ask_all(client, rows, asking, lambda _: None).texts)
    texts = json.loads(kept.read_text(encoding="utf-8"))
    return rouge_per_row([(row["target"], text) for row, text in zip(rows, texts, strict=True)])["rouge1"]


def with_interval(scores: list[float]) -> dict[str, float]:
    found = bootstrap(scores, seed=7)
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
