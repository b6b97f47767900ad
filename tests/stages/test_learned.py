"""A type that would round away what a training has learned gives way to another of its size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize

from jobs.stages.gguf_io import Recipe, quantize_file
from jobs.stages.learned import kinds_that_keep, share_left, stored_as
from jobs.stages.tensor_types import PROBE, squared_errors

NAME = "blk.0.ffn_up.weight"
ROWS, WIDTH = 256, 576


def on_the_grid(kind: str) -> np.ndarray:
    """Weights as a package's file of this type holds them."""
    return stored_as(np.random.default_rng(1).standard_normal((ROWS, WIDTH)).astype(np.float32), kind, None)


def trained(before: np.ndarray) -> np.ndarray:
    """The same with a change of rank 16 that is 2 % as large."""
    rng = np.random.default_rng(2)
    change = rng.standard_normal((ROWS, 16)) @ rng.standard_normal((16, WIDTH))
    size = 0.02 * np.linalg.norm(before) / np.linalg.norm(change)
    return (before + size * change).astype(np.float32)


def file_of(path: Path, weights: np.ndarray) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.add_tensor(NAME, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(("grid", "wanted", "taken"), [("Q4_1", "Q5_K", "Q5_0"), ("Q5_0", "Q5_0", "Q5_1")])
def test_a_type_that_finds_the_bases_grid_again_is_not_taken(
    tmp_path: Path, grid: str, wanted: str, taken: str
) -> None:
    before = on_the_grid(grid)
    learned = trained(before)
    base, half = file_of(tmp_path / "base.gguf", before), file_of(tmp_path / "half.gguf", learned)
    columns = np.exp(np.random.default_rng(3).standard_normal(WIDTH)).astype(np.float32)
    recipe = Recipe(wanted, {NAME: columns})
    left = share_left(
        before, learned, stored_as(learned, recipe.kind(GGUFReader(half).tensors[0]).name, columns)
    )
    assert left < 0.4

    assert kinds_that_keep(half, base, recipe) == {NAME: taken}
    goal = tmp_path / "goal.gguf"
    quantize_file(half, goal, Recipe(wanted, {NAME: columns}, {NAME: taken}), lambda *_: None)
    stored = GGUFReader(goal).tensors[0]
    assert GGMLQuantizationType(stored.tensor_type).name == taken
    assert share_left(before, learned, dequantize(stored.data, stored.tensor_type)) > 0.6


@pytest.mark.parametrize("wanted", ["Q8_0", "Q6_K", "Q5_0", "Q4_0"])
def test_a_type_that_keeps_it_stays(tmp_path: Path, wanted: str) -> None:
    before = (
        on_the_grid("Q4_1")
        if wanted != "Q4_0"
        else np.random.default_rng(4).standard_normal((ROWS, WIDTH)).astype(np.float32)
    )
    base, half = file_of(tmp_path / "base.gguf", before), file_of(tmp_path / "half.gguf", trained(before))
    assert kinds_that_keep(half, base, Recipe(wanted)) == {}


def test_types_chosen_by_loss_are_chosen_among_those_that_keep_it() -> None:
    before = on_the_grid("Q5_0")
    errors = squared_errors(torch.from_numpy(trained(before)), None, torch.from_numpy(before))
    assert "Q5_0" not in errors
    assert {"Q8_0", "IQ4_NL", PROBE} <= errors.keys()


def test_a_tensor_that_the_base_holds_in_another_shape_or_unchanged_stays(tmp_path: Path) -> None:
    before = on_the_grid("Q4_1")
    base = file_of(tmp_path / "base.gguf", before)
    pruned = file_of(tmp_path / "pruned.gguf", trained(before)[:, :320])
    columns = np.ones(WIDTH, dtype=np.float32)
    assert kinds_that_keep(pruned, base, Recipe("Q5_K", {NAME: columns[:320]})) == {}
    assert (
        kinds_that_keep(file_of(tmp_path / "same.gguf", before), base, Recipe("Q5_K", {NAME: columns})) == {}
    )
