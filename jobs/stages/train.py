"""Fine-tune LoRA adapters on prepared rows, on the summary's tokens only.

Reads ``{train,valid}.jsonl`` of the prepare stage; writes checkpoints while it works and
``artifact/adapter/`` at the end. SIGTERM saves a checkpoint and stops; started again, it goes on from the
newest valid one.

    python -m jobs.stages.train RUNDIR

What makes it four times as fast on a CPU as the library's defaults: rows of like length share a batch, the
output layer runs only where there is a label, and the allocator keeps its pages (see ``jobs.supervisor``).
"""

import json
import random
import shutil
import time
from dataclasses import replace
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
from jobs.stages.checkpoints import newest_valid, publish
from jobs.stages.entry import Output, StageRefusal, StageStopped, start, stop_requested
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer

Row = dict[str, Any]
Batch = list[int]
"""Indices of the rows in one optimizer step."""
MIN_STEPS = 60


def main(spec: TrainSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    report(run, done=0, total=0, unit="tokens", message="loading the base model")
    base = installed(spec.base, Path(spec.models_dir))
    train, valid = (read_prepared(Path(spec.prepared), split) for split in ("train", "valid"))
    if not train:
        raise StageRefusal("There are no prepared training rows. Run the prepare stage again.")
    lengths = [len(row["input_ids"]) for row in train]
    plan = plan_batches(lengths, enough_steps(lengths, spec))
    folder = ensure_hf_folder(base)
    watch = Watch(spec, run, plan, lengths)
    trainer = Trainer(
        # A CPU without matrix units for it takes twice as long over bf16.
        model=load_model(folder, torch.bfloat16 if torch.cuda.is_available() else torch.float32),
        args=_settings(spec, run, len(plan)),
        train_dataset=Dataset.from_list(train),
        processing_class=load_tokenizer(folder, base),
        peft_config=LoraConfig(
            r=spec.lora_rank,
            lora_alpha=spec.lora_alpha,
            lora_dropout=spec.lora_dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[watch],
    )
    trainer.plan, watch.trainer, watch.valid = plan, trainer, valid[: spec.max_valid_rows]
    checkpoint = newest_valid(run.path / "checkpoints")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        shutil.rmtree(trainer.args.output_dir, ignore_errors=True)  # what a full disk left half-written
    if stop_requested() and trainer.state.global_step < len(plan):
        raise StageStopped
    metrics = watch.summary()
    return _save(trainer, spec, run, metrics), metrics


def read_prepared(folder: Path, split: str) -> list[Row]:
    """Rows {input_ids, labels}; the label is -100 on the prompt's tokens."""
    lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        {
            "input_ids": row["prompt"] + row["completion"],
            "labels": [-100] * len(row["prompt"]) + row["completion"],
        }
        for row in rows
    ]


def enough_steps(lengths: list[int], spec: TrainSpec) -> TrainSpec:
    """The spec with batches small enough for ``MIN_STEPS``: sixteen steps left a model worse than its base."""
    budget = int(sum(lengths) * spec.epochs) // MIN_STEPS
    return replace(spec, tokens_per_batch=max(64, min(spec.tokens_per_batch, budget)))


def plan_batches(lengths: list[int], spec: TrainSpec) -> list[Batch]:
    """Every batch of the whole run in order, at most ``tokens_per_batch`` padded tokens each.

    The plan depends on the seed alone, so a resumed run needs no more than the number of its step.
    """
    plan: list[Batch] = []
    whole, part = divmod(spec.epochs, 1)
    for epoch in range(int(whole) + (part > 0)):
        rng = random.Random(f"{spec.seed}-{epoch}")
        # Like lengths together; the noise keeps the same rows from meeting in every epoch.
        order = sorted(range(len(lengths)), key=lambda i: lengths[i] * rng.uniform(0.9, 1.1))
        batches: list[Batch] = [[]]
        for index in order:
            longest = max(lengths[i] for i in [*batches[-1], index])
            if batches[-1] and longest * (len(batches[-1]) + 1) > spec.tokens_per_batch:
                batches.append([])
            batches[-1].append(index)
        rng.shuffle(batches)
        share = part if epoch == int(whole) else 1.0
        plan += batches[: max(1, round(share * len(batches)))]
    return plan


class Trainer(SFTTrainer):
    """trl's trainer on a plan made beforehand."""

    plan: list[Batch]

    def get_train_dataloader(self) -> DataLoader:
        return self.accelerator.prepare(
            DataLoader(
                self.plan, batch_size=1, shuffle=False, collate_fn=lambda batches: self.collate(batches[0])
            )
        )

    def collate(self, batch: Batch) -> dict[str, torch.Tensor]:
        return pad([self.train_dataset[index] for index in batch])

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Mean cross-entropy of the labelled tokens. On a GPU, trl's own, which is as sparing there."""
        if self.args.device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return completion_loss(self.accelerator.unwrap_model(model).get_base_model(), inputs)


def pad(rows: list[Row]) -> dict[str, torch.Tensor]:
    """Rows as tensors of shape (rows, longest row), padded on the right."""
    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    # Padding is told by the mask and the labels, never by its token: where it equals the end-of-turn token,
    # masking by token would keep the model from learning to stop.
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows])
    return {"input_ids": filled("input_ids", 0), "labels": filled("labels", -100), "attention_mask": mask}


def completion_loss(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy over the labelled tokens of (rows, width) inputs, with logits for those alone.

    Three quarters of the tokens are prompt; logits for them would cost a fifth (SmolLM2) to a half (Gemma) of
    a step.
    """
    hidden = model.base_model(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
    ).last_hidden_state
    targets = inputs["labels"][:, 1:]
    labelled = targets != -100
    logits = model.get_output_embeddings()(hidden[:, :-1][labelled])
    return torch.nn.functional.cross_entropy(logits.float(), targets[labelled])


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

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        # The loss of this step is logged before it is saved, so that the last line and the checkpoint agree.
        control.should_log = True
        before, now = self.epochs_at[state.global_step - 1 : state.global_step + 1]
        if self.valid and (int(now) > int(before) or state.global_step == state.max_steps):
            self.valid_loss = self._measure_valid_loss()
        if stop_requested():
            control.should_save = control.should_training_stop = True
        elif time.monotonic() - self.saved_at > self.spec.checkpoint_every_seconds:
            control.should_save = state.global_step < state.max_steps

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        if "loss" not in logs:
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
        publish(written, self.run.path / "checkpoints", state.global_step)
        self.saved_at = time.monotonic()

    def _measure_valid_loss(self) -> float:
        """Mean loss per summary token over the validation rows, one row at a time."""
        model = self.trainer.model
        model.eval()
        total = count = 0.0
        with torch.no_grad():
            for row in self.valid:
                inputs = {name: tensor.to(self.trainer.args.device) for name, tensor in pad([row]).items()}
                labels = sum(label != -100 for label in row["labels"])
                total += labels * completion_loss(model.get_base_model(), inputs).item()
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


def _settings(spec: TrainSpec, run: RunDir, steps: int) -> SFTConfig:
    on_gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(run.path / "checkpoints.tmp"),
        max_steps=steps,
        per_device_train_batch_size=1,
        learning_rate=spec.learning_rate,
        lr_scheduler_type="cosine",
        # Whole steps: a fraction rounds up, and a run of ten steps would spend its first one at a rate of 0.
        warmup_steps=steps * 3 // 100,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=on_gpu,
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
