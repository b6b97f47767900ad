"""What the training command does with rows that have a fault: leaves them out by name, or stops when told to."""

import json
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command

from records.models import Dataset
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def file_of(path: Path, rows: list[tuple[str, str]]) -> str:
    path.write_text(
        "".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in rows)
    )
    return str(path)


def note(number: int) -> tuple[str, str]:
    return model_rows.NOTE.format(days=number), model_rows.REFERENCE.format(days=number)


SHARED = note(9)
FAULTY = {
    "row 2: The summary is longer than its record.": [note(2), ("Short.", "Much longer than that.")],
    "rows 2 have no summary.": [note(2), (note(3)[0], "")],
    "Training rows 2 stand in the held-out file too": [note(2), SHARED],
}


@pytest.fixture
def files(tmp_path: Path, settings: Any, own_var: Path) -> Any:
    model_rows.pretend_installed(settings, own_var)
    valid = file_of(tmp_path / "valid.jsonl", [SHARED, note(10)])
    return lambda rows: ["--data", file_of(tmp_path / "train.jsonl", rows), "--valid", valid]


@pytest.mark.parametrize("fault", FAULTY)
def test_told_to_it_stops_at_a_faulty_row_before_anything_is_frozen(files: Any, fault: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command(
            "train", *files(FAULTY[fault]), "--base", model_rows.BASE, "--name", "n", "--no-set-aside"
        )
    assert fault in str(refusal.value)
    assert "leave it out" in str(refusal.value)
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("fault", FAULTY)
def test_else_the_row_is_left_out_and_named(
    files: Any, fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.management.commands.train.work", lambda *_, **__: None)
    monkeypatch.setattr("training.management.commands.train.before_and_after", lambda _: "")
    call_command("train", *files(FAULTY[fault]), "--base", model_rows.BASE, "--name", "n")
    assert f"{fault}" in capsys.readouterr().err
    dataset = Dataset.objects.get()
    assert (dataset.train_count, dataset.valid_count) == (1, 2)
    assert dataset.training_runs.get().options["set_aside"]


@pytest.mark.parametrize(
    ("flags", "types"), [([], ["Q8_0", "Q4_K"]), (["--as-adapter"], ["LORA", "Q8_0", "Q4_K"])]
)
def test_asked_to_it_makes_an_adapter_on_the_shared_base(
    files: Any, flags: list[str], types: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.management.commands.train.work", lambda *_, **__: None)
    monkeypatch.setattr("training.management.commands.train.before_and_after", lambda _: "")
    call_command("train", *files([note(2), note(3)]), "--base", model_rows.BASE, "--name", "n", *flags)
    assert TrainingRun.objects.get().options["types"] == types
