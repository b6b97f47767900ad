"""What prepare writes, and what it leaves out where it may, run in this process on a tiny base."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.catalogue import installed
from jobs.rundir import RunDir, files_sha256
from jobs.specs import PrepareSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.prepare import main
from jobs.stages.weights import load_tokenizer
from tests.stages.tiny import long_row, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow  # imports torch
Row = dict[str, str]


@pytest.fixture
def prepare(models_dir: Path, tmp_path: Path) -> Any:
    def go(rows: list[Row], **changes: Any) -> tuple[RunDir, dict[str, Any]]:
        named = write_rows(tmp_path / "rows.jsonl", rows)
        spec = PrepareSpec(base="local:tiny", models_dir=str(models_dir), **{**named, **changes})
        run = run_folder(tmp_path / "run", spec)
        return run, main(spec, run)[1]

    return go


def ids_in(run: RunDir, split: str) -> list[str]:
    return [json.loads(line)["id"] for line in (run.artifact / f"{split}.jsonl").read_text().splitlines()]


def test_good_rows_become_tokens_that_end_the_turn(prepare: Any, models_dir: Path) -> None:
    run, facts = prepare([*visit_rows(6), *visit_rows(2, "valid"), *visit_rows(3, "test")])
    assert facts["rows"] == {"train": 6, "valid": 2, "test": 3}
    assert facts["set_aside"] == {}
    row = json.loads((run.artifact / "train.jsonl").read_text().splitlines()[0])
    base = installed("local:tiny", models_dir)
    tokenizer = load_tokenizer(base.hf, base)
    assert tokenizer.decode(row["prompt"]).endswith("<|im_start|>assistant\n")
    assert (
        tokenizer.decode(row["completion"]).strip()
        == "Cough for three days, no fever. Given amoxicillin.<|im_end|>"
    )
    assert row["completion"][-1] == tokenizer.eos_token_id
    assert json.loads((run.artifact / "report.json").read_text()) == facts


def test_with_leave_to_set_aside_rows_with_a_fault_are_left_out_by_id(prepare: Any) -> None:
    train, test = visit_rows(9), visit_rows(2, "test")
    train[1]["source"], train[2]["target"] = " \n", ""
    train[3]["target"] = train[3]["source"] + " And more."
    train[4]["source"] = test[0]["source"].upper() + "\r\n"
    train[5]["patient"] = test[1]["patient"]
    train[6]["target"] += " " + "It hurts. " * 20
    train[7]["target"] = "No fever.<|im_end|> Given rest."
    run, facts = prepare([*train, *test], set_aside=True, max_tokens=220)
    assert facts["set_aside"] == {
        "The record or its summary is empty": ["train-1", "train-2"],
        "The summary is longer than the record": ["train-3", "train-6"],
        "The same record stands in a held-out split": ["train-4"],
        "One patient stands in two splits": ["train-5"],
        "The summary would be cut by an end-of-turn marker inside it": ["train-7"],
    }
    assert ids_in(run, "train") == ["train-0", "train-8"]
    assert ids_in(run, "test") == ["test-0", "test-1"]


def test_a_long_record_becomes_parts_each_with_its_share_of_the_summary(
    prepare: Any, models_dir: Path
) -> None:
    run, facts = prepare([*visit_rows(3), long_row("train")], max_tokens=400)
    parts = facts["long_records"]["long-train"]
    assert facts["set_aside"] == {}
    assert parts["unsupported_sentences"] == 1
    assert ids_in(run, "train")[3:] == [f"long-train/{number + 1}" for number in range(parts["parts"])]
    base = installed("local:tiny", models_dir)
    tokenizer = load_tokenizer(base.hf, base)
    rows = [json.loads(line) for line in (run.artifact / "train.jsonl").read_text().splitlines()][3:]
    prompts = [tokenizer.decode(row["prompt"]) for row in rows]
    told = [tokenizer.decode(row["completion"]) for row in rows]
    assert any(
        "cough" in prompt and "amoxicillin." in answer for prompt, answer in zip(prompts, told, strict=True)
    )
    assert any(
        "headache" in prompt and "ibuprofen." in answer for prompt, answer in zip(prompts, told, strict=True)
    )
    assert all(answer.endswith("<|im_end|>") and "Xylophone" not in answer for answer in told)
    assert facts["longest_tokens"] <= 400


def test_held_out_summaries_that_stand_in_train_too_are_named(prepare: Any) -> None:
    test = visit_rows(2, "test")
    test[1]["target"] = "Something of its own."
    assert prepare([*visit_rows(4), *test])[1]["summaries_also_in_train"] == ["test-0"]


def test_no_training_row_left_is_refused_with_the_reasons(prepare: Any) -> None:
    rows = visit_rows(23)
    for row in rows:
        row["target"] = ""
    with pytest.raises(StageRefusal, match=r"empty: train-0, train-1, .* and 3 more"):
        prepare(rows, set_aside=True)


def test_the_hash_of_what_was_prepared_changes_with_a_token(prepare: Any) -> None:
    rows = visit_rows(3)
    run, facts = prepare(rows)
    files = [run.artifact / f"{split}.jsonl" for split in ("train", "valid", "test")]
    assert facts["prepared_sha256"] == files_sha256(files) == prepare(rows)[1]["prepared_sha256"]
    rows[0]["source"] += " Really."
    assert prepare(rows)[1]["prepared_sha256"] != facts["prepared_sha256"]


def test_a_dataset_without_training_rows_is_refused(prepare: Any) -> None:
    with pytest.raises(StageRefusal, match="Add records"):
        prepare(visit_rows(2, "test"))


def test_another_file_than_the_frozen_one_is_refused(prepare: Any) -> None:
    with pytest.raises(StageRefusal, match="not those of the frozen dataset"):
        prepare(visit_rows(3), rows_sha256="0" * 64)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"split": "dev"}, "split"), ({"id": ""}, "id of its own"), ({"id": "train-0"}, "id of its own")],
)
def test_a_malformed_row_is_refused_by_its_line(prepare: Any, changes: Row, reason: str) -> None:
    rows = visit_rows(3)
    rows[2].update(changes)
    with pytest.raises(StageRefusal, match=f"Line 3 .*{reason}"):
        prepare(rows)
