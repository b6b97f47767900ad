"""A base model as transformers reads it, whatever form it was fetched in."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from jobs.catalogue import ARCHITECTURES, Installed
from jobs.rundir import sync_folder
from jobs.stages.entry import StageRefusal

_TEXT_PART = {r"^(model\.)?language_model\.(model\.)?": "model."}
"""Where the text's weights stand in a model that reads pictures too."""


def ensure_hf_folder(base: Installed) -> Path:
    """The base as safetensors with tokenizer and chat template: made once from its GGUF (20 s) and kept.

    Two stages doing so at once is harmless, the first rename wins. Raises OSError when the disk is full, and
    StageRefusal for a model that could be trained but not served.
    """
    if base.hf.is_dir():
        _check_architecture(base)
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


def _check_architecture(base: Installed) -> None:
    config = json.loads((base.hf / "config.json").read_text(encoding="utf-8"))
    named = config.get("architectures") or ["a model of unknown architecture"]
    if named[0] not in ARCHITECTURES:
        raise StageRefusal(
            f"{base.name} is {named[0]}, which cannot be trained here to write summaries. "
            f"Choose a model that is one of: {', '.join(ARCHITECTURES)}."
        )


def _dequantize(base: Installed, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base.path, gguf_file=base.gguf.name, local_files_only=True)
    tokenizer.chat_template = base.chat_template or tokenizer.chat_template
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


def load_tokenizer(folder: Path, base: Installed) -> PreTrainedTokenizerBase:
    """The tokenizer with the base's chat template, or ours where it brings none.

    It follows ``tokenizer.json`` to the letter, as the engine's does. The class that a folder names may not: SmolLM2's,
    GPT2Tokenizer, puts a rule of its own in place of the file's, and " ½" becomes other tokens.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    template = base.chat_template or tokenizer.chat_template
    if isinstance(template, dict):  # one beside others, for tools
        template = template.get("default")
    if not template:
        raise StageRefusal(
            f"{base.name} brings no chat template. Put one into its folder as chat_template.jinja."
        )
    tokenizer.chat_template = _of_no_day(template)
    return tokenizer


def _of_no_day(template: str) -> str:
    """Llama's template writes a date into the prompt: its authors' in training, but today's in the engine.

    Set here, it is the same on every day and in both.
    """
    if "date_string" in template:
        return "{%- set date_string = '26 Jul 2024' %}" + template
    if "strftime_now" in template:
        raise StageRefusal(
            "The base's chat template writes today's date into the prompt. Take it out of the template."
        )
    return template


def load_model(folder: Path, dtype: torch.dtype, *, four_bits: bool = False) -> PreTrainedModel:
    """The model on the CPU, from safetensors alone; with ``four_bits``, its linear layers held as NF4 (QLoRA).

    Of a model that reads pictures too, the part that reads text.
    """
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    kinds: dict[str, Any] = {}
    if config.model_type == "gemma3":
        kinds = {"config": config.get_text_config(), "key_mapping": _TEXT_PART}
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
        device_map={"": torch.cuda.current_device() if torch.cuda.is_available() else "cpu"}
        if four_bits
        else None,
        attn_implementation="sdpa",
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        **kinds,
    )
