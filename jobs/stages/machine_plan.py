"""What a training with this base takes, byte for byte where that can be known, and what machine it needs.

Builds the model on torch's meta device: its true shapes without their numbers, so that an 8-billion-parameter model is
planned on a laptop in seconds. Reads no weights; its result's metrics are the plan.

    python -m jobs.stages.machine_plan RUNDIR
"""

import math
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM, PreTrainedConfig

from jobs import machine
from jobs.catalogue import BASES, NotFetched, installed
from jobs.rundir import RunDir
from jobs.shapes import SHAPES
from jobs.specs import ADAPTER, MachinePlanSpec
from jobs.stages.entry import Output, StageRefusal, start

FLOAT = 4
ADAM_MOMENTS = 2
CHECKPOINTS = 3
"""The two newest are kept while the next is written."""
NF4_BYTES_PER_WEIGHT = 0.5 + (1 + FLOAT / 256) / 64
"""4 bits, and a scale of 8 bits for 64 weights with a float for 256 scales: QLoRA (Dettmers et al. 2023), section 3."""
GGUF_BYTES_PER_WEIGHT = {
    "Q8_0": 34 / 32,
    "Q6_K": 210 / 256,
    "Q5_K": 176 / 256,
    "Q5_0": 22 / 32,
    "Q4_K": 144 / 256,
    "Q4_0": 18 / 32,
}
CUDA_CONTEXT_BYTES = 1_000_000_000
GPU_GIGABYTES = (8, 12, 16, 24, 32, 48, 80, 96, 141, 192)
MACHINE_GIGABYTES = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
SHARE_FOR_US = 0.9
"""The rest is the system's, or lost between blocks."""


def main(spec: MachinePlanSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    return [], plan(spec, read_config(spec))


def read_config(spec: MachinePlanSpec) -> PreTrainedConfig:
    """The base's shape: from the catalogue's numbers, or from the folder of a base of the clinic's own."""
    if spec.base in BASES and BASES[spec.base].kind == "encoder":
        raise StageRefusal(f"{spec.base} is an encoder: it cannot write summaries. Choose a generator.")
    if spec.base in SHAPES:
        return AutoConfig.for_model(**SHAPES[spec.base])
    try:
        folder = installed(spec.base, Path(spec.models_dir)).hf
    except (KeyError, NotFetched) as error:
        raise StageRefusal(str(error)) from error
    return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def plan(spec: MachinePlanSpec, config: PreTrainedConfig) -> dict[str, Any]:
    """Bytes of everything, and in ``needs`` the same in words."""
    model = on_meta(config, spec.lora_rank)
    parameters = sum(p.numel() for name, p in model.named_parameters() if "lora_" not in name)
    adapter = [p for p in model.parameters() if p.requires_grad]
    adapter_bytes = FLOAT * sum(p.numel() for p in adapter)
    facts = {
        "base": spec.base,
        "parameters": parameters,
        "trainable_parameters": adapter_bytes // FLOAT,
        "lora_rank": spec.lora_rank,
        "rows": spec.rows,
        "tokens": spec.tokens,
        "weights_bytes": _weights(model, parameters),
        "adapter_bytes": adapter_bytes,
        "gradient_bytes": adapter_bytes,
        "optimizer_bytes": ADAM_MOMENTS * adapter_bytes + FLOAT * len(adapter),  # and a step count each
        "activation_bytes": _all_activations(spec, config),
        "libraries_bytes": machine.peak_memory_bytes(),
        "disk_bytes": disk(parameters, adapter_bytes, spec.types),
        "this_machine": {"memory_bytes": machine.memory_bytes(), "gpu_bytes": _gpu_bytes()},
    }
    facts["ways"] = _ways(facts)
    return {**facts, "needs": in_words(facts)}


def on_meta(config: PreTrainedConfig, lora_rank: int, dtype: torch.dtype = torch.float32) -> PeftModel:
    """The model with its adapters, shapes only."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="fused_causal")
        return get_peft_model(
            model, LoraConfig(r=lora_rank, target_modules="all-linear", task_type="CAUSAL_LM")
        )


def _fused_causal(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The fused kernel that a real device takes. On the meta device torch would take the unfused one, whose matrix of
    weights nobody ever holds.
    """
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    out, _ = kernel(query, key, value, 0.0, True, scale=scaling)
    return out.transpose(1, 2).contiguous(), None


# Without a mask function of that name the model makes no mask either, which it could not on the meta device.
AttentionInterface.register("fused_causal", _fused_causal)


def activation_bytes(model: PeftModel, rows: int, tokens: int, completion_tokens: int) -> int:
    """What the backward pass needs kept of one forward pass, the weights aside."""
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # held, so that its address is not given to another
        return tensor

    device = next(model.parameters()).device
    generator = model.get_base_model()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        ids = torch.zeros(rows, tokens, dtype=torch.long, device=device)
        hidden = generator.base_model(input_ids=ids, use_cache=False).last_hidden_state
        logits = generator.get_output_embeddings()(hidden[:, -completion_tokens:]).flatten(0, 1).float()
        targets = torch.zeros(rows * completion_tokens, dtype=torch.long, device=device)
        _loss = torch.nn.functional.cross_entropy(logits, targets)
        return sum(storage.nbytes() for storage in kept.values())


def _all_activations(spec: MachinePlanSpec, config: PreTrainedConfig) -> dict[str, int]:
    """By number format, kept and recomputed (activation checkpointing: one layer's, and what goes into each)."""
    text = config.get_text_config()
    layers, wide = text.num_hidden_layers, spec.rows * spec.tokens * text.hidden_size
    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        model = on_meta(config, spec.lora_rank, dtype)
        whole = activation_bytes(model, spec.rows, spec.tokens, spec.completion_tokens)
        text.num_hidden_layers = layers - 1
        model = on_meta(config, spec.lora_rank, dtype)
        text.num_hidden_layers = layers
        layer = whole - activation_bytes(model, spec.rows, spec.tokens, spec.completion_tokens)
        found[name] = whole
        found[f"{name}_recomputed"] = whole - (layers - 1) * layer + layers * wide * dtype.itemsize
    return found


def _weights(model: PeftModel, parameters: int) -> dict[str, int]:
    """NF4 packs the linear layers that carry an adapter; embeddings, norms and the output layer stay in 16 bits."""
    packed = sum(
        module.base_layer.weight.numel() for module in model.modules() if hasattr(module, "base_layer")
    )
    nf4 = math.ceil(packed * NF4_BYTES_PER_WEIGHT) + 2 * (parameters - packed)
    return {"fp32": 4 * parameters, "bf16": 2 * parameters, "nf4": nf4}


def disk(parameters: int, adapter_bytes: int, types: tuple[str, ...]) -> dict[str, Any]:
    """Bytes on disk: while training, while compressing (both at their fullest), and what stays."""
    exports = {
        # The trainer's adapter has 32 bits a weight, the engine's 16.
        name: adapter_bytes // 2 if name == ADAPTER else math.ceil(parameters * GGUF_BYTES_PER_WEIGHT[name])
        for name in types
    }
    checkpoint = (1 + ADAM_MOMENTS) * adapter_bytes
    merged, half = 4 * parameters, 2 * parameters
    kept = adapter_bytes + sum(exports.values())
    return {
        "checkpoint": checkpoint,
        "checkpoints": CHECKPOINTS * checkpoint,
        "exports": exports,
        # The converter reads the merged model and writes the 16-bit one; then that one lies beside the exports.
        "compressing": max(merged + half, half + sum(exports.values())),
        "kept": kept,
        "needed": adapter_bytes + max(CHECKPOINTS * checkpoint, merged + half, half + sum(exports.values())),
    }


def _ways(facts: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Peak memory of each way to train, with activations kept and recomputed."""
    trained = facts["adapter_bytes"] + facts["gradient_bytes"] + facts["optimizer_bytes"]
    acts, weights = facts["activation_bytes"], facts["weights_bytes"]

    def peaks(weight: str, act: str, besides: int) -> dict[str, int]:
        fixed = weights[weight] + trained + besides
        return {"kept": fixed + acts[act], "recomputed": fixed + acts[f"{act}_recomputed"]}

    return {
        "cpu_lora": peaks("fp32", "fp32", facts["libraries_bytes"]),
        "gpu_lora": peaks("bf16", "bf16", CUDA_CONTEXT_BYTES),
        "gpu_qlora": peaks("nf4", "bf16", CUDA_CONTEXT_BYTES),
    }


def in_words(facts: dict[str, Any]) -> list[str]:
    """Sentences for the person who looks after the machine."""
    here, ways = facts["this_machine"], facts["ways"]
    cpu = ways["cpu_lora"]
    if cpu["kept"] <= SHARE_FOR_US * here["memory_bytes"]:
        fits = f"This machine's {gigabytes(here['memory_bytes'])} of memory are enough: training takes {gigabytes(cpu['kept'])}."
    elif cpu["recomputed"] <= SHARE_FOR_US * here["memory_bytes"]:
        fits = (
            f"This machine's {gigabytes(here['memory_bytes'])} of memory are enough if activations are "
            f"recomputed, a third slower: training then takes {gigabytes(cpu['recomputed'])}."
        )
    else:
        fits = (
            f"This machine's {gigabytes(here['memory_bytes'])} of memory are not enough: training takes "
            f"{gigabytes(cpu['recomputed'])} or more."
        )
    return [
        fits,
        f"Without a graphics card: a machine with {_size(cpu['recomputed'], MACHINE_GIGABYTES)} of memory.",
        f"With one: a card with {_size(ways['gpu_lora']['recomputed'], GPU_GIGABYTES)} for LoRA in 16 bits, "
        f"with {_size(ways['gpu_qlora']['recomputed'], GPU_GIGABYTES)} for QLoRA in 4 bits.",
        f"On disk it needs {gigabytes(facts['disk_bytes']['needed'])} while it works; "
        f"{gigabytes(facts['disk_bytes']['kept'])} stay.",
    ]


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size < 99.5e9 else f"{size / 1e9:.0f} GB"


def _size(needed: int, sizes: tuple[int, ...]) -> str:
    """The smallest size on sale in which ``needed`` fits."""
    for size in sizes:
        if needed <= SHARE_FOR_US * size * 1e9:
            return f"{size} GB"
    return f"more than {sizes[-1]} GB"


def _gpu_bytes() -> int:
    return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0


if __name__ == "__main__":
    start("machine_plan", main)
