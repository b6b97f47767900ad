"""The privacy benchmark on a few texts; skipped where no spaCy pipeline is installed or fetched."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import bench_privacy  # noqa: E402

TEXTS = ["Mr. John Smith called 555-123-4567 on 05/03/2021 about his knee."] * 20


def test_both_sides_take_turns_and_four_figures_come_out() -> None:
    model = next((name for name in (*bench_privacy.ENGLISH, bench_privacy.FETCHED) if find_spec(name)), None)
    if not model:
        pytest.skip("no spaCy pipeline here; benchmarks/bench_privacy.py fetches one")
    figures = bench_privacy.measure(TEXTS, rounds=1, model=model)
    assert set(figures) == {"ours_chars_per_s", "stock_chars_per_s", "ratio", "max_rss_mb"}
    assert figures["ratio"] == pytest.approx(
        figures["ours_chars_per_s"] / figures["stock_chars_per_s"], rel=0.02
    )
    assert 20 < figures["max_rss_mb"] < 2000


def test_a_side_that_cannot_start_ends_the_benchmark() -> None:
    with pytest.raises(RuntimeError, match="a side ended"):
        bench_privacy.measure(TEXTS, rounds=1, model="no_such_pipeline_anywhere")


def test_without_open_data_the_sample_clinic_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench_privacy, "DATA", tmp_path)
    assert len(bench_privacy.texts()) > 100
