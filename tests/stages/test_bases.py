"""Each family of the catalogue the whole way: prepared, trained, merged, converted, served, and answering as trained."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertConfig, BertModel, Gemma3Config, Gemma3ForConditionalGeneration

from jobs.adapters import Weights
from jobs.catalogue import PHI_TEMPLATE, installed
from jobs.fetch import fetch
from jobs.model_server import temporary_server
from jobs.specs import PrepareSpec, QuantizeSpec, TrainSpec
from jobs.stages import parity, prepare, quantize, train
from jobs.stages.entry import StageRefusal
from jobs.stages.parity import (
    PROBES,
    Agreement,
    Sample,
    check_end,
    check_prompts,
    compare,
    engine,
    kl_of,
    require,
    take_samples,
)
from jobs.stages.serving import prompt_tokens
from jobs.stages.sources import load_source
from jobs.stages.tokens import encode
from jobs.stages.weights import ensure_hf_folder, load_model, load_tokenizer
from tests.stages.tiny import run_folder, visit_rows, write_rows
from tests.stages.tiny_bases import FAMILIES, TOKENIZER_CLASSES, gemma3, gemma3_tokenizer, write_base

pytestmark = pytest.mark.slow

LLAMA_TARGETS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
TARGETS = {
    "smollm2": LLAMA_TARGETS,
    "llama3.1": LLAMA_TARGETS,
    "gemma3": LLAMA_TARGETS,
    "phi-2": {"q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"},
}
"""Every linear layer but the output."""
RULES = {"smollm2": "smollm", "llama3.1": "llama-bpe", "gemma3": "granite-embed-multi-311m", "phi-2": "gpt-2"}
ENDS = {
    "smollm2": "<|im_end|>",
    "llama3.1": "<|eot_id|>",
    "gemma3": "<end_of_turn>",
    "phi-2": "<|endoftext|>",
}


def bring(models: Path, name: str) -> None:
    """A folder of the clinic's own, fetched."""
    fetch(f"local:{name}", models, on_progress=lambda *_: None, local_root=models / "own")


@dataclass
class Way:
    """One family's run, as far as its files."""

    family: str
    root: Path
    models: Path
    metrics: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.root / "quantize" / "artifact" / "model-Q8_0.gguf"

    @property
    def tokenizer(self) -> Any:
        base = installed(f"local:{self.family}", self.models)
        return load_tokenizer(base.hf, base)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


@pytest.fixture(scope="module", params=FAMILIES)
def way(
    request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory, tools_dir: Path
) -> Way:
    family: str = request.param
    root = tmp_path_factory.mktemp(family)
    write_base(family, models / "own" / family)
    bring(models, family)
    where = {"base": f"local:{family}", "models_dir": str(models)}
    rows = write_rows(root / "rows.jsonl", [*visit_rows(12), *visit_rows(4, "valid")])
    folders = {stage: root / stage / "artifact" for stage in ("prepare", "train", "quantize")}
    made = {
        "prepare": (prepare, PrepareSpec(**where, **rows)),
        "train": (train, TrainSpec(**where, prepared=str(folders["prepare"]), epochs=2, max_valid_rows=0)),
        "quantize": (
            quantize,
            QuantizeSpec(
                **where, adapter=str(folders["train"]), prepared=str(folders["prepare"]), tools_dir=str(tools_dir),
                types=("F16", "Q8_0", "LORA"),
            ),
        ),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "TOKENS_A_ROW", 10_000)  # every token of the rows
        for stage, (module, spec) in made.items():
            _, metrics = module.main(spec, run_folder(root / stage, spec))
    return Way(family, root, models, metrics)


@pytest.fixture(scope="module")
def client(way: Way) -> Iterator[httpx.Client]:
    with temporary_server(way.file, var=way.root, context_tokens=1024) as (port, key):
        address, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            yield client


def test_the_engine_answers_as_the_trained_model_at_every_token(way: Way) -> None:
    half = Agreement(**way.metrics["parity"]["F16"])
    assert half.tokens > 500
    assert half.share >= 0.99
    assert half.kl < 1e-3
    assert Agreement(**way.metrics["parity"]["Q8_0"]).share >= 0.9


def test_an_adapter_upon_its_base_answers_as_the_trained_model(way: Way) -> None:
    half = Agreement(**way.metrics["parity"]["LORA_F16"])
    assert half.tokens == way.metrics["parity"]["F16"]["tokens"]
    assert half.share >= 0.99
    assert half.kl < 1e-3
    assert Agreement(**way.metrics["parity"]["LORA"]).share >= 0.9


def test_a_tensor_flipped_on_purpose_is_caught(way: Way, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.gguf"
    shutil.copy(way.root / "quantize" / "artifact" / "model-F16.gguf", spoilt)
    tensors = {tensor.name: tensor for tensor in GGUFReader(spoilt, "r+").tensors}
    data = tensors["blk.0.ffn_down.weight"].data
    data[:] = data[::-1].copy()
    data.flush()
    base = installed(f"local:{way.family}", way.models)
    source = load_source(base, str(way.root / "train" / "artifact"))
    samples = take_samples(source, way.root / "prepare" / "artifact")
    with engine(Weights(spoilt), samples, tmp_path) as client:
        agreement = compare(client, samples)
    assert agreement.kl > 10 * Agreement(**way.metrics["parity"]["F16"]).kl
    with pytest.raises(StageRefusal, match="answers otherwise than the trained one"):
        require(agreement)


@pytest.mark.parametrize(
    ("served", "kl"),
    [({1: 0.5, 2: 0.25, 3: 0.25}, 0.0), ({1: 0.25, 2: 0.5, 3: 0.25}, 0.25 * math.log(2)), ({2: 1e-9}, 10.0)],
)
def test_the_divergence_of_two_models_is_that_of_their_likeliest_tokens(
    served: dict[int, float], kl: float
) -> None:
    trained = {1: math.log(0.5), 2: math.log(0.25)}
    found = kl_of(trained, {token: math.log(share) for token, share in served.items()})
    assert found == pytest.approx(kl, abs=1e-9) if kl < 1 else found > kl


def test_the_engine_reads_every_prompt_as_the_tokens_trained_on(way: Way, client: httpx.Client) -> None:
    for source, section in PROBES:
        trained, completion = encode(way.tokenizer, source, "A summary.", section)
        assert prompt_tokens(client, source, section) == trained
        assert way.tokenizer.convert_ids_to_tokens(completion[-1]) == ENDS[way.family]


def test_the_tokens_are_those_of_the_file_and_not_of_a_class(way: Way) -> None:
    named = AutoTokenizer.from_pretrained(way.models / "own" / way.family)
    assert type(named).__name__ == TOKENIZER_CLASSES[way.family]
    assert GGUFReader(way.file).fields["tokenizer.ggml.pre"].contents() == RULES[way.family]


def test_lora_goes_to_every_linear_layer(way: Way) -> None:
    adapter = load_file(way.root / "train" / "artifact" / "adapter" / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in adapter} == TARGETS[way.family]


def test_what_was_trained_is_in_the_served_weights(way: Way) -> None:
    layer = "fc2" if way.family == "phi-2" else "down_proj"
    name = f"model.layers.0.mlp.{layer}"
    adapter = load_file(way.root / "train" / "artifact" / "adapter" / "adapter_model.safetensors")
    down, up = (adapter[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    before = load_file(way.models / "own" / way.family / "model.safetensors")[f"{name}.weight"]
    learned = 2 * up @ down  # alpha is twice the rank
    tensors = {tensor.name: tensor for tensor in GGUFReader(way.file).tensors}
    tensor = tensors["blk.0.ffn_down.weight"]
    served = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type)).reshape(before.shape)
    share = ((served - before) * learned).sum() / learned.square().sum()
    assert 0.9 < share < 1.1


def test_an_end_of_turn_that_the_engine_reads_over_is_refused(way: Way, client: httpx.Client) -> None:
    end = way.tokenizer.convert_tokens_to_ids(ENDS[way.family])
    ordinary = encode(way.tokenizer, "Any record.", "A summary.")[1][0]
    check_end(client, Sample([ordinary, ordinary, end], [], []))
    with pytest.raises(StageRefusal, match="does not stop at the end of turn"):
        check_end(client, Sample([ordinary, end, ordinary], [], []))


def test_a_prompt_read_as_other_tokens_is_refused(way: Way, client: httpx.Client) -> None:
    drifted = way.tokenizer
    drifted.chat_template = drifted.chat_template.replace("\n", "\n\n")
    assert drifted.chat_template != way.tokenizer.chat_template
    check_prompts(client, way.tokenizer)
    with pytest.raises(StageRefusal, match=r"other tokens than the trainer \(probe 1, token "):
        check_prompts(client, drifted)


def test_a_file_that_drifts_is_refused() -> None:
    require(Agreement(99, 100, 0.0))
    with pytest.raises(StageRefusal, match="98 of 100 tokens agree"):
        require(Agreement(98, 100, 0.0))


def test_a_llama_prompt_is_the_same_on_every_day(models: Path) -> None:
    write_base("llama3.1", models / "own" / "llama-today")
    bring(models, "llama-today")
    base = installed("local:llama-today", models)
    tokenizer = load_tokenizer(base.hf, base)
    chat = [{"role": "user", "content": "Hello"}]
    today = tokenizer.apply_chat_template(chat, tokenize=False, date_string="25 Nov 2026")
    assert today == tokenizer.apply_chat_template(chat, tokenize=False)
    assert "Today Date: 26 Jul 2024" in today


def test_a_template_with_the_day_in_it_is_refused(models: Path) -> None:
    write_base("smollm2", models / "own" / "clock")
    template = models / "own" / "clock" / "chat_template.jinja"
    template.write_text(template.read_text() + "{{ strftime_now('%d %b %Y') }}")
    bring(models, "clock")
    base = installed("local:clock", models)
    with pytest.raises(StageRefusal, match="writes today's date"):
        load_tokenizer(base.hf, base)


def test_a_base_without_a_template_gets_its_familys(models: Path) -> None:
    write_base("phi-2", models / "own" / "phi-bare")
    bring(models, "phi-bare")
    base = installed("local:phi-bare", models)
    assert load_tokenizer(base.hf, base).chat_template == PHI_TEMPLATE
    write_base("smollm2", models / "own" / "bare")
    (models / "own" / "bare" / "chat_template.jinja").unlink()
    bring(models, "bare")
    base = installed("local:bare", models)
    with pytest.raises(StageRefusal, match="local:bare brings no chat template"):
        load_tokenizer(base.hf, base)


def test_another_architecture_is_refused_before_anything_is_trained(models: Path, tmp_path: Path) -> None:
    encoder = models / "own" / "encoder"
    gemma3_tokenizer().save_pretrained(encoder)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(**shape)).save_pretrained(encoder)
    bring(models, "encoder")
    rows = write_rows(tmp_path / "rows.jsonl", visit_rows(4))
    spec = PrepareSpec(base="local:encoder", models_dir=str(models), **rows)
    with pytest.raises(
        StageRefusal, match="local:encoder is BertModel, which cannot be trained here"
    ) as told:
        prepare.main(spec, run_folder(tmp_path / "run", spec))
    assert "LlamaForCausalLM" in str(told.value)


def test_of_a_model_that_sees_the_part_that_reads_is_loaded(models: Path) -> None:
    tokenizer = gemma3_tokenizer()
    sight = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=gemma3(tokenizer).config.to_dict(),
        vision_config={**sight, "image_size": 28, "patch_size": 14},
    )
    torch.manual_seed(0)
    whole = Gemma3ForConditionalGeneration(config).eval()
    whole.save_pretrained(models / "own" / "seeing")
    tokenizer.save_pretrained(models / "own" / "seeing")
    bring(models, "seeing")
    part = load_model(ensure_hf_folder(installed("local:seeing", models)), torch.float32).eval()
    tokens = torch.tensor([tokenizer("Any fever?").input_ids])
    assert type(part).__name__ == "Gemma3ForCausalLM"
    with torch.no_grad():
        assert torch.equal(part(tokens).logits, whole(tokens).logits)
