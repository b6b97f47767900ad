"""ggml's kernels through ctypes: what they make must be what the reference decoder reads."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize

from jobs.stages.gguf_io import Recipe, describe, quantize_file, quantize_rows

# Root mean square errors on unit normals, measured with llama.cpp's own files.
ERRORS = {"Q8_0": 0.006, "Q6_K": 0.02, "Q5_K": 0.04, "Q5_0": 0.045, "Q5_1": 0.045, "Q4_K": 0.075}


@pytest.mark.parametrize("name", ERRORS)
def test_weights_come_back_as_close_as_the_type_allows(name: str) -> None:
    weights = np.random.default_rng(1).standard_normal((1500, 512)).astype(np.float32)
    kind = GGMLQuantizationType[name]
    back = dequantize(quantize_rows(weights, kind), kind)
    assert back.shape == weights.shape
    # Row by row, so that a part put in the wrong place by a thread would show.
    errors = np.sqrt(((back - weights) ** 2).mean(axis=1))
    assert 0 < errors.mean() < ERRORS[name]
    assert errors.max() < 2 * ERRORS[name]


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A small 16-bit file with rows of 256, of 576 and of 40 weights, and a norm."""
    path = tmp_path / "f16.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_chat_template("{{ messages }}")
    writer.add_token_list(["<s>", "ä", "b"])
    writer.add_bool("tokenizer.ggml.add_bos_token", False)
    rng = np.random.default_rng(2)
    for name, width in (("token_embd", 256), ("blk.0.attn_q", 256), ("blk.0.ffn_up", 576), ("odd", 40)):
        writer.add_tensor(f"{name}.weight", rng.standard_normal((300, width)).astype(np.float16))
    writer.add_tensor("output_norm.weight", rng.standard_normal(256).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def types(path: Path) -> dict[str, str]:
    return {tensor.name: GGMLQuantizationType(tensor.tensor_type).name for tensor in GGUFReader(path).tensors}


def test_rows_that_do_not_fit_a_k_quant_fall_back(half: Path, tmp_path: Path) -> None:
    quantize_file(half, tmp_path / "q4.gguf", Recipe("Q4_K"), lambda *_: None)
    assert types(tmp_path / "q4.gguf") == {
        "token_embd.weight": "Q6_K",
        "blk.0.attn_q.weight": "Q4_K",
        "blk.0.ffn_up.weight": "Q5_0",
        "odd.weight": "F16",
        "output_norm.weight": "F32",
    }


def test_metadata_and_weights_survive(half: Path, tmp_path: Path) -> None:
    goal = tmp_path / "q8.gguf"
    told: list[tuple[int, int]] = []
    quantize_file(half, goal, Recipe("Q8_0"), lambda *line: told.append(line))
    assert told[-1] == (5, 5)
    before, after = GGUFReader(half), GGUFReader(goal)
    for name in ("tokenizer.chat_template", "tokenizer.ggml.tokens", "tokenizer.ggml.add_bos_token"):
        assert after.fields[name].contents() == before.fields[name].contents()
    for old, new in zip(before.tensors, after.tensors, strict=True):
        kept = dequantize(new.data, new.tensor_type)
        assert np.abs(kept - old.data.astype(np.float32)).max() < 0.03
    assert describe(goal)["chat_template"] == "{{ messages }}"


def test_a_file_cut_off_is_told(half: Path) -> None:
    content = half.read_bytes()
    half.write_bytes(content[:-5000])
    with pytest.raises(ValueError, match="reshape"):
        describe(half)


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """As on a full disk: no file may grow beyond the size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_earlier_file_as_it_was(half: Path, tmp_path: Path) -> None:
    goal = tmp_path / "model.gguf"
    quantize_file(half, goal, Recipe("Q8_0"), lambda *_: None)
    earlier = goal.read_bytes()
    with files_up_to(100_000), pytest.raises(OSError) as caught:  # noqa: PT011 - the number is looked at below
        quantize_file(half, goal, Recipe("Q6_K"), lambda *_: None)
    assert caught.value.errno is not None
    assert goal.read_bytes() == earlier
    assert not list(tmp_path.glob(".*.tmp"))
