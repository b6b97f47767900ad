"""Train the tagger that finds identifiers: a BERT encoder with a label for every word piece, exported to int8 ONNX.

Without a teacher the whole encoder is fine-tuned. With one, a student of half its layers learns from it: every
other layer as the start, the teacher's softened labels and last hidden states beside the true labels (DistilBERT,
Sanh et al. 2019, arXiv:1910.01108).

Reads spec.json and its examples, JSON lines of {text, spans: [{start, end, label}], held_out}. Writes
artifact/hf (safetensors), artifact/onnx/{model.onnx, tokenizer.json, card.json}, progress.jsonl.

    python -m jobs.stages.train_tagger var/runs/tagger/1-teacher
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, BertForTokenClassification

from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, file_sha256
from jobs.specs import TaggerSpec
from jobs.stages.encoder_batches import batches, width_of
from jobs.stages.encoder_student import student_of
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.onnx_io import export
from jobs.stages.precision import bfloat16_is_quicker
from privacy.kinds import Kind
from privacy.tagger import CASES, LABELS, encode, family, load_tokenizer

IGNORED = -100
MAX_TOKENS = 190
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Example:
    ids: np.ndarray
    cases: np.ndarray
    labels: np.ndarray


def main(spec: TaggerSpec, run: RunDir) -> tuple[list[Output], dict[str, float]]:
    torch.manual_seed(spec.seed)
    base = installed(spec.base, Path(spec.models_dir))
    tokenizer_file = base.hf / "tokenizer.json"
    train, held_out = read_examples(Path(spec.examples), spec.examples_sha256, tokenizer_file)
    teacher = load(Path(spec.teacher)) if spec.teacher else None
    model = student_of(teacher) if teacher else fresh(base.hf)
    trained = fit(model, teacher, train, spec, run)
    metrics = {**trained, **measure(model, held_out)}
    save(model, run.artifact, tokenizer_file, metrics, spec)
    return [Output("tagger", run.artifact / "onnx" / "model.onnx")], metrics


def read_examples(path: Path, sha256: str, tokenizer_file: Path) -> tuple[list[Example], list[Example]]:
    """Training and held-out examples as tokens and labels, long ones cut at MAX_TOKENS."""
    if not path.is_file() or file_sha256(path) != sha256:
        raise StageRefusal("The examples are not those of the spec. Compose them again.")
    tokenizer = load_tokenizer(tokenizer_file)
    first, last = (tokenizer.token_to_id(each) for each in ("[CLS]", "[SEP]"))
    train: list[Example] = []
    held_out: list[Example] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            encoded = encode(tokenizer, row["text"])
            labels = labels_of(encoded.starts, encoded.ends, row["spans"])
            kept = slice(0, MAX_TOKENS)
            example = Example(
                np.array([first, *encoded.ids[kept], last]),
                np.array([0, *encoded.cases[kept], 0]),
                np.array([IGNORED, *labels[kept], IGNORED]),
            )
            (held_out if row["held_out"] else train).append(example)
    return train, held_out


def labels_of(starts: np.ndarray, ends: np.ndarray, spans: list[dict]) -> np.ndarray:
    """A label for every token: B for the first of a span, I for the others that overlap it, O elsewhere."""
    labels = np.zeros(len(starts), dtype=np.int64)
    for span in spans:
        inside = np.flatnonzero((starts < span["end"]) & (ends > span["start"]))
        if len(inside):
            label = LABELS.index(f"B-{family(Kind(span['label']))}")
            labels[inside[0]], labels[inside[1:]] = label, label + 1
    return labels


def fresh(folder: Path) -> BertForTokenClassification:
    """The base encoder with a new head, and a case embedding that starts as its first token type."""
    # Dropout costs a third of a step on a CPU (random numbers come from one thread), and no text is seen twice here.
    config = AutoConfig.from_pretrained(
        folder,
        num_labels=len(LABELS),
        local_files_only=True,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: number for number, label in enumerate(LABELS)}
    encoder = AutoModel.from_pretrained(
        folder, config=config, local_files_only=True, add_pooling_layer=False, dtype=torch.float32
    )
    types = encoder.embeddings.token_type_embeddings.weight.data[:1]
    encoder.embeddings.token_type_embeddings = nn.Embedding.from_pretrained(
        types.repeat(CASES, 1), freeze=False
    )
    config.type_vocab_size = CASES
    model = BertForTokenClassification(config)
    model.bert.load_state_dict(encoder.state_dict())
    return model


def load(folder: Path) -> BertForTokenClassification:
    return BertForTokenClassification.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32
    ).eval()


def padded(batch: list[Example]) -> dict[str, torch.Tensor]:
    width = max(map(width_of, batch))

    def stack(arrays: list[np.ndarray], fill: int) -> torch.Tensor:
        return torch.from_numpy(
            np.stack([np.pad(a, (0, width - len(a)), constant_values=fill) for a in arrays])
        )

    return {
        "input_ids": stack([example.ids for example in batch], 0),
        "attention_mask": stack([np.ones_like(example.ids) for example in batch], 0),
        "token_type_ids": stack([example.cases for example in batch], 0),
        "labels": stack([example.labels for example in batch], IGNORED),
    }


def fit(model, teacher, train: list[Example], spec: TaggerSpec, run: RunDir) -> dict[str, float]:
    # The word vectors stay as pre-training left them: rare names keep their neighbours, and a step costs a third less.
    model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    model.train()
    tokens = sum(len(example.ids) for example in train)
    steps = max(1, math.ceil(spec.epochs * tokens / spec.tokens_per_batch))
    optimizer = torch.optim.AdamW(
        [each for each in model.parameters() if each.requires_grad], lr=spec.learning_rate, weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, spec.learning_rate, steps, pct_start=0.1, anneal_strategy="linear"
    )
    source = batches(train, spec.tokens_per_batch, Random(spec.seed))
    began, seen, smooth = time.monotonic(), 0, 0.0
    for step in range(1, steps + 1):
        batch = padded(next(source))
        loss = loss_of(model, teacher, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        seen += int(batch["attention_mask"].sum())
        smooth = loss.item() if step == 1 else 0.97 * smooth + 0.03 * loss.item()
        if step % 10 == 0 or step == steps:
            rate = seen / (time.monotonic() - began)
            left = (steps - step) * (time.monotonic() - began) / step
            facts = {"loss": round(smooth, 4), "tokens_per_s": round(rate)}
            report(run, done=step, total=steps, unit="steps", seconds_left=round(left), **facts)
    return {"loss": round(smooth, 4), "tokens": seen, "seconds": round(time.monotonic() - began)}


def loss_of(model, teacher, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16_is_quicker()):
        out = model(**batch, output_hidden_states=teacher is not None)
        if teacher is None:
            return out.loss
        with torch.no_grad():
            taught = teacher(**batch, output_hidden_states=True)
    real = batch["labels"] != IGNORED
    soft = F.kl_div(
        F.log_softmax(out.logits[real].float() / TEMPERATURE, -1),
        F.log_softmax(taught.logits[real].float() / TEMPERATURE, -1),
        reduction="batchmean",
        log_target=True,
    )
    hidden = (
        1 - F.cosine_similarity(out.hidden_states[-1][real], taught.hidden_states[-1][real], dim=-1).mean()
    )
    return 0.3 * out.loss + 0.7 * TEMPERATURE**2 * soft + 0.2 * hidden


@torch.no_grad()
def measure(model: BertForTokenClassification, held_out: list[Example]) -> dict[str, float]:
    """Share of held-out identifier tokens seen as any identifier, and of other tokens taken for one."""
    model.eval()
    hits = wanted = false = others = 0
    for first in range(0, len(held_out), 64):
        batch = padded(held_out[first : first + 64])
        labels = batch.pop("labels")
        found = model(**batch).logits.argmax(-1) > 0
        phi, plain = labels > 0, labels == 0
        hits, wanted = hits + int((found & phi).sum()), wanted + int(phi.sum())
        false, others = false + int((found & plain).sum()), others + int(plain.sum())
    return {
        "token_recall": round(hits / max(wanted, 1), 4),
        "token_false_share": round(false / max(others, 1), 4),
    }


def save(model, artifact: Path, tokenizer_file: Path, metrics: dict[str, float], spec: TaggerSpec) -> None:
    model.save_pretrained(artifact / "hf")
    card = {
        "base": spec.base,
        "layers": model.config.num_hidden_layers,
        "labels": LABELS,
        "cases": True,
        "seed": spec.seed,
        "epochs": spec.epochs,
        "examples_sha256": spec.examples_sha256,
        **metrics,
    }
    export(model, tokenizer_file, artifact / "onnx", card)


if __name__ == "__main__":
    start("train_tagger", main)
