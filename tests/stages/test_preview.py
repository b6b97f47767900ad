"""The preview shows the very tokens of the prepared rows, and what becomes of each."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from jobs.rundir import RunDir
from jobs.specs import PrepareSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.prepare import main
from tests.stages.tiny import long_row, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow  # imports torch
Rows = list[dict[str, str]]


def prepared(models_dir: Path, folder: Path, rows: Rows, **options: Any) -> RunDir:
    named = write_rows(folder / "rows.jsonl", rows)
    spec = PrepareSpec(base="local:tiny", models_dir=str(models_dir), **named, **options)
    run = run_folder(folder / "run", spec)
    main(spec, run)
    return run


def preview_of(run: RunDir) -> dict[str, Any]:
    preview: dict[str, Any] = json.loads((run.artifact / "preview.json").read_text())
    return preview


def test_every_token_of_a_row_is_shown_once_as_masked_trained_or_end(
    models_dir: Path, tmp_path: Path
) -> None:
    rows = visit_rows(8)
    rows[3]["target"] = "Headache 😀 née ½."
    run = prepared(models_dir, tmp_path, rows)
    stored = {
        row["id"]: row for row in map(json.loads, (run.artifact / "train.jsonl").read_text().splitlines())
    }
    examples = preview_of(run)["examples"]
    assert {"the first", "the longest", "the shortest", "drawn at random"} == {
        why for example in examples for why in example["why"]
    }
    for example in examples:
        row = stored[example["id"]]
        pieces = {piece["kind"]: piece["tokens"] for piece in example["pieces"]}
        assert list(pieces) == ["masked", "trained", "end"]
        assert len(pieces["masked"]) == example["prompt_tokens"] == len(row["prompt"])
        assert (
            len(pieces["trained"]) + len(pieces["end"]) == example["summary_tokens"] == len(row["completion"])
        )
        assert pieces["end"] == ["<|im_end|>"]
        source = next(each for each in rows if each["id"] == example["id"])
        assert "".join(pieces["trained"]).strip() == source["target"]
        assert source["source"] in "".join(pieces["masked"])


def test_the_same_seed_shows_the_same_rows(models_dir: Path, tmp_path: Path) -> None:
    shown = [
        [
            example["id"]
            for example in preview_of(prepared(models_dir, tmp_path, visit_rows(40), seed=seed))["examples"]
        ]
        for seed in (1, 1, 2)
    ]
    assert shown[0] == shown[1] != shown[2]


def test_a_part_of_a_long_record_is_shown(models_dir: Path, tmp_path: Path) -> None:
    run = prepared(models_dir, tmp_path, [*visit_rows(3), long_row("train")], max_tokens=400)
    parts = [each for each in preview_of(run)["examples"] if "a part of a long record" in each["why"]]
    assert parts[0]["id"] == "long-train/1"


def test_a_refused_run_shows_what_would_be_cut_and_names_all_rows(models_dir: Path, tmp_path: Path) -> None:
    rows = visit_rows(3)
    rows[1].update(source="It hurts a lot. " * 30, target="It hurts. " * 20)
    rows[2]["target"] = ""
    with pytest.raises(StageRefusal):
        prepared(models_dir, tmp_path, rows, max_tokens=220)
    preview = preview_of(RunDir(tmp_path / "run"))
    assert [finding["ids"] for finding in preview["findings"]] == [["train-2"], ["train-1"]]
    worst = preview["examples"][0]
    assert (worst["id"], worst["pieces"][-1]["kind"]) == ("train-1", "cut")
    kept = sum(len(piece["tokens"]) for piece in worst["pieces"] if piece["kind"] != "cut")
    assert kept == preview["limit"] == 220


@pytest.mark.django_db
def test_the_command_previews_a_file_before_any_run_and_leaves_nothing_behind(
    models_dir: Path, tmp_path: Path, settings: Any, own_var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.MODELS_DIR, settings.TOOLS_DIR = models_dir, tmp_path / "tools"
    settings.TOOLS_DIR.mkdir()
    (settings.TOOLS_DIR / "convert_hf_to_gguf.py").touch()
    rows = visit_rows(5)
    rows[1]["target"], rows[4]["target"] = rows[1]["source"] + " And more.", ""
    for name, written in (("train", rows), ("valid", visit_rows(1))):
        lines = ({"source": row["source"], "target": row["target"]} for row in written)
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = [str(tmp_path / "train.jsonl"), "--valid", str(tmp_path / "valid.jsonl")]
    call_command("preview_tokens", *files, "--base", "local:tiny")
    out, told = capsys.readouterr()
    assert "train.jsonl, row 2: The summary is longer than its record." in told
    assert "The record or its summary is empty: train row 5. Fill in the empty side." in out
    assert "The same record stands in a held-out split: train row 1. Keep it in one split" in out
    assert "     END <|im_end|>" in out
    assert not list(own_var.glob(".preview-*"))
