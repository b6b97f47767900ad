"""A base model as transformers reads it, whatever form it was fetched in."""

import shutil
import tempfile
from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from jobs.catalogue import Installed
from jobs.rundir import sync_folder


def ensure_hf_folder(base: Installed) -> Path:
    """The base as safetensors with tokenizer and chat template: made once from its GGUF (20 s) and kept.

    Two stages doing so at once is harmless, the first rename wins. Raises OSError when the disk is full.
    """
    if base.hf.is_dir():
        return base.hf
    for leftover in base.path.glob(f".{base.hf.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{base.hf.name}-", dir=base.path))
    try:
        _dequantize(base, fresh)
        fresh.rename(base.hf)
        sync_folder(base.path)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not base.hf.is_dir():
            raise
    return base.hf


def _dequantize(base: Installed, folder: Path) -> None:
    tokenizer = load_tokenizer(base.path, base, gguf_file=base.gguf.name)
    if GGUFReader(base.gguf).fields["tokenizer.ggml.pre"].contents() == "smollm":
        # transformers takes every such file for GPT-2's; SmolLM splits digits first, and so does the engine.
        # Else " ½" would be trained as other tokens than it is served as.
        digits = pre_tokenizers.Digits(individual_digits=True)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    model = AutoModelForCausalLM.from_pretrained(
        base.path,
        gguf_file=base.gguf.name,
        dtype=torch.float32,
        # Without this the tensors stay marked as quantized and cannot be saved.
        quantization_config=GgufConfig(dequantize=True),
    )
    # What a 4- to 6-bit file held fits into 16 bits (relative error 0.0002), at half the disk.
    model.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load_tokenizer(folder: Path, base: Installed, **kwargs: str) -> PreTrainedTokenizerBase:
    """The tokenizer with the base's chat template, or ours where it brings none."""
    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True, **kwargs
    )
    tokenizer.chat_template = base.chat_template or tokenizer.chat_template
    return tokenizer


def load_model(folder: Path, dtype: torch.dtype, *, four_bits: bool = False) -> PreTrainedModel:
    """The model on the CPU, from safetensors alone; with ``four_bits``, its linear layers held as NF4 (QLoRA)."""
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        quantization_config=nf4 if four_bits else None,
        device_map={"": "cuda" if torch.cuda.is_available() else "cpu"} if four_bits else None,
        attn_implementation="sdpa",
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )
