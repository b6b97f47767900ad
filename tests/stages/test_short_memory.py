"""Where memory is short, a step in parts, or with activations computed again, learns what the whole step would."""

from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.rundir import RunDir
from jobs.specs import PrepareSpec, TrainSpec
from jobs.stages import prepare
from jobs.stages.batches import split_batch
from jobs.stages.train import make_trainer, read_prepared
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


def test_a_batch_is_split_into_parts_within_the_limit() -> None:
    assert split_batch([50, 60, 40, 100], 120) == [[0, 1], [2], [3]]
    assert split_batch([50, 60], 0) == [[0, 1]]
    assert split_batch([500, 10], 120) == [[0], [1]], "a row is never cut"


@pytest.fixture(scope="module")
def prepared(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("short")
    spec = PrepareSpec(
        base="local:tiny", models_dir=str(models_dir), **write_rows(root / "rows.jsonl", visit_rows(6))
    )
    run = run_folder(root / "prepare", spec)
    prepare.main(spec, run)
    return run.artifact


def gradients(
    prepared: Path, models_dir: Path, folder: Path, **changes: Any
) -> tuple[float, list[torch.Tensor]]:
    """The loss and every gradient of one step on all six rows."""
    spec = TrainSpec(base="local:tiny", models_dir=str(models_dir), prepared=str(prepared), **changes)
    folder.mkdir()
    (folder / "precision.json").write_text('{"dtype": "float32"}')  # so that sums can be compared
    torch.manual_seed(0)
    trainer = make_trainer(spec, RunDir(folder), read_prepared(prepared, "train"), [[*range(6)]], [])
    loss = trainer.training_step(trainer.model, trainer.collate(trainer.plan[0]))
    return loss.item(), [p.grad for p in trainer.model.parameters() if p.grad is not None]


@pytest.mark.parametrize("changes", [{"tokens_at_once": 200}, {"recompute": True}])
def test_it_learns_the_same_with_less_memory(
    prepared: Path, models_dir: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    loss, whole = gradients(prepared, models_dir, tmp_path / "whole")
    other_loss, other = gradients(prepared, models_dir, tmp_path / "other", **changes)
    assert other_loss == pytest.approx(loss, rel=1e-5)
    assert len(whole) == len(other) > 0
    for ours, theirs in zip(other, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
