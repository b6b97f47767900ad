"""``manage.py deidentify``: every operator, every kind of file, whole or not at all."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

TEXT = "Anna Smith (MRN 4417823) was seen on 05/03/2021 and again on 05/10/2021."


def run(source: Path, goal: Path, **options: Any) -> list[dict[str, Any]]:
    call_command("deidentify", str(source), str(goal), stdout=StringIO(), stderr=StringIO(), **options)
    return [json.loads(line) for line in goal.read_text().splitlines()]


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("operator", "begins"), [("placeholder", "[NAME_1] (MRN [MRN_1])"), ("mask", "***** (MRN *****)")]
)
def test_the_operator_is_chosen(tmp_path: Path, operator: str, begins: str) -> None:
    (row,) = run(lines(tmp_path / "in.jsonl", {"text": TEXT}), tmp_path / "out.jsonl", operator=operator)
    assert row["text"].startswith(begins)
    assert row["id"] == 1
    assert [TEXT[span["start"] : span["end"]] for span in row["spans"]][:2] == ["Anna Smith", "4417823"]


def surrogates(tmp_path: Path, *rows: dict[str, Any], key: str | None = None) -> list[str]:
    key_file = None
    if key is not None:
        key_file = str(tmp_path / "key")
        Path(key_file).write_text(key)
    source = lines(tmp_path / "in.jsonl", *rows)
    return [
        row["text"] for row in run(source, tmp_path / "out.jsonl", operator="surrogate", key_file=key_file)
    ]


def test_a_patient_keeps_their_surrogates_and_another_gets_others(tmp_path: Path) -> None:
    first, again, other = surrogates(
        tmp_path,
        {"text": TEXT, "patient": "P1"},
        {"text": f"{TEXT} Better.", "patient": "P1"},
        {"text": TEXT, "patient": "P2"},
    )
    assert again == f"{first} Better."
    assert other != first
    assert not any(word in first + other for word in ("Anna", "Smith", "4417823", "05/03/2021"))


def test_the_key_decides_and_the_same_key_gives_the_same_text(tmp_path: Path) -> None:
    row = {"text": TEXT, "patient": "P1"}
    one, same, other = (surrogates(tmp_path, row, key=key * 32)[0] for key in "aab")
    assert one == same != other
    assert surrogates(tmp_path, row)[0] == surrogates(tmp_path, row)[0]


def test_a_short_or_absent_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="16 bytes"):
        surrogates(tmp_path, {"text": TEXT}, key="short")
    with pytest.raises(CommandError, match="No such file"):
        run(
            lines(tmp_path / "in.jsonl", {"text": TEXT}),
            tmp_path / "out.jsonl",
            key_file=str(tmp_path / "gone"),
        )
    assert not (tmp_path / "out.jsonl").exists()


def test_other_kinds_of_files_are_read_and_their_summaries_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f'text,summary,patient\n"{TEXT}",Ms. Smith: seen.,P1\n')
    (row,) = run(tmp_path / "in.csv", tmp_path / "out.jsonl")
    assert row["text"].startswith("[NAME_1] (MRN [MRN_1])")
    assert "[NAME_1]" in row["summary"]
    assert row["summary_spans"]
    (tmp_path / "in.txt").write_text(TEXT)
    (row,) = run(tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert "Smith" not in row["text"]
    assert "summary" not in row


def test_a_file_that_no_reader_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.dcm").write_bytes(b"DICM")
    with pytest.raises(CommandError, match=r"in\.dcm"):
        run(tmp_path / "in.dcm", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_row_that_no_reader_can_use_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f'text,summary\n"{TEXT}",Seen.\nshort,much longer than it\nA cough.,\n')
    told = StringIO()
    call_command(
        "deidentify", str(tmp_path / "in.csv"), str(tmp_path / "out.jsonl"), stdout=StringIO(), stderr=told
    )
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert "is left out" in told.getvalue()


def test_a_text_that_cannot_be_scrubbed_leaves_an_older_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("older\n")
    source = lines(tmp_path / "in.jsonl", {"text": TEXT}, {"text": "a\0b"})
    with pytest.raises(CommandError, match="Text 2"):
        run(source, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "older\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.jsonl", "out.jsonl"]


def test_a_wrong_byte_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n')
    with pytest.raises(CommandError, match=r"not UTF-8 \(byte 25\)"):
        run(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """150 MB of text in one child: the same peak as for one line, within 60 MB."""

    def peak(rows: int) -> int:
        source, empty = tmp_path / "in.jsonl", "x " * 25_000
        with source.open("w") as file:
            for number in range(rows):
                file.write(json.dumps({"id": number, "text": empty}) + "\n")
        code = (
            "import resource, sys; sys.path[:0] = ['platform', '.', 'tests']; import os, django; "
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'pytest_settings'; django.setup(); "
            "import records.management.commands.deidentify as d; "
            "d.get_scrubber = lambda: type('S', (), {'find': staticmethod(lambda text: [])}); "
            "from django.core.management import call_command; "
            f"call_command('deidentify', {str(source)!r}, {str(tmp_path / 'out.jsonl')!r}); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
        )
        return int(done.stdout.split()[-1])

    assert peak(3_000) - peak(1) < 60_000
