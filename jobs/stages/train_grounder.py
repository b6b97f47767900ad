"""Train the detector that says whether a record bears a sentence out: a cross-encoder, and the decision that joins it with the checks.

A BERT encoder reads evidence and claim together and tells supported, contradicted and absent apart. With a teacher, a
student of half its layers learns from it (DistilBERT, Sanh et al. 2019, arXiv:1910.01108). The decision, its calibration
and its thresholds are fitted on held-out rows that the int8 model reads, the one that is shipped.

Reads spec.json and its examples, JSON lines of {evidence, claim, label, category, features, held_out, text}
(grounding.training). Writes artifact/hf (safetensors), artifact/onnx/{model.onnx, tokenizer.json, card.json}, progress.jsonl.

    python -m jobs.stages.train_grounder var/runs/grounder/1-teacher
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, BertForSequenceClassification

from grounding.decision import Decision, unread
from grounding.detector import LABELS, CrossEncoder, encode, prepare
from grounding.fitting import fit_rows
from grounding.scoring import area_under_curve
from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.specs import GrounderSpec
from jobs.stages.encoder_batches import batches, width_of
from jobs.stages.encoder_student import student_of
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.onnx_io import export
from jobs.stages.precision import bfloat16_is_quicker

TEMPERATURE = 2.0


@dataclass(frozen=True)
class Example:
    ids: np.ndarray
    types: np.ndarray
    label: int


def main(spec: GrounderSpec, run: RunDir) -> tuple[list[Output], dict[str, float]]:
    torch.manual_seed(spec.seed)
    base = installed(spec.base, Path(spec.models_dir))
    tokenizer_file = base.hf / "tokenizer.json"
    rows = read_rows(Path(spec.examples), spec.examples_sha256)
    held_out = [row for row in rows if row["held_out"]]
    train = tokenized([row for row in rows if not row["held_out"]], tokenizer_file)
    teacher = load(Path(spec.teacher)) if spec.teacher else None
    model = student_of(teacher) if teacher else fresh(base.hf)
    trained = train_model(model, teacher, train, spec, run)
    model.save_pretrained(run.artifact / "hf")
    card = {"base": spec.base, "layers": model.config.num_hidden_layers, "labels": LABELS, "seed": spec.seed,
            "epochs": spec.epochs, "examples": len(train), "examples_sha256": spec.examples_sha256, **trained}  # fmt: skip
    folder = run.artifact / "onnx"
    export(model, tokenizer_file, folder, card)
    decision, measured = decide(CrossEncoder(folder), held_out)
    made = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    write_json_atomic(folder / "card.json", {**made, **measured, "decision": decision.to_card()})
    return [Output("grounder", folder / "model.onnx")], {**trained, **measured}


def read_rows(path: Path, sha256: str) -> list[dict]:
    if not path.is_file() or file_sha256(path) != sha256:
        raise StageRefusal("The examples are not those of the spec. Compose them again.")
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if not all(any(row["held_out"] is side for row in rows) for side in (True, False)):
        raise StageRefusal("The examples need rows to train on and rows held out. Compose more.")
    return rows


def tokenized(rows: list[dict], tokenizer_file: Path) -> list[Example]:
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    prepare(tokenizer)
    examples = []
    for row in rows:
        ids, types = encode(tokenizer, row["evidence"], row["claim"])
        examples.append(Example(np.array(ids), np.array(types), LABELS.index(row["label"])))
    return examples


def fresh(folder: Path) -> BertForSequenceClassification:
    """The base encoder with a new head that tells LABELS apart."""
    # Dropout costs a third of a step on a CPU, and no row is seen often.
    config = AutoConfig.from_pretrained(
        folder, num_labels=len(LABELS), local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )  # fmt: skip
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: number for number, label in enumerate(LABELS)}
    encoder = AutoModel.from_pretrained(
        folder, config=config, local_files_only=True, add_pooling_layer=True, dtype=torch.float32
    )
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(encoder.state_dict())
    return model


def load(folder: Path) -> BertForSequenceClassification:
    return BertForSequenceClassification.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32
    ).eval()


def padded(batch: list[Example]) -> dict[str, torch.Tensor]:
    width = max(map(width_of, batch))

    def stack(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack([np.pad(a, (0, width - len(a))) for a in arrays]))

    return {
        "input_ids": stack([example.ids for example in batch]),
        "attention_mask": stack([np.ones_like(example.ids) for example in batch]),
        "token_type_ids": stack([example.types for example in batch]),
        "labels": torch.tensor([example.label for example in batch]),
    }


def train_model(model, teacher, train: list[Example], spec: GrounderSpec, run: RunDir) -> dict[str, float]:
    # The word vectors stay as pre-training left them: rare drugs keep their neighbours, and a step costs a third less.
    model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    model.train()
    tokens = sum(width_of(example) for example in train)
    steps = max(1, math.ceil(spec.epochs * tokens / spec.tokens_per_batch))
    optimizer = torch.optim.AdamW(
        [each for each in model.parameters() if each.requires_grad], lr=spec.learning_rate, weight_decay=0.01
    )
    source = batches(train, spec.tokens_per_batch, Random(spec.seed))
    began, seen, smooth, share = time.monotonic(), 0, 0.0, 0.0
    while share < 1:
        batch = padded(next(source))
        for group in optimizer.param_groups:
            # By the steps done or the time used, whichever is further: a slow machine ends in time, and ends cooled.
            group["lr"] = spec.learning_rate * min(1.0, (seen + 1) / (0.05 * steps), (1.02 - share) / 0.9)
        loss = loss_of(model, teacher, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen += 1
        spent = time.monotonic() - began
        share = max(seen / steps, spent / spec.max_seconds)
        smooth = loss.item() if seen == 1 else 0.98 * smooth + 0.02 * loss.item()
        if seen % 10 == 0 or share >= 1:
            left = spent / share - spent
            report(run, done=seen, total=steps, unit="steps", seconds_left=round(left), loss=round(smooth, 4))
    return {"loss": round(smooth, 4), "steps": seen, "seconds": round(time.monotonic() - began)}


def loss_of(model, teacher, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16_is_quicker()):
        logits = model(**{name: each for name, each in batch.items() if name != "labels"}).logits.float()
    hard = F.cross_entropy(logits, batch["labels"], label_smoothing=0.05)
    if teacher is None:
        return hard
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16_is_quicker()):
        taught = teacher(**{name: each for name, each in batch.items() if name != "labels"}).logits.float()
    soft = F.kl_div(
        F.log_softmax(logits / TEMPERATURE, -1), F.log_softmax(taught / TEMPERATURE, -1), reduction="batchmean", log_target=True
    )  # fmt: skip
    return 0.3 * hard + 0.7 * TEMPERATURE**2 * soft


def decide(encoder: CrossEncoder, rows: list[dict]) -> tuple[Decision, dict[str, float]]:
    """The decision fitted on held-out rows; what it does, and what the encoder and the checks do alone."""
    logs = encoder.read([(row["evidence"], row["claim"]) for row in rows])
    decision, measured = fit_rows(rows, logs)
    _, alone = fit_rows(rows, unread(len(rows)))
    single = [n for n, row in enumerate(rows) if row["text"] < 0]
    goal = [float(rows[n]["label"] != "supported") for n in single]
    read_alone = area_under_curve((-logs[single, 0]).tolist(), goal)
    return decision, {**measured, "auroc_encoder": round(read_alone, 4), "auroc_checks": alone["auroc"]}


if __name__ == "__main__":
    start("train_grounder", main)
