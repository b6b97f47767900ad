"""Pruned models: ordinary checkpoints that lose what was asked for and nothing else, in every family of ours."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from jobs.catalogue import find, installed
from jobs.fetch import fetch
from jobs.rundir import RunDir
from jobs.specs import PrepareSpec, PruneSpec, QuantizeSpec
from jobs.stages import prepare, prune, quantize
from jobs.stages.entry import StageRefusal
from jobs.stages.prepared import read_prepared
from jobs.stages.prune_depth import block_influence, choose_layers, keep_layers, layers_of
from jobs.stages.prune_vocabulary import parts_of, tokens_to_keep, trim_tokenizer
from jobs.stages.prune_width import (
    channel_importance,
    group_importance,
    keep_channels,
    keep_groups,
    mlp_of,
    output_of,
)
from jobs.stages.sources import Translation, load_source
from tests.stages.tiny import run_folder, visit_rows, write_rows
from tests.stages.tiny_bases import FAMILIES, write_base

pytestmark = pytest.mark.slow


class Tiny:
    """A tiny base of one family, with prepared rows."""

    def __init__(self, family: str, root: Path) -> None:
        self.family, self.root = family, root
        write_base(family, root / "own" / family)
        if family == "phi-2":  # It brings no template; the catalogue has one for it.
            (root / "own" / family / "chat_template.jinja").write_text(find("phi-2").chat_template)
        fetch(f"local:{family}", root / "models", on_progress=lambda *_: None, local_root=root / "own")
        self.where = {"base": f"local:{family}", "models_dir": str(root / "models")}
        self.base = installed(self.where["base"], root / "models")
        rows = write_rows(root / "rows.jsonl", [*visit_rows(12), *visit_rows(2, "valid")])
        before = PrepareSpec(**self.where, **rows)
        self.prepared = run_folder(root / "prepare", before).artifact
        prepare.main(before, RunDir(root / "prepare"))
        self.train = read_prepared(self.prepared, "train")

    def prune(self, name: str, **changes: object) -> Path:
        """The artifact folder of a prune stage."""
        spec = PruneSpec(**self.where, prepared=str(self.prepared), rows=4, **changes)  # type: ignore[arg-type]
        run = run_folder(self.root / name, spec)
        prune.main(spec, run)
        return run.artifact

    def logits(self, folder: Path, ids: list[int]) -> torch.Tensor:
        """What plain transformers makes of a folder, with nothing of ours."""
        return answers(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), ids)


def answers(model: PreTrainedModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine cost more than such small models gain by them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=FAMILIES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return Tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def trimmed(tiny: Tiny) -> Path:
    """The base without the tokens that no row has, as a checkpoint."""
    return tiny.prune("vocabulary", trim_vocabulary=True) / "model"


def kept_of(folder: Path) -> list[int]:
    return json.loads((folder / "kept_tokens.json").read_text())


def test_without_tokens_never_seen_a_record_is_tokenized_and_answered_as_before(
    tiny: Tiny, trimmed: Path
) -> None:
    kept = kept_of(trimmed)
    whole, mine = AutoTokenizer.from_pretrained(tiny.base.hf), AutoTokenizer.from_pretrained(trimmed)
    assert 256 < len(mine) == len(kept) < len(whole)
    for row in tiny.train:
        text = whole.decode(row["input_ids"])
        assert [kept[token] for token in mine(text).input_ids] == whole(text).input_ids
    ids = tiny.train[0]["input_ids"]
    renumbered = Translation(kept).row(tiny.train[0])
    assert renumbered is not None
    before, after = tiny.logits(tiny.base.hf, ids)[:, kept], tiny.logits(trimmed, renumbered["input_ids"])
    torch.testing.assert_close(after, before, rtol=0.02, atol=0.05)  # Weights are kept in 16 bits.


def test_words_never_seen_are_still_read_to_the_byte(trimmed: Path) -> None:
    mine = AutoTokenizer.from_pretrained(trimmed)
    for text in ("Zoledronic acid 4 mg, ½ tablet µg", "😀 naïve café", "五十 mg"):
        assert mine.decode(mine(text, add_special_tokens=False).input_ids).strip() == text


def test_the_template_and_the_end_of_a_turn_survive_a_trimmed_vocabulary(tiny: Tiny, trimmed: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "No fever."}]
    whole, mine = load_source(tiny.base, "").tokenizer, AutoTokenizer.from_pretrained(trimmed)
    asked = [t.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for t in (whole, mine)]
    assert asked[0] == asked[1]
    config = json.loads((trimmed / "config.json").read_text())
    assert kept_of(trimmed)[config["eos_token_id"]] == whole.eos_token_id
    assert mine.eos_token == whole.eos_token


def test_pruned_twice_it_is_still_an_ordinary_checkpoint_of_the_shape_asked_for(tiny: Tiny) -> None:
    first = tiny.prune("depth", layers=2, trim_vocabulary=True)
    artifact = tiny.prune("again", model=str(first), layers=1, mlp_channels=64)
    facts = json.loads((artifact / "pruning.json").read_text())
    mine = Translation(kept_of(artifact / "model")).row(tiny.train[0])
    assert mine is not None
    assert tiny.logits(artifact / "model", mine["input_ids"]).isfinite().all()
    assert facts["after"]["parameters"] < facts["before"]["parameters"]
    assert (facts["after"]["layers"], facts["after"]["mlp_channels"]) == (1, 64)


def test_the_engine_serves_a_pruned_model_as_plain_transformers_does(tiny: Tiny, tools_dir: Path) -> None:
    """Every probe's tokens, the end of a turn and the likeliest next tokens: else quantize refuses the model."""
    layers = {"gemma3": 4}.get(tiny.family, 1)
    made = tiny.prune("served", layers=layers, mlp_channels=96, trim_vocabulary=True)
    spec = QuantizeSpec(
        **tiny.where,
        adapter=str(made),
        prepared=str(tiny.prepared),
        tools_dir=str(tools_dir),
        types=("Q8_0",),
    )
    run = run_folder(tiny.root / "quantize", spec)
    outputs, facts = quantize.main(spec, run)
    assert outputs[0].path.is_file()
    assert facts["parity"]["F16"]["agreed"] >= 0.99 * facts["parity"]["F16"]["tokens"] > 50


def test_channels_that_say_nothing_are_the_ones_to_go(tiny: Tiny) -> None:
    model = load_source(tiny.base, "").model
    for layer in layers_of(model):
        mlp_of(layer)[1].weight.data[:, ::4] = 0
    ids = tiny.train[0]["input_ids"]
    before = answers(model, ids)
    keep_channels(model, model.config.intermediate_size * 3 // 4, channel_importance(model, tiny.train[:2]))
    torch.testing.assert_close(answers(model, ids), before, rtol=1e-3, atol=1e-3)


def test_a_layer_that_changes_nothing_is_the_one_to_go(tiny: Tiny) -> None:
    model = load_source(tiny.base, "").model
    idle = 0 if len(layers_of(model)) < 6 else 2
    _silence(layers_of(model)[idle])
    ids = tiny.train[0]["input_ids"]
    before = answers(model, ids)
    influence = block_influence(model, tiny.train[:2])
    assert influence[idle] == min(influence) == pytest.approx(0, abs=1e-5)
    keep_layers(model, [number for number in range(len(influence)) if number != idle])
    torch.testing.assert_close(answers(model, ids), before, rtol=1e-3, atol=1e-3)


def _silence(layer: torch.nn.Module) -> None:
    for linear in (output_of(layer.self_attn), mlp_of(layer)[1]):
        linear.weight.data.zero_()
        if linear.bias is not None:
            linear.bias.data.zero_()


@pytest.mark.parametrize("tiny", ["smollm2", "llama3.1"], indirect=True)
def test_heads_that_say_nothing_are_the_ones_to_go_with_their_key_and_value(tiny: Tiny) -> None:
    model = load_source(tiny.base, "").model
    for number, layer in enumerate(layers_of(model)):
        reader = output_of(layer.self_attn)
        half = reader.in_features // 2
        reader.weight.data[:, :half] *= number % 2
        reader.weight.data[:, half:] *= (number + 1) % 2
    ids = tiny.train[0]["input_ids"]
    before = answers(model, ids)
    keep_groups(model, 1, group_importance(model, tiny.train[:2]))
    assert (model.config.num_key_value_heads, model.config.num_attention_heads) == (1, 2)
    torch.testing.assert_close(answers(model, ids), before, rtol=1e-3, atol=1e-3)
    model.save_pretrained(tiny.root / "heads")
    torch.testing.assert_close(tiny.logits(tiny.root / "heads", ids), before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("tiny", ["phi-2"], indirect=True)
def test_what_a_file_format_cannot_say_is_refused(tiny: Tiny) -> None:
    with pytest.raises(StageRefusal, match="Keep all its heads"):
        tiny.prune("heads", kv_heads=2)
    with pytest.raises(StageRefusal, match="has 2 layers"):
        tiny.prune("deeper", layers=3)


def test_layers_stay_at_places_of_their_kind() -> None:
    """Gemma 3: an engine takes each sixth for the one without a window, whichever it was before."""
    kinds = (["window"] * 5 + ["full"]) * 2
    influence = [1.0, 0.9, 0.1, 0.8, 0.7, 0.2, 0.9, 0.9, 0.9, 0.9, 0.3, 0.6]
    for keep in range(1, 13):
        chosen = choose_layers(influence, kinds, keep)
        assert [kinds[number] for number in chosen] == kinds[:keep]
        assert sorted(set(chosen)) == chosen
    assert choose_layers(influence, kinds, 11) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert choose_layers(influence, ["full"] * 12, 9) == [0, 1, 3, 4, 6, 7, 8, 9, 11]


def test_the_parts_of_a_token_are_those_it_is_made_of() -> None:
    ranks = {pair: rank for rank, pair in enumerate([("l", "o"), ("h", "e"), ("he", "l"), ("hel", "lo")])}
    assert parts_of("hello", ranks) == {"h", "e", "l", "o", "lo", "he", "hel", "hello"}
    assert parts_of("help", ranks) == {"h", "e", "l", "p", "he", "hel"}


def test_a_base_that_lacks_bytes_reads_every_text_as_before_when_trimmed(tmp_path: Path) -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain = "".join(map(chr, range(0x20, 0x7F)))
    backend.train_from_iterator(
        [plain, "cough cough fever °C"], trainers.BpeTrainer(vocab_size=130, show_progress=False)
    )
    whole = PreTrainedTokenizerFast(tokenizer_object=backend)
    kept = tokens_to_keep(whole, whole("cough").input_ids)
    trimmed = trim_tokenizer(whole, kept, tmp_path)
    assert len(kept) < len(whole)
    for text in ("cough", "37 °C, cough", "µg of Łódź 🫀"):
        assert [kept[token] for token in trimmed(text).input_ids if token is not None] == [
            token for piece in whole.tokenize(text) for token in parts(whole, kept, piece)
        ]


def parts(whole: PreTrainedTokenizerFast, kept: list[int], piece: str) -> list[int]:
    """The token itself where it was kept, else its bytes."""
    own = whole.convert_tokens_to_ids(piece)
    return [own] if own in kept else [whole.convert_tokens_to_ids(char) for char in piece]


def test_a_tokenizer_without_bytes_keeps_its_vocabulary() -> None:
    backend = Tokenizer(models.BPE())
    backend.train_from_iterator(["fever and cough"], trainers.BpeTrainer(show_progress=False))
    with pytest.raises(StageRefusal, match="no bytes to fall back on"):
        tokens_to_keep(PreTrainedTokenizerFast(tokenizer_object=backend), [])
