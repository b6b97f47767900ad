"""Private training keeps its promise: the noise is enough, no row can do more than its share, and the run says so."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.rundir import RunDir
from jobs.specs import PrepareSpec, TrainSpec
from jobs.stages import prepare
from jobs.stages.entry import StageRefusal
from jobs.stages.private_sgd import Privacy, epsilon_of, noise_for, privacy_of, set_private_gradients
from jobs.supervisor import run_stage
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow  # imports torch


@pytest.mark.parametrize(
    ("share", "noise", "steps", "delta", "opacus"),
    [
        # Abadi et al., 2016, figure 2, have 1.26 for the first by the older conversion.
        (0.01, 4, 10_000, 1e-5, 1.0354900660),
        (256 / 60_000, 1.3, 3515, 1e-5, 0.9544295087),
        (0.03, 1.0, 70, 1e-5, 2.3115504691),
        (1, 5, 10, 1e-6, 3.1345027119),
    ],
)
def test_the_accountant_agrees_with_opacus(
    share: float, noise: float, steps: int, delta: float, opacus: float
) -> None:
    """opacus 1.6.0, RDPAccountant's analysis at the integer orders 2 to 255."""
    assert epsilon_of(noise, delta, share, steps) == pytest.approx(opacus, rel=1e-9)


def test_the_noise_is_the_least_that_keeps_within_the_budget() -> None:
    noise = noise_for(8.0, 1e-5, 0.03, 70)
    assert epsilon_of(noise, 1e-5, 0.03, 70) <= 8.0
    assert epsilon_of(noise * 0.99, 1e-5, 0.03, 70) > 8.0


def privacy(**changes: Any) -> Privacy:
    whole = {
        "share": 0.1,
        "steps": 500,
        "noise": 0.0,
        "clip": 0.5,
        "epsilon": 8.0,
        "delta": 1e-5,
        "rows_per_step": 4,
        "seed": "s",
    }
    return Privacy(**{**whole, **changes})


def test_rows_are_drawn_each_by_itself_and_the_same_again_after_a_resume() -> None:
    plan = privacy().plan(100)
    assert plan == privacy().plan(100)
    assert plan != privacy(seed="t").plan(100)
    sizes = [len(batch) for batch in plan]
    assert sum(sizes) / len(sizes) == pytest.approx(10, abs=0.5)
    # Binomial, not fixed: a variance of 100 * .1 * .9.
    assert torch.tensor(sizes, dtype=torch.float).var().item() == pytest.approx(9, abs=2)


def gradient(rows: list[torch.Tensor], **changes: Any) -> torch.Tensor:
    weights = torch.nn.Parameter(torch.zeros(3))
    losses = [lambda row=row: weights @ row for row in rows]
    set_private_gradients([weights], losses, privacy(**changes), step=3)
    assert weights.grad is not None
    return weights.grad


def test_a_long_gradient_is_shortened_and_a_short_one_left() -> None:
    short, long = torch.tensor([0.3, 0.0, 0.0]), torch.tensor([0.0, 30.0, 40.0])
    expected = (short + torch.tensor([0.0, 0.3, 0.4])) / 4
    assert torch.allclose(gradient([short, long]), expected, atol=1e-6)


def test_one_row_more_moves_the_sum_by_no_more_than_the_bound() -> None:
    torch.manual_seed(0)
    rows = [100 * torch.randn(3) for _ in range(6)]
    moved = 4 * (gradient(rows) - gradient(rows[:-1]))
    assert moved.norm().item() <= 0.5 + 1e-6


def test_the_noise_has_the_size_that_was_promised_also_where_no_row_was_drawn() -> None:
    weights = torch.nn.Parameter(torch.zeros(100_000))
    loss = set_private_gradients([weights], [], privacy(noise=2.0), step=1)
    assert loss.item() == 0
    assert weights.grad is not None
    assert weights.grad.std().item() == pytest.approx(2.0 * 0.5 / 4, rel=0.02)
    first = weights.grad.clone()
    set_private_gradients([weights], [], privacy(noise=2.0), step=2)
    assert not torch.allclose(first, weights.grad)


def spec(prepared: str = "/p", models_dir: str = "/m", **changes: Any) -> TrainSpec:
    return TrainSpec(base="local:tiny", models_dir=models_dir, prepared=prepared, **changes)


def test_a_delta_that_promises_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageRefusal, match="below 1/40"):
        privacy_of(spec(dp_epsilon=8, dp_delta=0.1), 40, RunDir(tmp_path))
    assert privacy_of(spec(), 40, RunDir(tmp_path)) is None


def test_a_private_run_says_what_it_kept_to_and_forgets_its_seed(models_dir: Path, tmp_path: Path) -> None:
    where = {"base": "local:tiny", "models_dir": str(models_dir)}
    before = PrepareSpec(**where, **write_rows(tmp_path / "rows.jsonl", visit_rows(36)))
    prepared = run_folder(tmp_path / "prepare", before)
    prepare.main(before, prepared)
    wanted = spec(str(prepared.artifact), str(models_dir), dp_epsilon=8, epochs=2, max_valid_rows=0)
    run = run_folder(tmp_path / "train", wanted)
    outcome = run_stage("train", run.path, on_progress=lambda _: True, environment={"OMP_NUM_THREADS": "1"})
    assert outcome.status == "succeeded", run.log.read_text()
    assert outcome.result is not None
    kept = outcome.result["metrics"]["privacy"]
    assert 7.9 < kept["epsilon"] <= 8
    assert (kept["delta"], kept["rows_per_step"], outcome.result["metrics"]["steps"]) == (1e-5, 6, 12)
    written = json.loads((run.artifact / "adapter" / "training.json").read_text())
    assert written["metrics"]["privacy"] == kept
    assert not (run.path / "noise_seed.json").exists()
