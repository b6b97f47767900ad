"""A real GGUF of two layers and width 32, made in milliseconds: random weights, and letters without sense for
text.

Greedy decoding of one seed always gives the same text and another seed another one, so a test can tell which
model answered. The end-of-text token is never the likeliest, so generation runs to the request's limit.
"""

from pathlib import Path

import gguf
import numpy as np

from jobs.adapters import BASE_SHA256
from jobs.rundir import file_sha256

WIDTH, HIDDEN, LAYERS, HEADS = 32, 64, 2, 4
CONTROLS = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{value:02X}>" for value in range(256)]
LETTERS = ["▁", *"abcdefghijklmnopqrstuvwxyz"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def write_tiny_gguf(path: Path, *, seed: int = 0, context_tokens: int = 4096) -> Path:
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "llama")
    _write_header(writer, context_tokens)

    def tensor(name: str, *shape: int, scale: float = 0.3) -> None:
        writer.add_tensor(name, (rng.standard_normal(shape) * scale).astype(np.float32))

    vocabulary = len(CONTROLS) + len(BYTES) + len(LETTERS)
    tensor("token_embd.weight", vocabulary, WIDTH)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
        tensor(f"blk.{layer}.ffn_gate.weight", HIDDEN, WIDTH)
        tensor(f"blk.{layer}.ffn_up.weight", HIDDEN, WIDTH)
        tensor(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, dtype=np.float32))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    output = rng.standard_normal((vocabulary, WIDTH)).astype(np.float32)
    output[: len(CONTROLS) + len(BYTES)] = 0  # only letters ever win: the answer is always whole UTF-8
    writer.add_tensor("output.weight", output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_header(writer: gguf.GGUFWriter, context_tokens: int) -> None:
    writer.add_context_length(context_tokens)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(CONTROLS) + len(BYTES) + len(LETTERS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*CONTROLS, *BYTES, *LETTERS])
    writer.add_token_scores([0.0] * (len(CONTROLS) + len(BYTES)) + [-1.0] * len(LETTERS))
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_token_types(
        [*kinds, *[gguf.TokenType.BYTE] * len(BYTES), *[gguf.TokenType.NORMAL] * len(LETTERS)]
    )
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_tiny_adapter(path: Path, base: Path, *, seed: int, rank: int = 4) -> Path:
    """A LoRA adapter upon ``base``, a file of ``write_tiny_gguf``: with each seed the same prompt gets another answer."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0 * rank)
    writer.add_string(BASE_SHA256, file_sha256(base))
    writer.add_chat_template(CHAT_TEMPLATE)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            for side, shape in (("lora_a", (rank, WIDTH)), ("lora_b", (WIDTH, rank))):
                matrix = (rng.standard_normal(shape) * 0.3).astype(np.float32)
                writer.add_tensor(f"blk.{layer}.{name}.weight.{side}", matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
