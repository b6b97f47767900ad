"""Teach a smaller model what a larger one of the same tokenizer answers, token by token, on the summaries alone.

Reads the student (a base, or what the prune stage made), the teacher (the model that was tuned) and the prepared rows;
writes ``artifact/model``, an ordinary checkpoint. The steps, checkpoints and stopping are those of the train stage;
only the loss is another: the distance between the two models' probabilities at each token of the summary, blended with
the cross-entropy of the summary itself.

    python -m jobs.stages.distill RUNDIR

Where the student's vocabulary was trimmed, the teacher reads its own ids and its probabilities are taken over the
tokens that both have.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import PreTrainedModel

from jobs.catalogue import Installed, installed
from jobs.progress import report
from jobs.rundir import RunDir
from jobs.specs import DistillSpec
from jobs.stages.batches import Batch, enough_steps, plan_batches
from jobs.stages.checkpoints import newest_valid
from jobs.stages.divergence import divergence
from jobs.stages.entry import Output, StageRefusal, StageStopped, start, stop_requested
from jobs.stages.fused import fuse
from jobs.stages.packing import Row, answer_logits, completion_loss
from jobs.stages.prepared import read_prepared
from jobs.stages.sources import Source, Translation, load_source, save_source
from jobs.stages.train import Trainer, Watch, adapters, choose_precision, settings


def main(spec: DistillSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    report(run, done=0, total=0, unit="tokens", message="loading student and teacher")
    _refuse_private(spec)
    base = installed(spec.base, Path(spec.models_dir))
    student = load_source(base, spec.student, torch.float32 if spec.full else choose_precision(run))
    translation = Translation(student.kept)
    every = read_prepared(Path(spec.prepared), "train")
    train = translation.rows(every)
    if not every or len(train) < len(every):
        raise StageRefusal("Some rows hold tokens that the student lacks. Use the rows it was pruned with.")
    valid = translation.rows(read_prepared(Path(spec.prepared), "valid"))
    lengths = [len(row["input_ids"]) for row in train]
    plan = plan_batches(lengths, enough_steps(lengths, spec))
    watch = Watch(spec, run, plan, lengths)
    trainer = make_trainer(spec, run, student, _teacher(spec, base, run), train, plan, watch)
    watch.trainer, watch.valid = trainer, valid[: spec.max_valid_rows]
    checkpoint = newest_valid(run.path / "checkpoints")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        shutil.rmtree(trainer.args.output_dir, ignore_errors=True)  # what a full disk left half-written
    if stop_requested() and trainer.state.global_step < len(plan):
        raise StageStopped
    metrics = {**watch.summary(), "parameters": sum(each.numel() for each in student.model.parameters())}
    return [_save(spec, base, trainer, student, run, metrics)], metrics


def _refuse_private(spec: DistillSpec) -> None:
    """What a teacher may not remember of a row, a student that reads the same row could."""
    made = Path(spec.teacher) / "adapter" / "training.json"
    if spec.teacher and made.is_file() and json.loads(made.read_text())["spec"].get("dp_epsilon"):
        raise StageRefusal(
            "The teacher was trained with differential privacy, and distilling on its rows would undo it. "
            "Choose another teacher, or quantize this one without pruning."
        )


def _teacher(spec: DistillSpec, base: Installed, run: RunDir) -> Source | None:
    """None where the labels alone are learned from."""
    if spec.hard_share == 1:
        return None
    teacher = load_source(base, spec.teacher, choose_precision(run))
    if teacher.kept is not None:
        raise StageRefusal("The teacher's vocabulary was trimmed. Choose the model it was pruned from.")
    teacher.model.requires_grad_(False).eval()
    return teacher


def make_trainer(
    spec: DistillSpec,
    run: RunDir,
    student: Source,
    teacher: Source | None,
    rows: list[Row],
    plan: list[Batch],
    watch: Watch,
) -> "DistillTrainer":
    trainer = DistillTrainer(
        model=student.model,
        args=settings(spec, run, len(plan)),
        train_dataset=Dataset.from_list(rows),
        processing_class=student.tokenizer,
        peft_config=None if spec.full else adapters(spec),
        callbacks=[watch],
    )
    fuse(trainer.model)
    trainer.plan, trainer.spec, trainer.tokens_at_once = plan, spec, spec.tokens_at_once
    trainer.half = spec.full and choose_precision(run) is torch.bfloat16
    trainer.teacher = teacher.model if teacher else None
    trainer.kept = None if student.kept is None else torch.tensor(student.kept)
    return trainer


class DistillTrainer(Trainer):
    """The train stage's trainer, with a teacher."""

    spec: DistillSpec
    teacher: PreTrainedModel | None
    kept: torch.Tensor | None
    half: bool
    """Whether float32 weights, all of them learned, are multiplied in bfloat16."""

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """While training, the blended loss; otherwise the cross-entropy, to be compared with the train stage's."""
        student = self.accelerator.unwrap_model(model)
        student = student.get_base_model() if isinstance(student, PeftModel) else student
        with self._precision():
            if self.teacher is None or not model.training:
                return completion_loss(student, inputs)
            logits, hard = answer_logits(student, inputs), self.spec.hard_share
            soft = divergence(
                logits,
                self._teacher_logits(inputs),
                self.spec.divergence,
                beta=self.spec.beta,
                temperature=self.spec.temperature,
            )
            if not hard:
                return soft
            labels = torch.nn.functional.cross_entropy(logits.float(), inputs["targets"])
            return hard * labels + (1 - hard) * soft

    @torch.no_grad()
    def _teacher_logits(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        assert self.teacher is not None
        if self.kept is None:
            return answer_logits(self.teacher, inputs)
        kept = self.kept.to(inputs["input_ids"].device)
        return answer_logits(self.teacher, {**inputs, "input_ids": kept[inputs["input_ids"]]})[:, kept]

    @contextmanager
    def _precision(self) -> Iterator[None]:
        with torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.half):
            yield


def _save(
    spec: DistillSpec,
    base: Installed,
    trainer: DistillTrainer,
    student: Source,
    run: RunDir,
    metrics: dict[str, Any],
) -> Output:
    """The student with what it learned; adapters are merged in 32 bits, whatever they were trained beside."""
    model: PreTrainedModel = trainer.model
    if not spec.full:
        adapter = run.path / "adapter"
        model.save_pretrained(adapter, safe_serialization=True)
        model = PeftModel.from_pretrained(
            load_source(base, spec.student).model, adapter, local_files_only=True
        )
        model = model.merge_and_unload(safe_merge=True)
        shutil.rmtree(adapter)
    learned = Source(model, student.tokenizer, student.kept)
    output = save_source(learned, run.artifact, {"spec": spec.to_json(), "metrics": metrics})
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    output.facts |= {"base": spec.base, "parameters": metrics["parameters"]}
    return output


if __name__ == "__main__":
    start("distill", main, stops_itself=True)
