"""Fine-tune LoRA adapters on prepared rows, on the summary's tokens only.

Reads ``{train,valid}.jsonl`` of the prepare stage; writes checkpoints while it works and
``artifact/adapter/`` at the end. SIGTERM saves a checkpoint and stops; started again, it goes on from the
newest valid one.

    python -m jobs.stages.train RUNDIR

What makes it several times as fast on a CPU as the library's defaults: rows are packed without padding, the
system prompt they share is paid for once a batch, the output layer runs only where there is a label, products
are bfloat16 where the processor is quicker with it, and the allocator keeps its pages (see ``jobs.supervisor``).
"""

import json
import shutil
import time
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTConfig, SFTTrainer

from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import TrainSpec
from jobs.stages.batches import Batch, enough_steps, plan_batches
from jobs.stages.checkpoints import newest_valid, publish
from jobs.stages.entry import (
    Output,
    StageRefusal,
    StageStopped,
    leads,
    start,
    stop_requested,
)
from jobs.stages.fused import fuse
from jobs.stages.packing import Row, completion_loss, pack
from jobs.stages.precision import bfloat16_is_quicker
from jobs.stages.prepared import read_prepared
from jobs.stages.private_sgd import Privacy, forget_seed, privacy_of, set_private_gradients
from jobs.stages.several import spread, team
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer


def main(spec: TrainSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    if leads():
        report(run, done=0, total=0, unit="tokens", message="loading the base model")
    if team().size > 1 and spec.dp_epsilon:
        raise StageRefusal(
            "Private training (dp_epsilon) is for one process. Start it without accelerate launch."
        )
    train, valid = (read_prepared(Path(spec.prepared), split) for split in ("train", "valid"))
    if not train:
        raise StageRefusal("There are no prepared training rows. Run the prepare stage again.")
    lengths = [len(row["input_ids"]) for row in train]
    privacy = privacy_of(spec, len(train), run)
    plan = privacy.plan(len(train)) if privacy else plan_batches(lengths, enough_steps(lengths, spec))
    watch = Watch(spec, run, plan, lengths)
    trainer = make_trainer(spec, run, train, plan, [watch])
    watch.trainer, watch.valid, trainer.privacy = trainer, valid[: spec.max_valid_rows], privacy
    checkpoint = newest_valid(run.path / "checkpoints")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        if leads():
            shutil.rmtree(trainer.args.output_dir, ignore_errors=True)  # what a full disk left half-written
    if trainer.state.global_step < len(plan):
        raise StageStopped
    metrics = watch.summary() | ({"privacy": privacy.facts()} if privacy else {})
    if not leads():
        return [], metrics
    outputs = _save(trainer, spec, run, metrics)
    forget_seed(run)
    return outputs, metrics


def make_trainer(
    spec: TrainSpec, run: RunDir, rows: list[Row], plan: list[Batch], callbacks: list[TrainerCallback]
) -> "Trainer":
    """The base model with fresh adapters, ready for the steps of ``plan``."""
    base = installed(spec.base, Path(spec.models_dir))
    folder = ensure_hf_folder(base)
    trainer = Trainer(
        model=load_model(folder, choose_precision(run), four_bits=spec.method == "qlora"),
        args=settings(spec, run, len(plan)),
        train_dataset=Dataset.from_list(rows),
        processing_class=load_tokenizer(folder, base),
        peft_config=adapters(spec),
        callbacks=callbacks,
    )
    fuse(trainer.model)
    # Else accelerate would wrap what several processes share into DDP.
    trainer.model._is_accelerate_prepared = team().size > 1
    trainer.plan, trainer.label_smoothing = plan, spec.label_smoothing
    trainer.tokens_at_once = spec.tokens_at_once
    return trainer


def adapters(spec: TrainSpec) -> LoraConfig:
    return LoraConfig(
        r=spec.lora_rank,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        use_rslora=spec.method == "rslora",
        use_dora=spec.method == "dora",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def choose_precision(run: RunDir) -> torch.dtype:
    """Of the frozen weights and what passes through them; the adapters are float32 always.

    Chosen once a run: a resumed one goes on with the numbers it began with.
    """
    choice = run.path / "precision.json"
    if leads() and not choice.is_file():
        half = torch.cuda.is_available() or bfloat16_is_quicker()
        write_json_atomic(choice, {"dtype": "bfloat16" if half else "float32"})
    team().wait()
    dtype: torch.dtype = getattr(torch, json.loads(choice.read_text(encoding="utf-8"))["dtype"])
    return dtype


class Trainer(SFTTrainer):
    """trl's trainer on packed batches of a plan made beforehand."""

    plan: list[Batch]
    label_smoothing: float = 0.0
    tokens_at_once: int = 0
    privacy: Privacy | None = None
    loss_of_all: torch.nn.Module | None = None
    """Of a model whose weights are spread over several processes."""

    def _move_model_to_device(self, model: torch.nn.Module, device: torch.device) -> None:
        if team().size == 1:
            super()._move_model_to_device(model, device)
        else:
            self.loss_of_all = spread(model.get_base_model(), device)

    def get_train_dataloader(self) -> DataLoader:
        loader = DataLoader(
            self.plan, batch_size=1, shuffle=False, collate_fn=lambda batches: self.collate(batches[0])
        )
        # Of several processes each takes its share of every batch, not every second batch.
        return self.accelerator.prepare(loader) if team().size == 1 else loader

    def collate(self, batch: Batch) -> dict[str, list[dict[str, torch.Tensor]]]:
        rows = [self.train_dataset[index] for index in batch]
        if self.privacy:  # Each row has a gradient of its own; a step may have drawn none.
            return {"parts": [pack([row]) for row in rows]}
        parts, idle = team().share([len(row["input_ids"]) for row in rows], self.tokens_at_once)
        shortest = min(rows, key=lambda row: len(row["input_ids"]))
        return {
            "parts": [pack([rows[i] for i in part]) for part in parts],
            "idle": [pack([shortest])] * idle,
        }

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, list[dict[str, torch.Tensor]]],
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One batch, part by part where memory is short: loss and gradient are those of the whole."""
        model.train()
        inputs = self._prepare_inputs(inputs)
        parts = inputs["parts"]
        if self.privacy:
            adapters = [parameter for parameter in model.parameters() if parameter.requires_grad]
            losses = [partial(self.compute_loss, model, part) for part in parts]
            return set_private_gradients(adapters, losses, self.privacy, self.state.global_step)
        learned = sum(len(part["targets"]) for part in parts)
        whole = torch.zeros((), device=self.args.device)
        for part in parts:
            loss = self.compute_loss(model, part) * (len(part["targets"]) / learned)
            self.accelerator.backward(loss)
            whole += loss.detach()
        if team().size == 1:
            return whole
        for part in inputs["idle"]:  # The others are still at it, and weights are gathered from all.
            self.accelerator.backward(0 * self.compute_loss(model, part))
        return team().average(model, whole, learned)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Mean cross-entropy of the learned tokens."""
        smoothing = self.label_smoothing if model.training else 0.0
        if self.loss_of_all is not None:
            return self.loss_of_all(inputs, smoothing)
        return completion_loss(self.accelerator.unwrap_model(model).get_base_model(), inputs, smoothing)


class Watch(TrainerCallback):
    """Reports each step, saves by the clock, measures valid loss after each epoch, and stops when asked."""

    trainer: Trainer
    valid: list[Row]

    def __init__(self, spec: TrainSpec, run: RunDir, plan: list[Batch], lengths: list[int]) -> None:
        self.spec, self.run = spec, run
        self.tokens_at = list(accumulate((sum(lengths[row] for row in batch) for batch in plan), initial=0))
        self.epochs_at = [rows / len(lengths) for rows in accumulate(map(len, plan), initial=0)]
        self.losses: list[float] = []
        self.valid_loss: float | None = None

    def on_train_begin(self, _args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        self.began_at = self.saved_at = time.monotonic()
        self.began_with = self.tokens_at[state.global_step]
        team().draw_apart(self.spec.seed)

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        # The loss of this step is logged before it is saved, so that the last line and the checkpoint agree.
        control.should_log = True
        before, now = self.epochs_at[state.global_step - 1 : state.global_step + 1]
        if self.valid and (int(now) > int(before) or state.global_step == state.max_steps):
            self.valid_loss = self.measure_valid_loss()
        late = time.monotonic() - self.saved_at > self.spec.checkpoint_every_seconds
        stop, late = team().any(stop_requested(), late)
        control.should_training_stop = stop
        control.should_save = stop or (late and state.global_step < state.max_steps)

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        if "loss" not in logs or not leads():
            return
        self.losses.append(logs["loss"])
        done, total = self.tokens_at[state.global_step], self.tokens_at[-1]
        seconds = time.monotonic() - self.began_at
        speed = (done - self.began_with) / seconds
        measured = {} if self.valid_loss is None else {"valid_loss": self.valid_loss}
        report(
            self.run,
            done=done,
            total=total,
            unit="tokens",
            message=f"step {state.global_step} of {state.max_steps}",
            seconds_left=(total - done) / speed,
            step=state.global_step,
            epoch=self.epochs_at[state.global_step],
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            tokens_per_s=speed,
            **measured,
        )

    def on_save(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        team().wait()  # Each process adds its random numbers' state.
        if leads():
            publish(written, self.run.path / "checkpoints", state.global_step)
        self.saved_at = time.monotonic()

    def measure_valid_loss(self) -> float:
        """Mean loss per summary token over the validation rows, one row at a time."""
        model = self.trainer.model
        model.eval()
        total = count = 0.0
        with torch.no_grad():
            for row in self.valid:
                inputs = {name: tensor.to(self.trainer.args.device) for name, tensor in pack([row]).items()}
                labels = len(inputs["targets"])
                total += labels * self.trainer.compute_loss(model, inputs).item()
                count += labels
        model.train()
        return total / count

    def summary(self) -> dict[str, Any]:
        seconds = max(time.monotonic() - self.began_at, 1e-9)
        return {
            "train_loss": sum(self.losses[-10:]) / len(self.losses[-10:]) if self.losses else None,
            "valid_loss": self.valid_loss,
            "steps": len(self.tokens_at) - 1,
            "tokens": self.tokens_at[-1],
            "tokens_per_s": (self.tokens_at[-1] - self.began_with) / seconds,
        }


def settings(spec: TrainSpec, run: RunDir, steps: int) -> SFTConfig:
    on_gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(run.path / "checkpoints.tmp"),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=spec.learning_rate,
        lr_scheduler_type="cosine",
        # Whole steps: a fraction rounds up, and a run of ten steps would spend its first one at a rate of 0.
        warmup_steps=steps * 3 // 100,
        neftune_noise_alpha=spec.neftune_alpha or None,
        bf16=False,  # The weights are in the right format already.
        use_cpu=not on_gpu,
        gradient_checkpointing=on_gpu or spec.recompute,
        max_length=None,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=spec.seed,
    )


def _save(trainer: Trainer, spec: TrainSpec, run: RunDir, metrics: dict[str, Any]) -> list[Output]:
    """The adapter and beside it how it was made, in place by rename; the checkpoints have served."""
    fresh, goal = run.artifact / ".adapter", run.artifact / "adapter"
    shutil.rmtree(fresh, ignore_errors=True)
    trainer.model.save_pretrained(fresh, safe_serialization=True)
    write_json_atomic(fresh / "training.json", {"spec": spec.to_json(), "metrics": metrics})
    shutil.rmtree(goal, ignore_errors=True)
    fresh.rename(goal)
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    return [Output("adapter", goal / "adapter_model.safetensors", {"base": spec.base})]


if __name__ == "__main__":
    start("train", main, stops_itself=True)
