"""What prepare keeps, what it sets aside and why, run in this process on a tiny base."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.catalogue import installed
from jobs.rundir import RunDir
from jobs.specs import PrepareSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.prepare import main
from jobs.stages.tokens import encode
from jobs.stages.weights import load_tokenizer
from tests.stages.tiny import run_folder, visit_rows, write_rows

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
    assert tokenizer.decode(row["prompt"]).split()[-2:] == ["<|im_start|>", "assistant"]
    assert (
        tokenizer.decode(row["completion"]).strip()
        == "Cough for three days, no fever. Given amoxicillin.<|im_end|>"
    )
    assert row["completion"][-1] == tokenizer.eos_token_id
    assert json.loads((run.artifact / "report.json").read_text()) == facts


def test_an_empty_side_is_set_aside_by_id(prepare: Any) -> None:
    rows = visit_rows(4)
    rows[1]["source"], rows[2]["target"] = " \n", ""
    run, facts = prepare(rows)
    assert facts["set_aside"] == {"the record or its summary is empty": ["train-1", "train-2"]}
    assert ids_in(run, "train") == ["train-0", "train-3"]


def test_a_summary_longer_than_its_record_is_set_aside(prepare: Any) -> None:
    rows = visit_rows(3)
    rows[0]["target"] = rows[0]["source"] + " And more."
    assert prepare(rows)[1]["set_aside"] == {"the summary is longer than the record": ["train-0"]}


def test_a_row_too_long_is_set_aside_and_never_cut(prepare: Any) -> None:
    rows = visit_rows(3)
    rows[2]["source"] += " It hurts." * 100
    _, facts = prepare(rows, max_tokens=400)
    assert facts["set_aside"] == {"longer than 400 tokens": ["train-2"]}
    assert facts["longest_tokens"] <= 400


def test_a_record_in_two_splits_stays_with_the_held_out_one(prepare: Any) -> None:
    train, test = visit_rows(3), visit_rows(2, "test")
    train[1]["source"] = test[0]["source"].upper() + "\r\n"
    run, facts = prepare([*train, *test])
    assert facts["set_aside"] == {"the same record stands in a held-out split": ["train-1"]}
    assert ids_in(run, "test") == ["test-0", "test-1"]


def test_held_out_summaries_that_stand_in_train_too_are_named(prepare: Any) -> None:
    test = visit_rows(2, "test")
    test[1]["target"] = "Something of its own."
    assert prepare([*visit_rows(4), *test])[1]["summaries_also_in_train"] == ["test-0"]


def test_no_training_row_left_is_refused_with_the_reasons(prepare: Any) -> None:
    rows = visit_rows(7)
    for row in rows:
        row["target"] = ""
    with pytest.raises(StageRefusal, match="empty: train-0, train-1, train-2, train-3, train-4 and 2 more"):
        prepare(rows)


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


def test_a_template_that_ends_no_turn_is_refused(models_dir: Path) -> None:
    base = installed("local:tiny", models_dir)
    tokenizer = load_tokenizer(base.hf, base)
    tokenizer.chat_template = "{% for turn in messages %}{{ turn['content'] }}{% endfor %}"
    with pytest.raises(StageRefusal, match="does not end a turn"):
        encode(tokenizer, "Cough.", "Cough.")
