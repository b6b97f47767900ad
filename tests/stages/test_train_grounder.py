"""The detector's way from composed rows to weights that the web process runs, on an encoder of two layers."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from grounding.decision import Decision
from grounding.detector import CrossEncoder, Detector
from grounding.training import write_rows
from jobs.rundir import file_sha256, write_json_atomic
from jobs.supervisor import Outcome, run_stage
from sample_clinic.clinic import generate

pytestmark = pytest.mark.slow
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, ".", ",", ":", *(f"##{c}" for c in LETTERS)]


def _install(models_dir: Path) -> None:
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    torch.manual_seed(1)
    folder = models_dir / "minilm-l6" / "hf"
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    files = {
        f"hf/{path.name}": {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        for path in folder.iterdir()
    }
    facts = {"name": "minilm-l6", "licence": "", "notice": "", "kind": "encoder", "context_tokens": 512}
    write_json_atomic(folder.parent / "manifest.json", {**facts, "chat_template": None, "files": files})


def _run(folder: Path, models_dir: Path, rows: Path, **spec: object) -> Outcome:
    folder.mkdir()
    named = {"base": "minilm-l6", "models_dir": str(models_dir), "examples": str(rows)}
    write_json_atomic(folder / "spec.json", {**named, "examples_sha256": file_sha256(rows), **spec})
    return run_stage("train_grounder", folder, on_progress=lambda at: True)


def _rows(path: Path) -> Path:
    sources = [{"source": each.source, "target": each.target} for each in generate(5, 40)]
    write_rows(path, sources, seed=2)
    return path


def test_a_detector_is_trained_distilled_and_served(tmp_path: Path) -> None:
    _install(tmp_path)
    rows = _rows(tmp_path / "rows.jsonl")
    taught = _run(tmp_path / "1", tmp_path, rows, epochs=1.0, tokens_per_batch=2048)
    assert taught.result is not None, (tmp_path / "1" / "stage.log").read_text()[-2000:]
    student = _run(
        tmp_path / "2", tmp_path, rows, epochs=0.3, teacher=str(tmp_path / "1" / "artifact" / "hf")
    )
    assert student.result is not None, (tmp_path / "2" / "stage.log").read_text()[-2000:]
    folder = tmp_path / "2" / "artifact" / "onnx"
    card = json.loads((folder / "card.json").read_text())
    assert card["layers"] == 1
    assert card["auroc_checks"] > 0.7
    detector = Detector(CrossEncoder(folder), Decision.from_card(card["decision"]))
    judged = detector.judge("P: My left knee hurts.", "Right knee pain. Left knee pain.")
    assert [each.flagged for each in judged.sentences] == [True, False]


def test_a_training_ends_in_time_however_slow_the_machine(tmp_path: Path) -> None:
    _install(tmp_path)
    outcome = _run(tmp_path / "1", tmp_path, _rows(tmp_path / "rows.jsonl"), epochs=5000.0, max_seconds=0.5)
    assert outcome.result is not None, (tmp_path / "1" / "stage.log").read_text()[-2000:]
    assert outcome.result["metrics"]["seconds"] < 30


def test_rows_none_of_which_is_held_out_are_refused(tmp_path: Path) -> None:
    _install(tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"held_out": False}) + "\n")
    outcome = _run(tmp_path / "1", tmp_path, rows)
    assert (outcome.status, outcome.error_type) == ("failed", "StageRefusal")
    assert "Compose more" in outcome.advice
