"""Rehearse a training before it starts: real steps of the train stage, measured, and from them the whole run.

Reads the prepared rows; keeps nothing but its result, whose metrics say how long the training will take, how much
memory and disk, and how the steps are best made so that it fits. Refuses what cannot fit, with advice. A process of its
own: one that the kernel kills for want of memory has harmed no training, and what it leaves in memory and in random
numbers is gone (docs/adr/0019).

    python -m jobs.stages.preflight RUNDIR
"""

import gc
import shutil
import time
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from jobs import machine
from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir
from jobs.specs import PreflightSpec
from jobs.stages.batches import Batch, enough_steps, plan_batches
from jobs.stages.costs import (
    FLOAT,
    Memory,
    Way,
    Work,
    choose_way,
    fit_seconds,
    passes,
    predict_seconds,
    probe_steps,
    step_work,
)
from jobs.stages.entry import Output, StageRefusal, StageStopped, start, stop_requested
from jobs.stages.machine_plan import disk, gigabytes
from jobs.stages.packing import PACKED, Row, pack
from jobs.stages.train import Trainer, Watch, choose_precision, make_trainer, read_prepared
from jobs.stages.weights import ensure_hf_folder

VALID_PROBES = 6
NEW_TOKENS = 16
REPEAT_SECONDS = 60.0
"""Steps are tried a second time, at widths no longer new, unless the first round took longer."""
SHARE_OF_FREE = 0.95


def main(spec: PreflightSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    report(run, done=0, total=0, unit="steps", message="loading the base model")
    train, valid = (read_prepared(Path(spec.prepared), split) for split in ("train", "valid"))
    if not train:
        raise StageRefusal("There are no prepared training rows. Run the prepare stage again.")
    lengths = [len(row["input_ids"]) for row in train]
    plan = plan_batches(lengths, enough_steps(lengths, spec))
    limit = _limit(spec)
    _check_weights(spec, run, limit)
    began = time.monotonic()
    probes = [plan[step] for step in probe_steps(step_work(train, plan, 0))]
    besides = time.monotonic() - began  # what the training itself will not do
    rehearsal = Rehearsal(spec, run, train, probes)
    memory = measure_memory(rehearsal.trainer, train)
    began = time.monotonic()
    way, need = choose_way(memory, train, plan, limit)
    if need > limit:
        raise StageRefusal(_advice(spec, memory, train, need, limit))
    works = step_work(train, plan, way.tokens_at_once)
    besides += time.monotonic() - began
    if way.recompute:
        del rehearsal
        gc.collect()
        rehearsal = Rehearsal(replace(spec, **asdict(way)), run, train, probes)
    rehearsal.trainer.tokens_at_once = way.tokens_at_once
    measured = rehearsal.perform(valid)
    facts = {
        **_estimate(spec, run, works, rehearsal.works(way), measured, valid, plan, besides),
        "peak_bytes": measured["peak_bytes"],
        "limit_bytes": limit,
        "chosen": asdict(way),
        "disk_bytes": _disk(spec, run, rehearsal.trainer, measured["checkpoint_bytes"]),
        "free_disk_bytes": machine.free_disk_bytes(run.path),
        "generated_tokens_per_s": rehearsal.generate((valid or train)[0]),
    }
    return [], facts


def _limit(spec: PreflightSpec) -> float:
    if spec.memory_limit_bytes:
        return float(spec.memory_limit_bytes)
    if torch.cuda.is_available():
        return SHARE_OF_FREE * torch.cuda.mem_get_info()[0]
    return machine.held_memory_bytes() + SHARE_OF_FREE * machine.free_memory_bytes()


def _check_weights(spec: PreflightSpec, run: RunDir, limit: float) -> None:
    """Before they are loaded: a model that does not even stand in memory would push out the rest of the clinic."""
    folder = ensure_hf_folder(installed(spec.base, Path(spec.models_dir)))
    count = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  (no dictionary)
                count += torch.Size(tensors.get_slice(name).get_shape()).numel()
    need = count * choose_precision(run).itemsize
    if need > limit:
        raise StageRefusal(
            f"The weights of {spec.base} alone take {gigabytes(need)} of memory; {gigabytes(limit)} are free here. "
            f"Choose a smaller base model, or see: manage.py machine_plan {spec.base}"
        )


def measure_memory(trainer: Trainer, rows: list[Row]) -> Memory:
    """From one forward pass of the shortest row: what it keeps for the way back, to the byte."""
    row = min(rows, key=lambda row: len(row["input_ids"]))
    packed = {name: tensor.to(trainer.args.device) for name, tensor in pack([row]).items()}
    weights = {p.untyped_storage()._cdata for p in trainer.model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        trainer.compute_loss(trainer.model, packed)
    text = trainer.model.config.get_text_config()
    logits = len(packed["targets"]) * text.vocab_size * FLOAT
    adapter = sum(p.nbytes for p in trainer.model.parameters() if p.requires_grad)
    return Memory(
        # Gradients and two moments of each adapter weight come with the first step.
        held_bytes=_held() + 3 * adapter,
        token_bytes=max(0, sum(s.nbytes() for s in kept.values()) - logits) / packed["input_ids"].shape[1],
        layers=text.num_hidden_layers,
        hidden_size=text.hidden_size,
        vocabulary=text.vocab_size,
    )


def _held() -> int:
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else machine.held_memory_bytes()


def _peak() -> int:
    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else machine.peak_memory_bytes()


def _advice(spec: PreflightSpec, memory: Memory, rows: list[Row], need: float, limit: float) -> str:
    """Why it cannot fit and what would: rows are named by their number of tokens alone."""
    fitting = [
        len(row["input_ids"])
        for index, row in enumerate(rows)
        if memory.need(passes(rows, [index], 0)[0], recompute=True) <= limit
    ]
    less = (
        f"leave out the {len(rows) - len(fitting)} records of more than {max(fitting):,} tokens, "
        if fitting
        else ""
    )
    longest = max(len(row["input_ids"]) for row in rows)
    return (
        f"Training {spec.base} takes {gigabytes(need)} of memory for the longest record ({longest:,} tokens); "
        f"{gigabytes(limit)} are free here. Close other programs, {less}lower the LoRA rank, or choose a smaller base "
        f"model. What machine would do: manage.py machine_plan {spec.base}"
    )


class Timer(TrainerCallback):
    """Times each step and its parts, and one checkpoint at the end."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.forward_s = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.began_at = self.last = time.monotonic()
        self.ready_s = machine.process_seconds()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.step_at, self.forward_s = time.monotonic(), 0.0

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.backward_at = time.monotonic()

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.optimizer_s = time.monotonic() - self.backward_at

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        now = time.monotonic()
        self.steps.append(
            {
                "seconds": now - self.last,
                "forward_s": self.forward_s,
                "backward_s": self.backward_at - self.step_at - self.forward_s,
                "optimizer_s": self.optimizer_s,
                "peak_bytes": _peak(),
            }
        )
        self.last = now
        control.should_save = state.global_step == state.max_steps
        if len(self.steps) == (state.max_steps + 1) // 2 and now - self.began_at > REPEAT_SECONDS:
            control.should_training_stop = control.should_save = True

    def on_save(self, *_: Any, **__: Any) -> None:
        self.save_s = time.monotonic() - self.last

    def time_forward(self, trainer: Trainer) -> None:
        forward = trainer.compute_loss

        def timed(*args: Any, **kwargs: Any) -> torch.Tensor:
            began = time.monotonic()
            loss = forward(*args, **kwargs)
            self.forward_s += time.monotonic() - began
            return loss

        trainer.compute_loss = timed


class Rehearsal:
    """A training of a few steps, the heaviest first, then the others, then all again; and all else it does, once.

    The heaviest takes the memory that the others are given again, as in a training after its first steps: what a new
    width then costs is the preparing of kernels alone.
    """

    def __init__(self, spec: PreflightSpec, run: RunDir, rows: list[Row], probes: list[Batch]) -> None:
        self.spec, self.run, self.rows = spec, run, rows
        self.plan = [probes[-1], *probes[:-1], *probes]  # the first one pays for all firsts
        self.timer = Timer()
        self.watch = Watch(spec, run, self.plan, [len(row["input_ids"]) for row in rows])
        self.watch.valid = []
        self.trainer = make_trainer(spec, run, rows, self.plan, [self.watch, self.timer])
        self.watch.trainer = self.trainer
        self.timer.time_forward(self.trainer)

    def works(self, way: Way) -> list[Work]:
        """Of the steps that were made."""
        return step_work(self.rows, self.plan, way.tokens_at_once)[: len(self.timer.steps)]

    def perform(self, valid: list[Row]) -> dict[str, Any]:
        try:
            self.trainer.train()
            if stop_requested():
                raise StageStopped
            written = [file for file in (self.run.path / "checkpoints").rglob("*") if file.is_file()]
            checkpoint = sum(file.stat().st_size for file in written)
        finally:
            for leftover in ("checkpoints", "checkpoints.tmp"):
                shutil.rmtree(self.run.path / leftover, ignore_errors=True)
        self.watch.valid = _some(valid[: self.spec.max_valid_rows])
        began = time.monotonic()
        if self.watch.valid:
            self.watch.measure_valid_loss()
        return {
            "ready_s": self.timer.ready_s,
            "steps": self.timer.steps,
            "save_s": self.timer.save_s,
            "checkpoint_bytes": checkpoint,
            "valid_s": time.monotonic() - began,
            "valid_tokens": _tokens(self.watch.valid),
            "peak_bytes": _peak(),
        }

    def generate(self, row: Row) -> float:
        """Tokens a second of a summary written by the trained model, its prompt read first."""
        model = self.trainer.model.get_base_model()
        if model.config._attn_implementation == PACKED:
            model.set_attn_implementation("sdpa")
        prompt = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label < 0]
        ids = torch.tensor([prompt], device=self.trainer.args.device)
        settings = {"do_sample": False, "min_new_tokens": NEW_TOKENS, "max_new_tokens": NEW_TOKENS}
        model.eval()
        began = time.monotonic()
        with torch.no_grad():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings)
        return NEW_TOKENS / (time.monotonic() - began)


def _some(rows: list[Row]) -> list[Row]:
    """Of all lengths, the longest among them."""
    return sorted(rows, key=lambda row: -len(row["input_ids"]))[:: max(1, len(rows) // VALID_PROBES)]


def _tokens(rows: list[Row]) -> int:
    return sum(len(row["input_ids"]) for row in rows)


def _estimate(
    spec: PreflightSpec,
    run: RunDir,
    works: list[Work],
    tried: list[Work],
    measured: dict[str, Any],
    valid: list[Row],
    plan: list[Batch],
    besides: float,
) -> dict[str, Any]:
    """Seconds of the whole training and of its parts."""
    steps = measured["steps"]
    fitted = fit_seconds(tried, [step["seconds"] for step in steps])
    first = max(0.0, steps[0]["seconds"] - float(predict_seconds(fitted, tried[:1])[0]))
    steps_s = float(predict_seconds(fitted, works).sum())
    share = _tokens(valid[: spec.max_valid_rows]) / max(1, measured["valid_tokens"])
    parts = {
        "loading": measured["ready_s"] - besides + first,
        "steps": steps_s,
        "validation": _evaluations(spec, run, plan) * measured["valid_s"] * share,
        "checkpoints": (1 + steps_s // spec.checkpoint_every_seconds) * measured["save_s"],
    }
    by_size = sorted(range(len(steps)), key=lambda number: (tried[number].tokens, number))
    longest, typical = by_size[-1], by_size[len(steps) // 2]
    return {
        "seconds": sum(parts.values()),
        "parts_s": parts,
        "steps": len(works),
        "tokens": sum(work.tokens for work in works),
        "longest": {"tokens": tried[longest].tokens, **steps[longest]},
        "typical": {"tokens": tried[typical].tokens, **steps[typical]},
        "seconds_per": dict(
            zip(("token", "attention", "answer", "width", "step"), map(float, fitted), strict=True)
        ),
    }


def _evaluations(spec: PreflightSpec, run: RunDir, plan: list[Batch]) -> int:
    """How often the train stage measures the validation loss: after each epoch, and at the end."""
    rows = 1 + max(index for batch in plan for index in batch)
    at = Watch(spec, run, plan, [1] * rows).epochs_at
    return 1 + sum(int(now) > int(before) for before, now in pairwise(at[:-1]))


def _disk(spec: PreflightSpec, run: RunDir, trainer: Trainer, checkpoint_bytes: int) -> dict[str, Any]:
    """What checkpoints and files take. Raises StageRefusal where the disk is too small."""
    parameters = list(trainer.model.parameters())
    needed = disk(
        sum(p.numel() for p in parameters if not p.requires_grad),
        sum(p.nbytes for p in parameters if p.requires_grad),
        spec.types,
    )
    free = machine.free_disk_bytes(run.path)
    if needed["needed"] > free:
        raise StageRefusal(
            f"This run needs {gigabytes(needed['needed'])} of disk for its checkpoints and files; {gigabytes(free)} "
            "are free. Make room, or choose fewer compressed files."
        )
    return {**needed, "checkpoint": checkpoint_bytes}


if __name__ == "__main__":
    start("preflight", main, stops_itself=True)
