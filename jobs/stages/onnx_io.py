"""A token classifier as the web process runs it: int8 ONNX, its tokenizer, and a card that says what it is."""

import shutil
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from jobs.rundir import file_sha256, write_json_atomic

OPSET = 17


class _Logits(nn.Module):
    """The model as ONNX sees it: named arrays in, logits out."""

    def __init__(self, model: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *arrays: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, arrays, strict=True))).logits


def export(
    model: nn.Module, tokenizer_file: Path, folder: Path, card: dict[str, Any], *, typed: bool = True
) -> None:
    """Write model.onnx, tokenizer.json and card.json to ``folder``; ``typed``: the model takes token types.

    Weights are rounded to 8 bits per channel, activations as they come (dynamic quantization).
    """
    model.eval()
    folder.mkdir(exist_ok=True)
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if typed else [])]
    example = tuple(torch.ones((2, 8), dtype=torch.long) for _ in names)
    wide = folder / "float.onnx"
    torch.onnx.export(
        _Logits(model, names), example, wide, input_names=names, output_names=["logits"], opset_version=OPSET, dynamo=False,
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in [*names, "logits"]},
    )  # fmt: skip
    quantize_dynamic(wide, folder / "model.onnx", weight_type=QuantType.QInt8, per_channel=True)
    wide.unlink()
    shutil.copyfile(tokenizer_file, folder / "tokenizer.json")
    write_json_atomic(folder / "card.json", {**card, "model_sha256": file_sha256(folder / "model.onnx")})
