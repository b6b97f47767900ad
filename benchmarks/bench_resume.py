"""A training killed outright again and again, at random, against the same training left alone.

    python benchmarks/bench_resume.py [--kills 20] [--rows 48] [--seed 1] [--json]

Real weights, rows of MTS-Dialog. Each kill comes at a random moment within the steps after a resumption, so it falls
into forward passes and into the writing of checkpoints alike. Prints how many resumptions there were and how far the
losses of all steps, and the final adapter's validation loss, are from the unbroken run's.
"""

import argparse
import json
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from bench_quality import MODELS, ROOT, ensure, write_rows

from jobs.progress import Progress, read_new
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import PrepareSpec, TrainSpec
from jobs.supervisor import run_stage

DATA = ROOT / ".." / "shared" / "data" / "summaries"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="precis-bench-") as scratch:
        figures = measure(Path(scratch), arguments)
    print(json.dumps(figures) if arguments.json else "\n".join(f"{k:<28}{v}" for k, v in figures.items()))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    rng = random.Random(arguments.seed)
    arguments.train, arguments.valid = DATA / "mts-dialog.train.jsonl", DATA / "mts-dialog.valid.jsonl"
    arguments.limit = arguments.rows
    rows = write_rows(folder / "rows.jsonl", arguments)
    common = {"base": arguments.base, "models_dir": MODELS}
    ensure("prepare", folder / "prepare", PrepareSpec(**common, **rows, set_aside=True))
    spec = TrainSpec(
        **common,
        prepared=str(folder / "prepare" / "artifact"),
        epochs=1,
        max_valid_rows=8,
        checkpoint_every_seconds=1.0,
    )
    unbroken = ensure("train", folder / "unbroken", spec)
    run = RunDir(folder / "killed")
    run.path.mkdir()
    write_json_atomic(run.spec, spec.to_json())
    # The same format of numbers, which a run measures and chooses when it begins.
    write_json_atomic(
        run.path / "precision.json", json.loads((folder / "unbroken" / "precision.json").read_text())
    )
    killed = 0
    while killed < arguments.kills:
        outcome = run_stage("train", run.path, on_progress=kill_after(rng), poll_seconds=0.01)
        if outcome.error_type != "Killed9":
            raise SystemExit(
                f"After {killed} kills it ended {outcome.status}: give more rows. See {run.log}."
            )
        killed += 1
    outcome = run_stage("train", run.path, on_progress=lambda _: True)
    if outcome.status != "succeeded" or outcome.result is None:
        raise SystemExit(f"After {killed} kills it {outcome.status}: {outcome.error_type}")
    ours, theirs = losses(run), losses(RunDir(folder / "unbroken"))
    return {
        "kills": killed,
        "steps": len(theirs),
        "max_step_loss_difference": max(abs(ours[step] - loss) for step, loss in theirs.items()),
        "valid_loss_unbroken": unbroken["valid_loss"],
        "valid_loss_difference": abs(outcome.result["metrics"]["valid_loss"] - unbroken["valid_loss"]),
    }


def kill_after(rng: random.Random) -> Callable[[Progress | None], bool]:
    """Kill the stage some steps after it began to make any, up to a second and a half into the next one."""
    left = rng.randint(1, 3)

    def look(line: Progress | None) -> bool:
        nonlocal left
        if line is not None and "step" in line.metrics:
            left -= 1
            if left == 0:
                time.sleep(rng.uniform(0, 1.5))
                for child in psutil.Process().children():
                    if "jobs.stages.train" in child.cmdline():
                        child.send_signal(signal.SIGKILL)
        return True

    return look


def losses(run: RunDir) -> dict[int, float]:
    """Each step's loss; of a step made twice, the later."""
    lines, _ = read_new(run.progress)
    return {int(line.metrics["step"]): line.metrics["loss"] for line in lines if "step" in line.metrics}


if __name__ == "__main__":
    main()
