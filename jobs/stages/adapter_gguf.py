"""Write a trained LoRA adapter as a GGUF file that llama.cpp puts upon the base while it serves.

The adapter's matrices get the names of the base's tensors, and go the way that llama.cpp's converter sends the base's
weights: Llama's queries and keys change the order of their rows, and so must the part of the adapter that is added to
them. The trainer's scale goes into ``adapter.lora.alpha``, which the engine divides by the rank: alpha as it is for
LoRA, times the root of the rank for rsLoRA (arXiv:2312.03732).
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import MODEL_ARCH_NAMES, GGUFWriter, TensorNameMap, get_tensor_name_map
from gguf.constants import GGUFType, Keys
from safetensors.numpy import load_file

from jobs.adapters import BASE_SHA256
from jobs.gguf_header import Header, read_header
from jobs.rundir import file_sha256
from jobs.stages.entry import StageRefusal
from jobs.stages.sources import MODEL

Array = npt.NDArray[Any]
_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


def write_adapter(made: Path, base: Path, chat_template: str, goal: Path) -> dict[str, Any]:
    """The adapter in the train stage's artifact folder ``made`` as ``goal``, for the base's GGUF file. Whole or not at all.

    Returns {rank, alpha, base_sha256}. Raises StageRefusal for what the engine cannot put upon a base.
    """
    settings, matrices = _trained(made)
    header = read_header(base)
    rank, alpha = settings["r"], float(settings["lora_alpha"])
    facts = {
        "rank": rank,
        "alpha": alpha * math.sqrt(rank) if settings.get("use_rslora") else alpha,
        "base_sha256": file_sha256(base),
    }
    tensors = _named(matrices, header)
    fresh = goal.with_name(f".{goal.name}.tmp")
    try:
        _write(fresh, header.facts[Keys.General.ARCHITECTURE], facts, chat_template, tensors)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(goal)
    finally:
        fresh.unlink(missing_ok=True)
    return facts


def _trained(made: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    if (made / MODEL).is_dir():
        raise StageRefusal(
            "A pruned or distilled model has no adapter: the base itself was changed. Choose a whole file."
        )
    folder = made / "adapter"
    try:
        settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        matrices = load_file(folder / "adapter_model.safetensors")
    except FileNotFoundError:
        raise StageRefusal("The trained adapter is not here. Run the train stage again.") from None
    if settings.get("use_dora"):
        raise StageRefusal(
            "DoRA also rescales the base's own weights, which the engine cannot do for one adapter alone. Train with "
            "LoRA or rsLoRA, or choose a whole file."
        )
    if any(not name.endswith((_DOWN, _UP)) for name in matrices):
        raise StageRefusal(
            "Training changed more than the linear layers, such as the embeddings, which an adapter cannot carry. Choose "
            "a whole file."
        )
    return settings, matrices


def _named(matrices: Mapping[str, Array], base: Header) -> dict[str, Array]:
    """By llama.cpp's names. Raises StageRefusal for a layer that the base's file does not have in this shape."""
    names = _names(base)
    tensors = {}
    for name in sorted(name for name in matrices if name.endswith(_DOWN)):
        layer = name.removeprefix(_PREFIX).removesuffix(_DOWN)
        down, up = matrices[name], matrices[name.removesuffix(_DOWN) + _UP]
        tensor = f"{names.get_name(layer)}.weight"
        held = base.tensors.get(tensor)
        if held is None or held.weights != up.shape[0] * down.shape[1]:
            raise StageRefusal(
                f"The base's file has no layer like {layer}. Fetch the base again, or choose a whole file."
            )
        tensors[f"{tensor}.lora_a"] = down
        tensors[f"{tensor}.lora_b"] = _as_converted(up, layer, base)
    return tensors


def _names(base: Header) -> TensorNameMap:
    wanted = base.facts[Keys.General.ARCHITECTURE]
    architecture = next(each for each, name in MODEL_ARCH_NAMES.items() if name == wanted)
    return get_tensor_name_map(architecture, base.of_model("block_count"))


def _as_converted(up: Array, layer: str, base: Header) -> Array:
    """(rows, rank) in the order that the converter gives the base's rows: Llama's rotation takes neighbours as pairs in
    the engine, and halves in transformers.
    """
    heads = {
        "q_proj": base.of_model("attention.head_count"),
        "k_proj": base.of_model("attention.head_count_kv"),
    }.get(layer.rpartition(".")[2])
    if heads is None or base.facts[Keys.General.ARCHITECTURE] != "llama":
        return up
    rows, rank = up.shape
    return up.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)


def _write(
    path: Path, architecture: str, facts: Mapping[str, Any], chat_template: str, tensors: Mapping[str, Array]
) -> None:
    writer = GGUFWriter(path, architecture)
    try:
        writer.add_type(GGUFType.ADAPTER)
        writer.add_string(Keys.Adapter.TYPE, "lora")
        writer.add_float32(Keys.Adapter.LORA_ALPHA, facts["alpha"])
        writer.add_string(BASE_SHA256, facts["base_sha256"])
        writer.add_chat_template(chat_template)
        for name, matrix in tensors.items():
            writer.add_tensor(name, np.ascontiguousarray(matrix, dtype=np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
