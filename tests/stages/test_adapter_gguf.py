"""An adapter as a file of its own: it changes the base in the engine as it did in training, or is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader
from peft import LoraConfig, get_peft_model

from jobs.adapters import base_sha256, chat_template, is_adapter, weights_of
from jobs.catalogue import installed
from jobs.rundir import file_sha256
from jobs.specs import PrepareSpec, QuantizeSpec
from jobs.stages import adapter_gguf, prepare, quantize
from jobs.stages.entry import Output, StageRefusal
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow

Export = Callable[..., tuple[Output, dict[str, Any]]]


@pytest.fixture(scope="module")
def prepared(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared")
    rows = write_rows(root / "rows.jsonl", [*visit_rows(12), *visit_rows(4, "valid")])
    spec = PrepareSpec(base="local:tiny", models_dir=str(models_dir), **rows)
    run = run_folder(root / "prepare", spec)
    prepare.main(spec, run)
    return run.artifact


def write_trained(models_dir: Path, made: Path, **config: Any) -> Path:
    """An adapter as the train stage leaves it, with random weights that change every answer."""
    base = load_model(ensure_hf_folder(installed("local:tiny", models_dir)), torch.float32)
    chosen = {"target_modules": "all-linear", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, **config}
    torch.manual_seed(3)
    tuned = get_peft_model(base, LoraConfig(init_lora_weights=False, **chosen))
    tuned.save_pretrained(made / "adapter")
    return made


@pytest.fixture
def export(models_dir: Path, prepared: Path, tools_dir: Path, tmp_path: Path) -> Export:
    def export(made: Path) -> tuple[Output, dict[str, Any]]:
        spec = QuantizeSpec(
            base="local:tiny",
            models_dir=str(models_dir),
            adapter=str(made),
            prepared=str(prepared),
            tools_dir=str(tools_dir),
            types=("LORA",),
        )
        (output,), metrics = quantize.main(spec, run_folder(tmp_path / "quantize", spec))
        return output, metrics["parity"]

    return export


@pytest.mark.parametrize(("config", "alpha"), [({}, 8.0), ({"use_rslora": True}, 16.0)])
def test_the_engine_answers_with_an_adapter_as_training_left_it(
    models_dir: Path, export: Export, tmp_path: Path, config: dict[str, Any], alpha: float
) -> None:
    output, parity = export(write_trained(models_dir, tmp_path / "made", **config))
    assert parity["LORA_F16"]["agreed"] / parity["LORA_F16"]["tokens"] >= 0.99
    assert parity["LORA_F16"]["kl"] < 1e-3
    assert GGUFReader(output.path).fields["adapter.lora.alpha"].contents() == alpha


def test_its_file_names_its_base_and_holds_the_chat(models_dir: Path, export: Export, tmp_path: Path) -> None:
    output, _ = export(write_trained(models_dir, tmp_path / "made"))
    base = installed("local:tiny", models_dir)
    assert is_adapter(output.path)
    assert not is_adapter(base.gguf)
    assert base_sha256(output.path) == output.facts["base_sha256"] == file_sha256(base.gguf)
    assert chat_template(output.path) == load_tokenizer(base.hf, base).chat_template
    weights = weights_of(output.path, base.gguf)
    assert (weights.path, weights.adapter) == (base.gguf, output.path)
    assert output.path.stat().st_size < base.gguf.stat().st_size


def test_an_adapter_written_in_the_trainers_order_of_rows_is_refused(
    models_dir: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_gguf, "_as_converted", lambda up, *_: up)
    with pytest.raises(StageRefusal, match="answers otherwise than the trained one"):
        export(write_trained(models_dir, tmp_path / "made"))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"use_dora": True}, "DoRA also rescales the base's own weights"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "Training changed more than the linear layers"),
    ],
)
def test_what_the_engine_cannot_put_upon_a_base_is_refused(
    models_dir: Path, export: Export, tmp_path: Path, config: dict[str, Any], told: str
) -> None:
    with pytest.raises(StageRefusal, match=told):
        export(write_trained(models_dir, tmp_path / "made", **config))


def test_a_pruned_model_has_no_adapter(models_dir: Path, export: Export, tmp_path: Path) -> None:
    base = installed("local:tiny", models_dir)
    load_model(base.hf, torch.float32).save_pretrained(tmp_path / "made" / "model")
    load_tokenizer(base.hf, base).save_pretrained(tmp_path / "made" / "model")
    with pytest.raises(StageRefusal, match="A pruned or distilled model has no adapter"):
        export(tmp_path / "made")


def test_an_adapter_of_another_base_is_refused(models_dir: Path, tmp_path: Path) -> None:
    made = write_trained(models_dir, tmp_path / "made")
    base = installed("local:tiny", models_dir)
    other = write_tiny_gguf(tmp_path / "other.gguf")
    with pytest.raises(StageRefusal, match=r"no layer like model\.layers\.0"):
        adapter_gguf.write_adapter(made, other, str(base.chat_template), tmp_path / "lora.gguf")
    assert not (tmp_path / "lora.gguf").exists()
