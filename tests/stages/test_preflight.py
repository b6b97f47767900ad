"""The rehearsal of a training: what it says, what it chooses where memory is short, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.rundir import RunDir
from jobs.specs import PreflightSpec, PrepareSpec, TrainSpec
from jobs.stages import preflight, prepare
from jobs.stages.batches import enough_steps, plan_batches
from jobs.stages.costs import (
    Memory,
    Way,
    Work,
    choose_way,
    fit_seconds,
    passes,
    predict_seconds,
    probe_steps,
    step_work,
)
from jobs.stages.entry import StageRefusal
from jobs.stages.train import read_prepared
from jobs.supervisor import run_stage
from tests.stages.tiny import run_folder, visit_rows, write_rows

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
ROWS = [{"input_ids": [1] * 10 + [2] * n, "labels": [-100] * (n - 2) + [3] * 12} for n in range(20, 140, 10)]


def work(tokens: int, attention: int = 0, answers: int = 10) -> Work:
    return Work(tokens, attention, answers, (tokens,))


def test_the_cost_of_a_step_is_found_again_from_a_few() -> None:
    """0.002 s a token, 1e-6 s a squared token, 0.5 s a new width, 0.1 s a step; 9 s more for the very first."""
    again = [work(t, t * t // 2) for t in (64, 128, 256, 512)]
    works = [work(512, 512 * 512), *[work(t, t * t) for t in (64, 128, 256)], *again]
    extras = [9.0, 0.5, 0.5, 0.5, 0, 0, 0, 0]
    seconds = [
        0.002 * w.tokens + 1e-6 * w.attention + extra + 0.1 for w, extra in zip(works, extras, strict=True)
    ]
    fitted = fit_seconds(works, seconds)
    assert fitted[[0, 1, 3]] == pytest.approx([0.002, 1e-6, 0.5], rel=1e-4)
    # All have ten answers, so that nobody can tell whose these seconds are.
    assert 10 * fitted[2] + fitted[4] == pytest.approx(0.1, rel=1e-4)
    assert predict_seconds(fitted, [work(256, 256 * 64)] * 3) == pytest.approx(
        [1.128, 0.628, 0.628], rel=1e-3
    )


def test_noise_makes_no_part_of_the_cost_negative() -> None:
    rng = np.random.default_rng(0)
    works = [work(t, t * t) for t in (64, 64, 128, 128, 256, 256)]
    fitted = fit_seconds(works, [0.001 * w.tokens * rng.uniform(0.5, 1.5) for w in works])
    assert (fitted >= 0).all()
    assert predict_seconds(fitted, works).sum() > 0


def test_the_lightest_the_heaviest_and_the_most_answers_are_tried() -> None:
    works = [work(100), work(50), work(400), work(300, answers=99), work(200), *[work(250)] * 20]
    tried = [works[i] for i in probe_steps(works)]
    assert tried[0].tokens == 50
    assert tried[-1].tokens == 400
    assert any(w.answers == 99 for w in tried)
    assert len(tried) <= 5


def test_the_work_of_a_step_counts_the_shared_start_once() -> None:
    (whole,) = step_work(ROWS, [[0, 1]], 0)
    assert whole.tokens == 64, "30 and 40 tokens, 28 of them shared, filled up to a multiple of 16"
    assert whole.attention == 30**2 + 40**2
    assert whole.answers == 24
    assert len(passes(ROWS, [0, 1], 35)) == 2


MEMORY = Memory(held_bytes=1e6, token_bytes=1e5, layers=10, hidden_size=100, vocabulary=1000)
PLAN = [[10, 11], [0, 1, 2], [3, 4, 5, 6]]


def need(way: Way) -> float:
    return max(
        MEMORY.need(part, way.recompute) for batch in PLAN for part in passes(ROWS, batch, way.tokens_at_once)
    )


def test_with_memory_enough_a_step_goes_through_at_once() -> None:
    assert choose_way(MEMORY, ROWS, PLAN, 1e9)[0] == Way(0, False)


def test_with_less_a_step_goes_through_in_parts_and_with_still_less_it_is_computed_twice() -> None:
    whole, recomputed = need(Way(0, False)), need(Way(0, True))
    parts, peak = choose_way(MEMORY, ROWS, PLAN, whole * 0.95)
    assert not parts.recompute
    assert parts.tokens_at_once > 0
    assert peak == need(parts) < whole
    assert choose_way(MEMORY, ROWS, PLAN, recomputed * 1.05)[0] == Way(0, True)


def test_where_nothing_fits_the_leanest_is_told() -> None:
    way, peak = choose_way(MEMORY, ROWS, PLAN, 10)
    assert way.recompute
    assert peak == need(way) > 10


@pytest.fixture
def spec(models_dir: Path, tmp_path: Path) -> PreflightSpec:
    where: dict[str, Any] = {"base": "local:tiny", "models_dir": str(models_dir)}
    rows = [*visit_rows(30), *visit_rows(4, "valid")]
    rows[7]["source"] += " Patient: It began after the garden." * 6
    before = PrepareSpec(**where, **write_rows(tmp_path / "rows.jsonl", rows))
    prepare.main(before, run_folder(tmp_path / "prepare", before))
    return PreflightSpec(**where, prepared=str(tmp_path / "prepare" / "artifact"), epochs=2)


@pytest.fixture
def refusal(spec: PreflightSpec, tmp_path: Path) -> Callable[..., str]:
    def refused(**changes: Any) -> str:
        wanted = replace(spec, **changes)
        with pytest.raises(StageRefusal) as caught:
            preflight.main(wanted, run_folder(tmp_path / "refused", wanted))
        return str(caught.value)

    return refused


@pytest.mark.slow
def test_it_foretells_the_training_and_leaves_nothing_behind(spec: PreflightSpec, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "preflight", spec)
    outcome = run_stage("preflight", run.path, on_progress=lambda _: True, environment=ONE_THREAD)
    assert outcome.result is not None, run.log.read_text()
    told = outcome.result["metrics"]
    lengths = [len(row["input_ids"]) for row in read_prepared(Path(spec.prepared), "train")]
    assert told["steps"] == len(plan_batches(lengths, enough_steps(lengths, spec)))
    assert told["seconds"] == pytest.approx(sum(told["parts_s"].values()))
    assert all(seconds > 0 for seconds in told["parts_s"].values())
    assert told["longest"]["tokens"] >= max(lengths)
    assert min(told["longest"][part] for part in ("forward_s", "backward_s", "optimizer_s")) > 0
    assert told["chosen"] == {"tokens_at_once": 0, "recompute": False}
    assert told["generated_tokens_per_s"] > 0
    left = {path.name for path in run.path.rglob("*") if path.is_file()}
    assert not left & {"adapter_model.safetensors", "optimizer.pt", "trainer_state.json"}

    fields = {name: getattr(spec, name) for name in TrainSpec.__dataclass_fields__}
    train = run_folder(tmp_path / "train", TrainSpec(**{**fields, "checkpoint_every_seconds": 0.2}))
    sizes: list[int] = []

    def look(_: object) -> bool:
        for checkpoint in (train.path / "checkpoints").glob("step-*"):
            sizes.append(sum(f.stat().st_size for f in checkpoint.rglob("*") if f.is_file()))
        return True

    trained = run_stage("train", train.path, on_progress=look, poll_seconds=0.05, environment=ONE_THREAD)
    assert trained.result is not None
    used = trained.result["used"]
    assert told["peak_bytes"] == pytest.approx(used["peak_bytes"], rel=0.15)
    assert used["seconds"] > 0
    # The trainer's own log in a checkpoint grows with the steps.
    assert told["disk_bytes"]["checkpoint"] == pytest.approx(max(sizes), rel=0.15)


@pytest.mark.slow
def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(refusal: Callable[..., str]) -> None:
    told = refusal(memory_limit_bytes=1000)
    assert "weights of local:tiny alone" in told
    assert "manage.py machine_plan local:tiny" in told


@pytest.mark.slow
def test_a_record_too_long_for_the_memory_is_named_by_its_length_with_advice(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = Memory(held_bytes=0, token_bytes=1e6, layers=2, hidden_size=64, vocabulary=600)
    monkeypatch.setattr(preflight, "measure_memory", lambda *_: greedy)
    told = refusal(memory_limit_bytes=150_000_000)
    assert "leave out the 1 records of more than" in told
    assert "choose a smaller base model" in told


@pytest.mark.slow
def test_a_disk_too_small_is_refused_with_what_is_needed(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.machine.free_disk_bytes", lambda _: 1_000_000)
    assert "Make room, or choose fewer compressed files" in refusal()


@pytest.mark.slow
def test_a_rehearsal_can_be_stopped(spec: PreflightSpec, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "stopped", spec)
    outcome = run_stage("preflight", run.path, on_progress=lambda _: False, environment=ONE_THREAD)
    assert outcome.status == "cancelled"
    assert not (run.path / "checkpoints").exists()


@pytest.mark.slow
def test_a_training_in_short_memory_is_rehearsed_in_the_way_that_was_chosen(
    spec: PreflightSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "choose_way", lambda *_: (Way(200, True), 1.0))
    _, told = preflight.main(spec, RunDir(run_folder(tmp_path / "short", spec).path))
    assert told["chosen"] == {"tokens_at_once": 200, "recompute": True}
    assert told["seconds"] > 0
