"""The plan of a machine, byte for byte beside a real model."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    PhiConfig,
    PreTrainedConfig,
)

from jobs.catalogue import BASES
from jobs.rundir import RunDir
from jobs.shapes import SHAPES
from jobs.specs import MachinePlanSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.machine_plan import activation_bytes, disk, main, on_meta, plan, read_config

TINY = {
    "vocab_size": 600,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
CONFIGS = [
    LlamaConfig(**TINY, tie_word_embeddings=True),
    Gemma3TextConfig(**TINY, head_dim=32, tie_word_embeddings=True),
    PhiConfig(**TINY, tie_word_embeddings=False),
]
each_family = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model_type)


def spec(**changes: Any) -> MachinePlanSpec:
    return MachinePlanSpec(
        **{"base": "llama3.1-8b", "models_dir": "/m", "tokens": 128, "completion_tokens": 32, **changes}
    )


def real(config: PreTrainedConfig, rank: int) -> torch.nn.Module:
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    return get_peft_model(model, LoraConfig(r=rank, target_modules="all-linear", task_type="CAUSAL_LM"))


@pytest.mark.parametrize("name", [name for name, base in BASES.items() if base.kind == "generator"])
def test_every_base_of_the_catalogue_has_the_parameters_it_is_known_for(name: str) -> None:
    config = read_config(spec(base=name))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert sum(p.numel() for p in model.parameters()) == BASES[name].parameters


def test_known_models_are_counted_exactly() -> None:
    counted = {
        name: plan(spec(base=name), read_config(spec(base=name)))["parameters"]
        for name in ("llama3.1-8b", "gemma3-270m", "smollm2-135m")
    }
    assert counted == {
        "llama3.1-8b": 8_030_261_248,
        "gemma3-270m": 268_098_176,
        "smollm2-135m": 134_515_008,
    }


@each_family
def test_weights_adapter_and_optimizer_are_those_of_a_real_model(config: PreTrainedConfig) -> None:
    planned = plan(spec(lora_rank=8), config)
    model = real(config, 8)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    for parameter in trained:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    state = [t for slots in optimizer.state.values() for t in slots.values() if isinstance(t, torch.Tensor)]
    frozen = [p for p in model.parameters() if not p.requires_grad]
    assert planned["weights_bytes"]["fp32"] == sum(p.nbytes for p in frozen)
    assert planned["adapter_bytes"] == planned["gradient_bytes"] == sum(p.grad.nbytes for p in trained)
    assert planned["optimizer_bytes"] == sum(t.nbytes for t in state)


@each_family
def test_activations_are_those_a_real_model_keeps(config: PreTrainedConfig) -> None:
    assert activation_bytes(on_meta(config, 8), 2, 128, 32) == activation_bytes(real(config, 8), 2, 128, 32)


@each_family
def test_recomputing_needs_less_memory(config: PreTrainedConfig) -> None:
    acts = plan(spec(), config)["activation_bytes"]
    assert acts["fp32_recomputed"] < acts["fp32"]
    assert acts["bf16"] < acts["fp32"]


def test_four_bits_take_about_four_and_an_eighth_for_each_packed_weight() -> None:
    weights = plan(spec(base="llama3.1-8b"), read_config(spec()))["weights_bytes"]
    packed = 32 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 4096 * 14336)
    assert weights["nf4"] == pytest.approx(packed * 4.127 / 8 + 2 * (8_030_261_248 - packed), rel=1e-4)


def test_it_says_what_machine_llama_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.machine.memory_bytes", lambda: 16 * 10**9)
    said = plan(spec(tokens=2048), read_config(spec()))["needs"]
    assert said[0].startswith("This machine's 16.0 GB of memory are not enough")
    assert "a card with 24 GB for LoRA in 16 bits, with 12 GB for QLoRA in 4 bits" in said[2]


def test_a_small_model_fits_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.machine.memory_bytes", lambda: 16 * 10**9)
    small = spec(base="smollm2-135m")
    assert "are enough: training takes" in plan(small, read_config(small))["needs"][0]


def test_the_disk_holds_the_merged_model_beside_the_half_precision_file() -> None:
    needed = disk(parameters=1000, adapter_bytes=40, types=("Q8_0", "Q4_K"))
    assert needed["exports"] == {"Q8_0": 1063, "Q4_K": 563}
    assert (needed["checkpoint"], needed["checkpoints"]) == (120, 360)
    assert (needed["compressing"], needed["needed"]) == (6000, 6040)


def test_a_base_of_the_clinics_own_is_read_from_its_folder(models_dir: Path, tmp_path: Path) -> None:
    own = spec(base="local:tiny", models_dir=str(models_dir))
    outputs, metrics = main(own, RunDir(tmp_path))
    assert outputs == []
    assert metrics["parameters"] > 0


@pytest.mark.parametrize(
    ("base", "told"), [("nothing", "no base model of that name"), ("minilm-l6", "encoder")]
)
def test_a_base_that_cannot_be_planned_is_refused(base: str, told: str) -> None:
    with pytest.raises(StageRefusal, match=told):
        read_config(spec(base=base))


def test_every_generator_has_a_shape() -> None:
    assert set(SHAPES) == {name for name, base in BASES.items() if base.kind == "generator"}
