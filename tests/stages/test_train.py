"""The train stage as the worker runs it, on a tiny base: it learns, and being killed costs it little."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    PhiConfig,
    PreTrainedConfig,
)

from jobs.progress import Progress, read_new
from jobs.rundir import RunDir
from jobs.specs import PrepareSpec, TrainSpec
from jobs.stages import prepare
from jobs.stages.batches import enough_steps, plan_batches
from jobs.stages.packing import attention, completion_loss, pack
from jobs.supervisor import Outcome, run_stage
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def spec(**changes: object) -> TrainSpec:
    return TrainSpec(**{"base": "local:tiny", "models_dir": "/m", "prepared": "/p", **changes})  # type: ignore[arg-type]


def test_every_row_comes_once_an_epoch_in_batches_within_the_budget() -> None:
    lengths = [50 + 7 * number % 400 for number in range(200)]
    plan = plan_batches(lengths, spec(epochs=2, tokens_per_batch=1024))
    met = [index for batch in plan for index in batch]
    assert sorted(met) == sorted([*range(200), *range(200)])
    assert sorted(met[:200]) == list(range(200))
    assert all(sum(lengths[i] for i in batch) <= 1024 for batch in plan)
    assert sum(lengths) * 2 / (1024 * len(plan)) > 0.9


def test_a_row_beyond_the_budget_is_a_batch_of_its_own() -> None:
    plan = plan_batches([3000, 100, 100], spec(epochs=1, tokens_per_batch=512))
    assert [0] in plan


def test_a_small_dataset_is_learned_in_smaller_batches() -> None:
    assert enough_steps([200] * 1000, spec(epochs=1)).tokens_per_batch == spec().tokens_per_batch
    few = enough_steps([200] * 60, spec(epochs=1))
    assert len(plan_batches([200] * 60, few)) == 60


def test_the_plan_depends_on_the_seed_alone() -> None:
    lengths = list(range(60, 160))
    assert plan_batches(lengths, spec(seed=1)) == plan_batches(lengths, spec(seed=1))
    assert plan_batches(lengths, spec(seed=1)) != plan_batches(lengths, spec(seed=2))


def test_half_an_epoch_is_half_the_batches() -> None:
    lengths = [100] * 80
    assert len(plan_batches(lengths, spec(epochs=1.5, tokens_per_batch=400))) == 30


SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}


@pytest.mark.parametrize(
    "config",
    [
        LlamaConfig(**SHAPE),
        Gemma3TextConfig(
            **SHAPE, head_dim=16, sliding_window=8, layer_types=["sliding_attention", "full_attention"]
        ),
        PhiConfig(**{**SHAPE, "num_key_value_heads": 2}),
    ],
    ids=lambda config: config.model_type,
)
def test_packed_rows_teach_what_each_row_alone_would(config: PreTrainedConfig) -> None:
    """The loss and every gradient: no row sees another, the shared start counts once for each."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    rows = [
        {"input_ids": [1, 2, 3, *own], "labels": [-100] * 8 + own[5:]}
        for own in ([*range(3, 20)], [*range(30, 41)], [*range(50, 59)])
    ]
    each = [
        torch.nn.functional.cross_entropy(
            model(torch.tensor([row["input_ids"]])).logits[0, 7:-1],
            torch.tensor(row["input_ids"][8:]),
            reduction="sum",
        )
        for row in rows
    ]
    alone = sum(each) / (12 + 6 + 4)
    packed = pack(rows)
    assert packed["rows"].tolist() == [3, 17, 11, 9]
    together = completion_loss(model, packed)
    assert together.item() == pytest.approx(alone.item(), rel=1e-5)
    weights = list(model.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(together, weights), torch.autograd.grad(alone, weights), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("length", [100, 700])
def test_attention_written_out_in_blocks_is_that_of_the_library(length: int) -> None:
    torch.manual_seed(0)
    parts = [torch.randn(1, heads, length, 16, requires_grad=True) for heads in (6, 2, 2)]
    theirs = scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=True)
    halves = [part.detach().bfloat16().requires_grad_() for part in parts]
    ours = attention(*halves, scale=None, window=None)
    torch.testing.assert_close(ours.float(), theirs, rtol=0.05, atol=0.03)
    toward = torch.randn_like(theirs)
    theirs.backward(toward)
    ours.backward(toward.bfloat16())
    for half, part in zip(halves, parts, strict=True):
        torch.testing.assert_close(half.grad.float(), part.grad, rtol=0.05, atol=0.1)


@pytest.fixture
def run(models_dir: Path, tmp_path: Path) -> RunDir:
    """A train run of 24 steps over prepared rows, saving after each step."""
    rows = [*visit_rows(48), *visit_rows(4, "valid")]
    where = {"base": "local:tiny", "models_dir": str(models_dir)}
    before = PrepareSpec(**where, **write_rows(tmp_path / "rows.jsonl", rows))
    prepared = run_folder(tmp_path / "1-prepare", before)
    prepare.main(before, prepared)
    wanted = TrainSpec(
        **where,
        prepared=str(prepared.artifact),
        epochs=3,
        learning_rate=1e-2,
        tokens_per_batch=2048,
        checkpoint_every_seconds=1e-6,
    )
    return run_folder(tmp_path / "2-train", wanted)


def train(run: RunDir, on_progress: Callable[[Progress | None], bool] = lambda _: True) -> Outcome:
    return run_stage("train", run.path, on_progress=on_progress, poll_seconds=0.01, environment=ONE_THREAD)


def steps(run: RunDir) -> list[int]:
    lines, _ = read_new(run.progress)
    return [int(line.metrics["step"]) for line in lines if "step" in line.metrics]


def kill_at(step: int) -> Callable[[Progress | None], bool]:
    """Kill the stage outright, as the kernel would for want of memory, once it has made so many steps."""

    def look(line: Progress | None) -> bool:
        if line is not None and line.metrics.get("step", 0) >= step:
            for child in psutil.Process().children():
                if "jobs.stages.train" in child.cmdline():
                    child.send_signal(signal.SIGKILL)
        return True

    return look


def test_it_learns_and_leaves_an_adapter_as_safetensors_alone(run: RunDir) -> None:
    outcome = train(run)
    assert outcome.status == "succeeded", run.log.read_text()
    assert outcome.result is not None
    lines = [line for line in read_new(run.progress)[0] if line.metrics]
    assert lines[-1].metrics["loss"] < lines[0].metrics["loss"] - 0.5
    assert lines[-1].metrics["valid_loss"] < lines[0].metrics["loss"]
    assert (lines[-1].done, lines[-1].seconds_left) == (lines[-1].total, 0)
    (output,) = outcome.result["outputs"]
    assert output["kind"] == "adapter"
    assert (run.path / output["path"]).parent == run.artifact / "adapter"
    assert not [p for p in run.path.rglob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    assert not (run.path / "checkpoints").exists()


@pytest.mark.parametrize("method", ["rslora", "dora", "qlora"])
def test_other_ways_to_make_adapters_learn_too(run: RunDir, method: str) -> None:
    told = json.loads(run.spec.read_text())
    run.spec.write_text(json.dumps({**told, "method": method, "epochs": 1}))
    outcome = train(run)
    assert outcome.status == "succeeded", run.log.read_text()
    lines = [line.metrics for line in read_new(run.progress)[0] if line.metrics]
    assert lines[-1]["valid_loss"] < lines[0]["loss"]
    config = json.loads((run.artifact / "adapter" / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["use_dora"]) == (method == "rslora", method == "dora")


def test_killed_outright_it_goes_on_from_its_last_checkpoint(run: RunDir) -> None:
    assert train(run, kill_at(5)).error_type == "Killed9"
    before = steps(run)
    assert train(run).status == "succeeded", run.log.read_text()
    after = steps(run)[len(before) :]
    assert 1 < after[0] <= before[-1] + 1
    assert after == list(range(after[0], after[-1] + 1))


def losses(run: RunDir) -> list[float]:
    """Each step's loss, of a step made twice the later, and last the validation loss at the end."""
    lines = [line.metrics for line in read_new(run.progress)[0] if "step" in line.metrics]
    by_step = {line["step"]: line["loss"] for line in lines}
    return [*(by_step[step] for step in sorted(by_step)), lines[-1]["valid_loss"]]


def test_killed_three_times_it_learns_exactly_what_an_unbroken_run_learns(
    run: RunDir, tmp_path: Path
) -> None:
    unbroken = run_folder(tmp_path / "unbroken", TrainSpec.from_json(json.loads(run.spec.read_text())))
    assert train(unbroken).status == "succeeded", unbroken.log.read_text()
    for step in (4, 11, 17):
        assert train(run, kill_at(step)).error_type == "Killed9"
    assert train(run).status == "succeeded", run.log.read_text()
    assert losses(run) == pytest.approx(losses(unbroken), rel=1e-4)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(run: RunDir) -> None:
    train(run, kill_at(6))
    older, newest = sorted((run.path / "checkpoints").glob("step-*"))
    weights = newest / "adapter_model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    before = len(steps(run))
    assert train(run).status == "succeeded", run.log.read_text()
    assert steps(run)[before] == int(older.name.removeprefix("step-")) + 1


@pytest.fixture
def small_disk(run: RunDir) -> Iterator[Callable[[str], None]]:
    """The run's folder on a disk of its own with room for two checkpoints; called, it grows."""
    spec = run.spec.read_bytes()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1800k", "none", str(run.path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        run.spec.write_bytes(spec)
        yield (
            lambda size: (
                subprocess.run(["mount", "-o", f"remount,size={size}", str(run.path)], check=True) and None
            )
        )
    finally:
        subprocess.run(["umount", "-l", str(run.path)], check=True)


def test_on_a_full_disk_it_says_so_and_goes_on_once_there_is_room(
    run: RunDir, small_disk: Callable[[str], None]
) -> None:
    outcome = train(run)
    assert (outcome.status, outcome.error_type) == ("failed", "DiskFull"), run.log.read_text()
    before = steps(run)
    small_disk("50m")
    assert train(run).status == "succeeded", run.log.read_text()
    assert 1 < steps(run)[len(before)] <= before[-1] + 1


def test_cancelled_it_keeps_a_checkpoint_of_the_last_step(run: RunDir) -> None:
    assert train(run, lambda line: line is None or line.metrics.get("step", 0) < 3).status == "cancelled"
    newest = max((run.path / "checkpoints").glob("step-*"))
    assert int(newest.name.removeprefix("step-")) == steps(run)[-1]
    assert not run.result.exists()
