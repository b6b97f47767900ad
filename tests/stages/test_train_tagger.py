"""The tagger's way from examples to weights that the web process runs, on an encoder of two layers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForTokenClassification,
    PreTrainedTokenizerFast,
)

from jobs.rundir import file_sha256, write_json_atomic
from jobs.supervisor import run_stage
from privacy.engine import Scrubber
from privacy.kinds import Kind
from privacy.onnx import InferenceSession
from privacy.tagger import Tagger
from sample_clinic.annotated import Sources, write_examples

SOURCES = Sources(
    women=["Maren"],
    men=["Ibrahim"],
    surnames=["Zhou"],
    towns=["Oakmere"],
    streets=["12 Larch Row"],
    companies=["Blue Kettle"],
)
pytestmark = pytest.mark.slow
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *"abcdefghijklmnopqrstuvwxyz0123456789.,:",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"),
]


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]"
    )


def _config(**extra: object) -> BertConfig:
    return BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        **extra,
    )


def _installed(models_dir: Path, name: str, model: torch.nn.Module) -> None:
    folder = models_dir / name.replace(":", "-") / "hf"
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    files = {
        f"hf/{path.name}": {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        for path in folder.iterdir()
        if path.is_file()
    }
    facts = {
        "name": name,
        "licence": "",
        "notice": "",
        "kind": "encoder",
        "context_tokens": 512,
        "chat_template": None,
    }
    write_json_atomic(folder.parent / "manifest.json", {**facts, "files": files})


def _run(stage: str, folder: Path, **spec: object) -> dict[str, object]:
    folder.mkdir()
    write_json_atomic(folder / "spec.json", spec)
    outcome = run_stage(stage, folder, on_progress=lambda at: True)
    assert outcome.result is not None, (folder / "stage.log").read_text()[-2000:]
    return outcome.result


def test_a_tagger_is_trained_distilled_and_served(tmp_path: Path) -> None:
    torch.manual_seed(1)
    _installed(tmp_path, "minilm-l6", BertModel(_config()))
    examples = tmp_path / "examples.jsonl"
    write_examples(
        examples, seed=1, composed=120, woven=0, sources=SOURCES, open_texts=[], find=Scrubber().find
    )
    shared = {
        "base": "minilm-l6",
        "models_dir": str(tmp_path),
        "examples": str(examples),
        "examples_sha256": file_sha256(examples),
    }
    taught = _run("train_tagger", tmp_path / "1", **shared, epochs=6.0, learning_rate=0.01)
    student = _run("train_tagger", tmp_path / "2", **shared, teacher=str(tmp_path / "1" / "artifact" / "hf"))
    assert taught["metrics"]["loss"] < 2.83  # the logarithm of seventeen labels: it has learned something
    card = json.loads((tmp_path / "2" / "artifact" / "onnx" / "card.json").read_text())
    assert card["layers"] == 1
    assert card["token_recall"] == student["metrics"]["token_recall"]
    assert isinstance(Tagger(tmp_path / "2" / "artifact" / "onnx").find("Maren Zhou called."), list)
    lines = [json.loads(line) for line in (tmp_path / "1" / "progress.jsonl").read_text().splitlines()]
    assert lines[-1]["done"] == lines[-1]["total"]


def test_other_examples_than_the_specs_are_refused(tmp_path: Path) -> None:
    _installed(tmp_path, "minilm-l6", BertModel(_config()))
    examples = tmp_path / "examples.jsonl"
    examples.write_text("{}\n")
    folder = tmp_path / "1"
    folder.mkdir()
    spec = {
        "base": "minilm-l6",
        "models_dir": str(tmp_path),
        "examples": str(examples),
        "examples_sha256": "0" * 64,
    }
    write_json_atomic(folder / "spec.json", spec)
    outcome = run_stage("train_tagger", folder, on_progress=lambda at: True)
    assert (outcome.status, outcome.error_type) == ("failed", "StageRefusal")
    assert "Compose them again" in outcome.advice


def _distilled(**extra: object) -> DistilBertConfig:
    shape = {"vocab_size": len(WORDS), "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    return DistilBertConfig(**shape, **extra)


@pytest.mark.parametrize(
    ("classifier", "config"),
    [(BertForTokenClassification, _config), (DistilBertForTokenClassification, _distilled)],
)
def test_a_hugging_face_classifier_runs_as_onnx_and_labels_each_word_as_torch_does(
    tmp_path: Path, classifier: type[torch.nn.Module], config: Callable[..., object]
) -> None:
    torch.manual_seed(2)
    labels = {0: "O", 1: "PATIENT", 2: "HOSPITAL"}
    model = classifier(
        config(num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()})
    ).eval()
    model.classifier.weight.data *= 40
    _installed(tmp_path, "local:mine", model)
    _run("export_tagger", tmp_path / "1", base="local:mine", models_dir=str(tmp_path))
    pieces = ["[CLS]", *"abcdefghijklmnopqrstuvwxyz0123456789", "[SEP]"]
    tokens = torch.tensor([[WORDS.index(piece) for piece in pieces]])
    with torch.no_grad():
        said = model(tokens).logits[0].softmax(-1)
    session = InferenceSession(str(tmp_path / "1" / "artifact" / "onnx" / "model.onnx"))
    feed = {"input_ids": tokens, "attention_mask": tokens * 0 + 1, "token_type_ids": tokens * 0}
    wanted = {each.name: feed[each.name].numpy() for each in session.get_inputs()}
    served = torch.from_numpy(session.run(None, wanted)[0][0])
    sure = said.max(-1).values > 0.8  # weights of 8 bits may turn what is nearly a tie
    assert len(said.argmax(-1)[sure].unique()) > 1
    assert torch.equal(served.argmax(-1)[sure], said.argmax(-1)[sure])
    tagger = Tagger(tmp_path / "1" / "artifact" / "onnx", threshold=0.5)
    assert {kind for *_, kind, _ in tagger.find("anna saw b")} <= {Kind.NAME, Kind.ORGANIZATION}


def test_a_model_without_identifiers_is_refused(tmp_path: Path) -> None:
    labels = {0: "O", 1: "VERB"}
    model = BertForTokenClassification(
        _config(num_labels=2, id2label=labels, label2id={v: k for k, v in labels.items()})
    )
    _installed(tmp_path, "local:verbs", model)
    folder = tmp_path / "1"
    folder.mkdir()
    write_json_atomic(folder / "spec.json", {"base": "local:verbs", "models_dir": str(tmp_path)})
    outcome = run_stage("export_tagger", folder, on_progress=lambda at: True)
    assert "de-identification model" in outcome.advice


def test_batches_hold_whole_examples_of_one_width_within_the_budget() -> None:
    program = """
import numpy as np
from random import Random
from jobs.stages.train_tagger import Example, batches, padded
made = [Example(*(np.zeros(n, dtype=np.int64) for _ in range(3))) for n in (5, 17, 30, 31, 100) * 20]
source = batches(made, 256, Random(1))
shapes = [tuple(padded(next(source))["input_ids"].shape) for _ in range(60)]
print(max(rows * width for rows, width in shapes), sorted({width for _, width in shapes}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": "platform:."}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "256 [16, 32, 112]", done.stderr
