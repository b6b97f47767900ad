"""What a quantized file must keep: found on rows, given to ggml, and better for it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from jobs.catalogue import installed
from jobs.rundir import RunDir
from jobs.specs import ImportanceSpec, PrepareSpec
from jobs.stages import importance, prepare
from jobs.stages.gguf_io import quantize_rows
from jobs.stages.packing import answer_logits, pack
from jobs.stages.prepared import read_prepared
from jobs.stages.sources import load_source
from jobs.stages.tensor_types import choose_types, fake_quantize, size_of, total_bytes, uniform
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["Q4_K", "Q5_K", "Q4_0", "Q5_0", "IQ4_NL"])
def test_columns_that_matter_come_back_closer_with_an_importance_matrix(name: str) -> None:
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((200, 512)).astype(np.float32)
    columns = np.exp(2 * rng.standard_normal(512)).astype(np.float32)
    kind = GGMLQuantizationType[name]
    plain, weighed = (
        (columns * (dequantize(quantize_rows(weights, kind, given), kind) - weights) ** 2).mean()
        for given in (None, columns)
    )
    assert weighed < 0.97 * plain


SHAPES = {name: torch.Size((64, 256)) for name in ("blk.0.a.weight", "blk.1.a.weight", "blk.2.a.weight")}
PRICES = {"Q8_0": 0.0, "Q5_0": 1.0, "Q4_K": 3.0, "IQ4_NL": 4.0}


def test_the_tensor_that_matters_least_gives_way_first() -> None:
    weights = zip(SHAPES, (1.0, 100.0, 10.0), strict=True)
    cost = {name: {kind: weight * price for kind, price in PRICES.items()} for name, weight in weights}
    sizes = {kind: size_of((64, 256), kind) for kind in PRICES}
    room = 2 * sizes["Q8_0"] + sizes["Q5_0"]
    assert list(choose_types(cost, SHAPES, room).values()) == ["Q5_0", "Q8_0", "Q8_0"]
    tight = sizes["Q4_K"] + sizes["Q5_0"] + sizes["Q8_0"]
    assert list(choose_types(cost, SHAPES, tight).values()) == ["Q4_K", "Q8_0", "Q5_0"]
    least = 3 * sizes["IQ4_NL"]
    assert total_bytes(choose_types(cost, SHAPES, least), SHAPES) == least
    with pytest.raises(ValueError, match="Raise the limit"):
        choose_types(cost, SHAPES, least - 1)


class Measured:
    """An importance stage over a tiny base one of whose layers matters much more than the other."""

    def __init__(self, root: Path, models_dir: Path) -> None:
        where = {"base": "local:tiny", "models_dir": str(models_dir)}
        rows = write_rows(root / "rows.jsonl", [*visit_rows(12), *visit_rows(8, "valid")])
        before = PrepareSpec(**where, **rows)
        self.prepared = run_folder(root / "prepare", before).artifact
        prepare.main(before, RunDir(root / "prepare"))
        spec = ImportanceSpec(**where, prepared=str(self.prepared), rows=6, as_small_as="Q4_K", probe_rows=4)
        self.run = run_folder(root / "importance", spec)
        self.outputs, self.facts = importance.main(spec, self.run)
        self.model = load_source(installed("local:tiny", models_dir), "").model
        self.types = json.loads((self.run.artifact / "types.json").read_text())["types"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Measured:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return Measured(tmp_path_factory.mktemp("importance"), models_dir)
    finally:
        torch.set_num_threads(before)


def test_every_matrix_of_the_file_has_its_columns_weighed_and_its_type(measured: Measured) -> None:
    from safetensors.numpy import load_file

    found = load_file(measured.run.artifact / "importance.safetensors")
    shapes = {name: module.weight.shape for name, module in importance.named_modules(measured.model).items()}
    assert found.keys() == shapes.keys() == measured.types.keys()
    assert len(shapes) == 15
    for name, shape in shapes.items():
        assert found[name].shape == (shape[1],)
        assert found[name].min() >= 0
        assert found[name].max() > 0
    # q, k and v read the same, and so do gate and up.
    np.testing.assert_array_equal(found["blk.1.attn_q.weight"], found["blk.1.attn_v.weight"])


def test_the_types_fit_the_size_asked_for(measured: Measured) -> None:
    shapes = {name: module.weight.shape for name, module in importance.named_modules(measured.model).items()}
    like = uniform(shapes, "Q4_K")
    assert 0.9 * total_bytes(like, shapes) < measured.facts["bytes"] <= measured.facts["bytes_uniform"]
    assert measured.facts["bytes_uniform"] == total_bytes(like, shapes)
    assert sum(measured.facts["kinds"].values()) == 15


def test_judged_on_other_rows_the_choice_is_no_worse_than_one_type_for_all(measured: Measured) -> None:
    judged = measured.facts["judged"]
    assert judged["untouched"]["kl"] == pytest.approx(0, abs=1e-9)
    assert 0 < judged["mixed"]["kl"] <= 1.05 * judged["uniform"]["kl"]


def test_a_tensor_is_tried_from_its_layer_on_with_the_same_result(measured: Measured) -> None:
    """The short cut past the layers before it changes nothing, and the model is left as it was."""
    modules = importance.named_modules(measured.model)
    rows = read_prepared(measured.prepared, "valid")[:2]
    sensitivity = importance.Sensitivity(measured.model, modules, {}, rows, {})
    name = "blk.1.ffn_down.weight"
    found = sensitivity.measure(name)
    packed = pack(rows)
    with torch.no_grad():
        before = answer_logits(measured.model, packed)
        torch.testing.assert_close(before, sensitivity.untouched)
        modules[name].weight.data = fake_quantize(modules[name].weight, "Q4_0", None)
        whole = importance.divergence(answer_logits(measured.model, packed), before).item()
    assert found == pytest.approx(whole, rel=1e-4)
