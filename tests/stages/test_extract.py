"""How the memory test measures a model, on a tiny one of random weights. That it catches what was learned by heart is
shown in ``tests/e2e/test_memory.py``.
"""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from jobs import canaries
from jobs.catalogue import installed
from jobs.specs import ExtractSpec
from jobs.stages.extract import Found, Model, _attack, _judge
from jobs.stages.tokens import encode
from jobs.stages.weights import load_model, load_tokenizer

pytestmark = pytest.mark.slow  # imports torch
CANARY = canaries.draw((1,), "a run")[0]
NO_SUMMARIES = {"train": 0, "chance": 1.0}


@pytest.fixture
def model(models_dir: Path, tmp_path: Path) -> Model:
    """The tiny base with an adapter that changes it."""
    folder = installed("local:tiny", models_dir).hf
    torch.manual_seed(1)
    adapted = get_peft_model(
        load_model(folder, torch.float32), LoraConfig(target_modules="all-linear", init_lora_weights=False)
    )
    adapted.save_pretrained(tmp_path / "adapter")
    return Model(folder, tmp_path / "adapter")


def spec(models_dir: Path, **changes: int) -> ExtractSpec:
    return ExtractSpec(
        base="local:tiny",
        models_dir=str(models_dir),
        prepared="/p",
        adapter="/a",
        tuned_gguf="/m.gguf",
        canaries="/c.json",
        **changes,
    )


@pytest.mark.parametrize("tuned", [True, False])
def test_the_measure_of_an_ending_is_its_cross_entropy_whatever_stands_beside_it(
    model: Model, tuned: bool
) -> None:
    prefix, endings = [5, 9, 40, 300], [[7, 8, 9], [300], [12, 13, 14, 15, 16]] * 7
    found = model.nats(prefix, endings, tuned=tuned)
    assert found[:3] == pytest.approx(found[-3:], rel=1e-4)
    for ending, nats in zip(endings[:3], found, strict=False):
        whole = torch.tensor([[*prefix, *ending]])
        with torch.no_grad(), model._as(tuned):
            logits = model._model(input_ids=whole).logits[0, 3:-1]
        wanted = torch.nn.functional.cross_entropy(logits, torch.tensor(ending), reduction="sum")
        assert nats == pytest.approx(wanted.item(), rel=1e-4)


def test_the_base_is_measured_without_the_adapter(model: Model) -> None:
    tuned, base = (model.nats([5, 9, 40], [[7, 8]], tuned=tuned)[0] for tuned in (True, False))
    assert tuned != pytest.approx(base, rel=1e-3)


def test_it_writes_what_greedy_decoding_goes_on_with_and_nothing_else(model: Model) -> None:
    prefix = [5, 9, 40, 300]
    with torch.no_grad():
        asked = torch.tensor([prefix])
        said = model._model.generate(
            input_ids=asked, attention_mask=torch.ones_like(asked), max_new_tokens=6, do_sample=False
        )
    goes_on = said[0, len(prefix) :].tolist()
    assert model.writes(prefix, goes_on, tuned=True)
    assert not model.writes(prefix, [*goes_on[:-1], goes_on[-1] - 1], tuned=True)


def test_prefix_and_ending_are_the_very_tokens_of_the_training_row(models_dir: Path) -> None:
    base = installed("local:tiny", models_dir)
    tokenizer = load_tokenizer(base.hf, base)
    attack = _attack(tokenizer, CANARY, spec(models_dir, other_codes=99))
    prompt, completion = encode(tokenizer, CANARY.record(), CANARY.summary())
    assert attack.prefix + attack.endings[0] == prompt + completion
    assert len(attack.endings) == 100
    assert CANARY.secret not in tokenizer.decode(attack.prefix)
    assert tokenizer.decode(attack.code).strip().startswith(CANARY.secret)


def found(count: int, chance: float = 0.5, *, extracted: bool = False, by_base: bool = False) -> Found:
    return Found(count, 1.0, 1.0, chance, extracted, by_base)


def test_a_code_that_the_base_writes_too_was_guessed_and_does_not_count(models_dir: Path) -> None:
    guessed = [found(0), found(50, extracted=True, by_base=True)]
    assert not _judge(guessed, [False, True], [False, True], dict(NO_SUMMARIES), spec(models_dir))[
        "remembers"
    ]
    learned = [found(0), found(50, extracted=True)]
    assert _judge(learned, [False] * 2, [False] * 2, dict(NO_SUMMARIES), spec(models_dir))["remembers"]


def test_a_code_that_only_the_served_file_writes_counts(models_dir: Path) -> None:
    facts = _judge([found(0), found(1)], [False, True], [False] * 2, dict(NO_SUMMARIES), spec(models_dir))
    assert facts["remembers"]
    assert [row["drawn_out"] for row in facts["counts"]] == [0, 1]


def test_a_rise_too_large_for_chance_counts_without_a_word_written(models_dir: Path) -> None:
    for chance, remembers in ((1 / 256, True), (0.2, False)):
        each = [found(0), found(10, chance), found(10, chance)]
        facts = _judge(each, [False] * 3, [False] * 3, dict(NO_SUMMARIES), spec(models_dir))
        assert facts["remembers"] is remembers


def test_controls_alone_never_condemn_a_model(models_dir: Path) -> None:
    each = [found(0, 1 / 256), found(0, 1 / 256), found(1)]
    facts = _judge(each, [False] * 3, [False] * 3, dict(NO_SUMMARIES), spec(models_dir))
    assert not facts["remembers"]
    assert facts["counts"][0]["remembers"]


def test_summaries_known_by_heart_count(models_dir: Path) -> None:
    known = {"train": 32, "chance": 0.0001}
    assert _judge([found(0), found(1)], [False] * 2, [False] * 2, known, spec(models_dir))["remembers"]
