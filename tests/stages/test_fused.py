"""The hand-written backward passes of adapted layers and norms against what the libraries compute."""

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, PhiConfig, PreTrainedConfig

from jobs.stages.fused import fuse
from jobs.stages.packing import completion_loss, pack

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}
ROWS = [
    {"input_ids": ids, "labels": [-100] * 5 + ids[5:]} for ids in ([*range(3, 20)], [3, 4, *range(30, 41)])
]
FAMILIES = [
    LlamaConfig(**SHAPE),
    Gemma3TextConfig(**SHAPE, head_dim=16),
    PhiConfig(**{**SHAPE, "num_key_value_heads": 2}),
]


def adapted(config: PreTrainedConfig, dtype: torch.dtype = torch.float32, **changes: object) -> PeftModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).to(dtype)
    # B starts at zero, and with it half of all gradients: a test of nothing.
    lora = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        init_lora_weights=False,
        task_type="CAUSAL_LM",
        **changes,
    )
    return get_peft_model(model, lora)


def step(model: PeftModel) -> tuple[float, dict[str, torch.Tensor]]:
    loss = completion_loss(model.get_base_model(), pack(ROWS))
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_fused_layers_give_the_loss_and_gradients_of_the_plain_ones(config: PreTrainedConfig) -> None:
    loss, gradients = step(adapted(config))
    fused = adapted(config)
    assert fuse(fused) >= 12
    ours, our_gradients = step(fused)
    assert ours == pytest.approx(loss, rel=1e-5)
    assert our_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(our_gradients[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("config", FAMILIES, ids=lambda config: config.model_type)
def test_in_bfloat16_the_loss_stays_within_a_percent(config: PreTrainedConfig) -> None:
    loss, _ = step(adapted(config))
    half = adapted(config, torch.bfloat16)
    fuse(half)
    assert all(p.dtype == torch.float32 for p in half.parameters() if p.requires_grad)
    assert step(half)[0] == pytest.approx(loss, rel=0.01)


@pytest.mark.parametrize("changes", [{"use_dora": True}, {"lora_dropout": 0.1}], ids=str)
def test_layers_that_do_more_are_left_to_the_library(changes: dict[str, object]) -> None:
    model = adapted(FAMILIES[0], **changes)
    assert fuse(model) == 5, "the norms alone"
