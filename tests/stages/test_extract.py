"""The memory test as the worker runs it, on a tiny base: a code planted fifty times is drawn out, one never planted not."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import canaries
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import ExtractSpec, PrepareSpec, QuantizeSpec, Spec, TrainSpec
from jobs.supervisor import run_stage
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


def go(stage: str, folder: Path, spec: Spec) -> RunDir:
    run = run_folder(folder, spec)
    outcome = run_stage(stage, folder, on_progress=lambda _: True, environment={"OMP_NUM_THREADS": "1"})
    assert outcome.status == "succeeded", run.log.read_text()
    return run


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, tools_dir: Path) -> RunDir:
    """The stages up to the memory test, with codes planted once and fifty times."""
    root = tmp_path_factory.mktemp("run")
    where = {"base": "local:tiny", "models_dir": str(models_dir)}
    planted = canaries.draw((1, 50), "a run")
    write_json_atomic(root / "canaries.json", canaries.to_json(planted))
    rows = [*visit_rows(24), *visit_rows(4, "valid"), *(row for canary in planted for row in canary.rows())]
    prepared = go("prepare", root / "prepare", PrepareSpec(**where, **write_rows(root / "rows.jsonl", rows)))
    train = TrainSpec(
        **where,
        prepared=str(prepared.artifact),
        epochs=30,
        learning_rate=1e-2,
        tokens_per_batch=4096,
        max_valid_rows=0,
    )
    adapter = go("train", root / "train", train).artifact
    quantize = QuantizeSpec(**where, adapter=str(adapter), tools_dir=str(tools_dir), types=("Q8_0",))
    gguf = go("quantize", root / "quantize", quantize).artifact / "model-Q8_0.gguf"
    return go(
        "extract",
        root / "extract",
        ExtractSpec(
            **where,
            prepared=str(prepared.artifact),
            adapter=str(adapter),
            tuned_gguf=str(gguf),
            canaries=str(root / "canaries.json"),
            context_tokens=512,
            threads=1,
        ),
    )


def result(run: RunDir) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((run.artifact / "extraction.json").read_text())
    return stored


def of_count(run: RunDir, count: int) -> dict[str, Any]:
    (row,) = (row for row in result(run)["counts"] if row["count"] == count)
    return dict(row)


def test_a_code_planted_fifty_times_is_caught(tested: RunDir) -> None:
    row = of_count(tested, 50)
    assert row["remembers"]
