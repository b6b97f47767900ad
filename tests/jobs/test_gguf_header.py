"""A GGUF file's own description, read without its vocabulary and weights, as the gguf package reads it."""

from pathlib import Path

import pytest
from gguf import GGUFReader

from jobs.gguf_header import read_header
from tests.jobs.tiny_gguf import CHAT_TEMPLATE, LAYERS, WIDTH, write_tiny_gguf


def test_it_tells_what_the_gguf_package_tells(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "model.gguf")
    header, reader = read_header(path), GGUFReader(path)
    assert {name: tensor.weights for name, tensor in header.tensors.items()} == {
        tensor.name: int(tensor.n_elements) for tensor in reader.tensors
    }
    for tensor in reader.tensors:
        assert 0 <= header.tensors[tensor.name].bytes - int(tensor.n_bytes) < 32, tensor.name
    for name, fact in reader.fields.items():
        if not name.startswith("GGUF."):
            told = fact.contents()
            assert header.facts[name] == (len(told) if isinstance(told, list) else told), name
    assert header.facts["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert (header.of_model("block_count"), header.of_model("embedding_length")) == (LAYERS, WIDTH)
    assert header.of_model("no_such_fact", 7) == 7


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "model.gguf", context_tokens=4096)
    assert read_header(path).of_model("context_length") == 4096
    write_tiny_gguf(path, context_tokens=512)
    assert read_header(path).of_model("context_length") == 512


@pytest.mark.parametrize("kept", [0, 3, 20, 4000])
def test_a_broken_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = write_tiny_gguf(tmp_path / "model.gguf")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="not a"):
        read_header(path)
