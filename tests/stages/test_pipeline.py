"""Prepare, train, quantize and evaluate one after the other, each as the worker runs it, on a tiny base."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.catalogue import installed
from jobs.rundir import RunDir
from jobs.specs import EvaluateSpec, MeasureSpec, PrepareSpec, QuantizeSpec, Spec, TrainSpec
from jobs.stages.gguf_io import describe
from jobs.supervisor import Outcome, run_stage
from tests.stages.tiny import CHATML, long_row, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


class Runs:
    """One training run's stages, made once for this file."""

    def __init__(self, root: Path, models_dir: Path, tools_dir: Path) -> None:
        self.root = root
        where = {"base": "local:tiny", "models_dir": str(models_dir)}
        rows = write_rows(
            root / "rows.jsonl",
            [*visit_rows(24), *visit_rows(3, "valid"), *visit_rows(3, "test"), long_row("test")],
        )
        tuned = root / "quantize" / "artifact" / "model-Q8_0.gguf"
        self.specs: dict[str, Spec] = {
            "prepare": PrepareSpec(**where, **rows),
            "train": TrainSpec(**where, prepared=str(root / "prepare" / "artifact"), epochs=1),
            "quantize": QuantizeSpec(
                **where,
                adapter=str(root / "train" / "artifact"),
                prepared=str(root / "prepare" / "artifact"),
                tools_dir=str(tools_dir),
            ),
            "evaluate": EvaluateSpec(
                **where,
                **rows,
                tuned_gguf=str(tuned),
                limit=0,
                max_new_tokens=8,
                context_tokens=512,
                threads=1,
            ),
        }

    def go(self, stage: str) -> tuple[RunDir, Outcome]:
        run = run_folder(self.root / stage, self.specs[stage])
        environment = {"OMP_NUM_THREADS": "1"}
        return run, run_stage(stage, run.path, on_progress=lambda _: True, environment=environment)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, tools_dir: Path) -> Runs:
    runs = Runs(tmp_path_factory.mktemp("run"), models_dir, tools_dir)
    for stage in ("prepare", "train", "quantize"):
        run, outcome = runs.go(stage)
        assert outcome.status == "succeeded", run.log.read_text()
    return runs


def test_quantize_leaves_whole_gguf_files_with_the_chat_template(runs: Runs) -> None:
    run, outcome = runs.go("quantize")
    assert outcome.result is not None
    assert [output["type"] for output in outcome.result["outputs"]] == ["Q8_0", "Q4_K"]
    for output in outcome.result["outputs"]:
        facts = describe(run.path / output["path"])
        assert facts["chat_template"] == CHATML
        assert facts["tensors"] == 20
    assert outcome.result["outputs"][1]["tensor_types"] == {"F32": 5, "Q4_K": 2, "Q5_0": 12, "Q8_0": 1}
    assert not (run.path / "scratch").exists()


def test_a_base_without_a_gguf_gets_one_to_compare_with(runs: Runs, models_dir: Path) -> None:
    assert describe(installed("local:tiny", models_dir).gguf)["chat_template"] == CHATML


def test_evaluate_scores_base_and_tuned_on_the_same_held_out_rows(runs: Runs) -> None:
    run, outcome = runs.go("evaluate")
    assert outcome.status == "succeeded", run.log.read_text()
    evaluation = json.loads((run.artifact / "evaluation.json").read_text())
    assert evaluation["rows"] == len(evaluation["samples"]) == 4
    assert {sample["id"] for sample in evaluation["samples"]} == {"test-0", "test-1", "test-2", "long-test"}
    assert evaluation["in_pieces"] == 1, "the long record is more than 512 tokens"
    for model in ("base", "tuned"):
        score = evaluation[model]
        assert score["rouge1"]["low"] <= score["rouge1"]["value"] <= score["rouge1"]["high"]
        assert score["tokens_per_s"] > 0
    assert evaluation["samples"][0]["source"] not in json.dumps(outcome.result)
    assert sorted(evaluation["per_row"]["ids"]) == sorted(sample["id"] for sample in evaluation["samples"])
    assert outcome.result["metrics"]["not_measured"]["similarity"].endswith("manage.py fetch_model minilm-l6")
    assert "per_row" not in outcome.result["metrics"]


def test_a_careful_evaluation_keeps_one_of_several_drafts_of_the_tuned_model(runs: Runs) -> None:
    run, _ = runs.go("evaluate")
    once = json.loads((run.artifact / "evaluation.json").read_text())
    runs.specs["careful"] = replace(runs.specs["evaluate"], drafts=4)
    careful = run_folder(runs.root / "careful", runs.specs["careful"])
    outcome = run_stage("evaluate", careful.path, on_progress=lambda _: True)
    assert outcome.status == "succeeded", careful.log.read_text()
    several = json.loads((careful.artifact / "evaluation.json").read_text())
    texts = {
        name: [[sample[model] for sample in evaluation["samples"]] for evaluation in (once, several)]
        for name, model in (("base", "base"), ("tuned", "tuned"))
    }
    assert texts["base"][0] == texts["base"][1]
    assert texts["tuned"][0] != texts["tuned"][1]


def measure_spec(runs: Runs, **files: Path) -> MeasureSpec:
    run, _ = runs.go("evaluate")
    told = runs.specs["evaluate"]
    assert isinstance(told, EvaluateSpec)
    return MeasureSpec(
        base=told.base,
        models_dir=told.models_dir,
        rows=told.rows,
        rows_sha256=told.rows_sha256,
        rows_key=told.rows_key,
        max_new_tokens=8,
        context_tokens=512,
        evaluation=str(run.artifact / "evaluation.json"),
        files={name: str(path) for name, path in files.items()},
    )


def test_smaller_files_are_scored_on_the_same_rows_and_timed_beside_the_one_before(runs: Runs) -> None:
    made = runs.root / "quantize" / "artifact"
    spec = measure_spec(runs, tuned=made / "model-Q8_0.gguf", small=made / "model-Q4_K.gguf")
    before = json.loads(Path(spec.evaluation).read_text())
    for sample in before["samples"]:
        sample["tuned"] = f"What {sample['id']} was before."
    before["per_row"]["tuned"]["words"] = [4] * 4
    earlier = runs.root / "before.json"
    earlier.write_text(json.dumps(before))
    run = run_folder(runs.root / "measure", replace(spec, evaluation=str(earlier)))
    outcome = run_stage("measure", run.path, on_progress=lambda _: True)
    assert outcome.status == "succeeded", run.log.read_text()
    assert outcome.result is not None
    assert [output["artifact"] for output in outcome.result["outputs"]] == ["small"]
    small = json.loads((run.artifact / "small.json").read_text())
    assert small["base"] == before["base"]
    assert small["per_row"]["digests"] == before["per_row"]["digests"]
    assert [each["id"] for each in small["samples"]] == [each["id"] for each in before["samples"]]
    assert not [each for each in small["samples"] if "was before" in each["tuned"]]
    assert small["per_row"]["tuned"]["words"] != [4] * 4
    served = outcome.result["metrics"]["served"]
    assert list(served) == ["tuned", "small"]
    assert all(each["ram_mb"] > 20 and each["time_to_first_token_ms"] > 0 for each in served.values())
    assert small["served"] == served["small"]
    assert before["samples"][0]["source"] not in json.dumps(outcome.result)


def test_files_are_not_measured_on_other_rows_than_the_one_before(runs: Runs, tmp_path: Path) -> None:
    made = runs.root / "quantize" / "artifact"
    spec = measure_spec(runs, tuned=made / "model-Q8_0.gguf", small=made / "model-Q4_K.gguf")
    rows = write_rows(tmp_path / "rows.jsonl", [*visit_rows(24), *visit_rows(2, "test"), long_row("test")])
    changed = replace(spec, **rows)
    run = run_folder(tmp_path / "measure", changed)
    outcome = run_stage("measure", run.path, on_progress=lambda _: True)
    assert outcome.status == "failed"
    assert "evaluated on are gone" in outcome.advice


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """As on a full disk: no file may grow beyond the size, in this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size_bytes", "where"), [(100_000, "merging"), (300_000, "converting")])
def test_a_full_disk_while_quantizing_is_named_and_spoils_nothing(
    runs: Runs, models_dir: Path, size_bytes: int, where: str
) -> None:
    earlier = {path: path.read_bytes() for path in (runs.root / "quantize" / "artifact").iterdir()}
    run = run_folder(runs.root / f"full-{where}", runs.specs["quantize"])
    with files_up_to(size_bytes):
        outcome = run_stage("quantize", run.path, on_progress=lambda _: True)
    assert outcome.error_type == "DiskFull", run.log.read_text()
    assert "Make room" in outcome.advice
    assert not (run.path / "scratch").exists()
    assert not list(run.artifact.glob(".*"))
    assert {path: path.read_bytes() for path in earlier} == earlier
