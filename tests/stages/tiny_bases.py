"""A tiny model of each family in the catalogue: its architecture, its kind of tokenizer, its chat template's rules.

Random weights and a vocabulary learned on the spot; what makes a family hard to serve is kept: Llama 3.1's scaled
rotation, digit groups and preamble, Gemma 3's sliding windows, byte fallback and bare roles, Phi-2's partial rotation,
runs of spaces as tokens, padded vocabulary and lack of a template.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests.stages.tiny import CHATML, byte_level, single_digits, visit_rows

LLAMA_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA_TEMPLATE = (
    "{{- bos_token }}{%- if not date_string is defined %}{%- set date_string = '26 Jul 2024' %}{%- endif %}"
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
    "{{- 'Cutting Knowledge Date: December 2023\nToday Date: ' + date_string + '\n\n' }}"
    "{{- system_message }}{{- '<|eot_id|>' }}"
    "{%- for message in messages %}{%- if message.role == 'tool' or message.role == 'ipython' %}"
    "{{- '<|start_header_id|>ipython<|end_header_id|>\n\n' + message.content + '<|eot_id|>' }}{%- else %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}"
    "{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}{%- set loop_messages = messages[1:] -%}"
    "{%- else -%}{%- set first_user_prefix = '' -%}{%- set loop_messages = messages -%}{%- endif -%}"
    "{%- for message in loop_messages -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif -%}"
    "{%- if (message['role'] == 'assistant') -%}{%- set role = 'model' -%}"
    "{%- else -%}{%- set role = message['role'] -%}{%- endif -%}"
    "{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else '') }}"
    "{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)
# Words and numbers that one rule splits and another does not.
ODD = " ½ tablet, 1½ 20418877 µg/µl I'VE we'll don't  two   three    spaces\t\ttabs 😀 naïve café\r\n\r\n\n\n# Plan"
TEXTS = [row["source"] + "\n\n" + row["target"] + ODD for row in visit_rows(40)]
WORDS = 700


def _special(*names: str) -> list[AddedToken]:
    return [AddedToken(name, special=True, normalized=False) for name in names]


def smollm2_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = byte_level(TEXTS, single_digits(), WORDS)
    tokenizer.add_special_tokens(_special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>",
        unk_token="<|endoftext|>", chat_template=CHATML,
    )  # fmt: skip


def llama31_tokenizer() -> PreTrainedTokenizerFast:
    split = pre_tokenizers.Split(Regex(LLAMA_SPLIT), behavior="isolated", invert=False)
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = byte_level(TEXTS, pre_tokenizers.Sequence([split, bytes_]), WORDS, ignore_merges=True)
    marks = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>")
    tokenizer.add_special_tokens(_special(*marks, "<|eot_id|>", "<|python_tag|>"))
    bos = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    template = processors.TemplateProcessing(
        single=f"{bos[0]} $A", pair=f"{bos[0]} $A {bos[0]}:1 $B:1", special_tokens=[bos]
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos[0], eos_token="<|eot_id|>", chat_template=LLAMA_TEMPLATE
    )


def gemma3_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", behavior="isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="never", split=True),
        ]
    )
    # The bytes are ordinary words of the vocabulary in the end; given as special ones they get their places.
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    learned.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=WORDS, special_tokens=[*special, *bytes_])
    )
    model = json.loads(learned.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    vocab = dict(model["vocab"])
    for length in (2, 4, 8):  # runs of spaces
        vocab.setdefault("▁" * length, len(vocab))
        merges.append(("▁" * (length // 2),) * 2)
    bpe = models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer(bpe)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(_special(*special, "<start_of_turn>", "<end_of_turn>", "<unused0>"))
    plain = ("[multimodal]", "\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁▁", "▁▁▁▁▁▁▁▁", "<h1>", "</h1>")
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in plain])
    bos = ("<bos>", tokenizer.token_to_id("<bos>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[bos]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
        mask_token="<mask>", chat_template=GEMMA_TEMPLATE,
    )  # fmt: skip


def phi2_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = byte_level(TEXTS, pre_tokenizers.ByteLevel(add_prefix_space=False), WORDS)
    tokenizer.add_special_tokens(_special("<|endoftext|>"))
    runs = [" " * length for length in range(31, 1, -1)] + ["\t" * length for length in range(9, 1, -1)]
    tokenizer.add_tokens([AddedToken(run, normalized=True) for run in runs])
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=end, eos_token=end, unk_token=end)


def smollm2(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            **_shape(tokenizer), intermediate_size=128, num_hidden_layers=2, num_key_value_heads=2,
            tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        )
    )  # fmt: skip


def llama31(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    rope = {
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 128,
    }  # fmt: skip
    return LlamaForCausalLM(
        LlamaConfig(
            **_shape(tokenizer), intermediate_size=128, num_hidden_layers=2, num_key_value_heads=2,
            rope_parameters=rope, rms_norm_eps=1e-5,
        )
    )  # fmt: skip


def gemma3(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return Gemma3ForCausalLM(
        Gemma3TextConfig(
            **_shape(tokenizer), intermediate_size=128, num_hidden_layers=6, num_key_value_heads=1, head_dim=32,
            query_pre_attn_scalar=32, sliding_window=32,
        )
    )  # fmt: skip


def phi2(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    shape = {**_shape(tokenizer), "vocab_size": -(-len(tokenizer) // 64) * 64 + 64}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.4}
    return PhiForCausalLM(
        PhiConfig(
            **shape, intermediate_size=256, num_hidden_layers=2, num_key_value_heads=4, rope_parameters=rope
        )
    )


def _shape(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    # Far from zero, so that the likeliest token is seldom a near tie.
    return {
        "vocab_size": len(tokenizer), "hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": 2048,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None,
        "initializer_range": 0.2,
    }  # fmt: skip


FAMILIES: dict[str, tuple[Callable[[], PreTrainedTokenizerFast], Callable[[PreTrainedTokenizerFast], PreTrainedModel]]] = {
    "smollm2": (smollm2_tokenizer, smollm2),
    "llama3.1": (llama31_tokenizer, llama31),
    "gemma3": (gemma3_tokenizer, gemma3),
    "phi-2": (phi2_tokenizer, phi2),
}  # fmt: skip


TOKENIZER_CLASSES = {
    "smollm2": "GPT2Tokenizer",
    "llama3.1": "TokenizersBackend",
    "gemma3": "GemmaTokenizer",
    "phi-2": "CodeGenTokenizer",
}
"""What the published folder names."""


def write_base(family: str, folder: Path) -> None:
    """The family's tiny model as a folder that transformers reads."""
    make_tokenizer, make_model = FAMILIES[family]
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    make_model(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = folder / "tokenizer_config.json"
    named = {**json.loads(config.read_text()), "tokenizer_class": TOKENIZER_CLASSES[family]}
    config.write_text(json.dumps(named))
