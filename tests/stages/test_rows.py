"""Sealed rows: what was changed, slipped in or brought from elsewhere is refused by its id, without its words."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rundir import file_sha256
from jobs.sealing import SEALED_FIELDS, RowSealer, SealChecker
from jobs.stages.entry import StageRefusal
from jobs.stages.rows import read_rows
from tests.stages.tiny import SEALER, visit_rows, write_rows

Lines = list[dict[str, object]]


def tampered(path: Path, change: Callable[[Lines], None]) -> tuple[Path, str, str]:
    """Rows as the service wrote them, changed by somebody who put the file's hash in the spec right as well."""
    write_rows(path, visit_rows(5))
    lines: Lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path, file_sha256(path), SEALER.public_key


def test_rows_that_nobody_touched_are_read_without_their_seals(tmp_path: Path) -> None:
    assert read_rows(*tampered(tmp_path / "rows.jsonl", lambda lines: None)) == visit_rows(5)


def test_rows_of_before_they_told_the_patient_still_hold(tmp_path: Path) -> None:
    earlier = [{name: text for name, text in row.items() if name != "patient"} for row in visit_rows(3)]
    named = write_rows(tmp_path / "rows.jsonl", earlier)
    read = read_rows(tmp_path / "rows.jsonl", named["rows_sha256"], named["rows_key"])
    assert read == [{**row, "patient": ""} for row in earlier]


def one_letter(lines: Lines) -> None:
    lines[2]["source"] = str(lines[2]["source"]).replace("fever", "fevor", 1)


def another_split(lines: Lines) -> None:
    lines[2]["split"] = "test"


def another_patient(lines: Lines) -> None:
    lines[2]["patient"] = lines[3]["patient"]


def no_patient(lines: Lines) -> None:
    del lines[2]["patient"]


def a_letter_moved(lines: Lines) -> None:
    lines[2]["source"], lines[2]["target"] = f"{lines[2]['source']}B", str(lines[2]["target"])[1:]


def without_a_seal(lines: Lines) -> None:
    del lines[2]["seal"]


def a_made_up_seal(lines: Lines) -> None:
    lines[2]["seal"] = "0" * 128


def no_hex(lines: Lines) -> None:
    lines[2]["seal"] = "not hex"


def no_text(lines: Lines) -> None:
    lines[2]["seal"] = 7


def another_row_s_seal(lines: Lines) -> None:
    lines[2]["seal"] = lines[3]["seal"]


def sealed_with_another_key(lines: Lines) -> None:
    row = {name: str(lines[2][name]) for name in SEALED_FIELDS}
    lines[2]["seal"] = RowSealer(b"x" * 32).seal(row)


@pytest.mark.parametrize(
    "change",
    [
        one_letter,
        another_split,
        another_patient,
        no_patient,
        a_letter_moved,
        without_a_seal,
        a_made_up_seal,
        no_hex,
        no_text,
        another_row_s_seal,
        sealed_with_another_key,
    ],
)
def test_a_tampered_row_is_refused_though_the_file_s_hash_is_right(
    tmp_path: Path, change: Callable[[Lines], None]
) -> None:
    with pytest.raises(StageRefusal) as refusal:
        read_rows(*tampered(tmp_path / "rows.jsonl", change))
    assert str(refusal.value) == "Row train-2 does not bear the seal of this run's rows. Start the run again."


def test_a_row_slipped_in_is_refused(tmp_path: Path) -> None:
    slipped = {
        "id": "R-9",
        "split": "train",
        "source": "John Smith coughs.",
        "target": "Cough.",
        "section": "",
    }
    with pytest.raises(StageRefusal, match="Row R-9 ") as refusal:
        read_rows(*tampered(tmp_path / "rows.jsonl", lambda lines: lines.append(slipped)))
    assert "Smith" not in str(refusal.value)


@given(
    st.dictionaries(st.sampled_from(SEALED_FIELDS), st.text(max_size=20)),
    st.sampled_from(SEALED_FIELDS),
    st.text(max_size=20),
)
def test_a_seal_holds_for_exactly_the_row_it_was_made_of(some: dict[str, str], field: str, text: str) -> None:
    row = {**dict.fromkeys(SEALED_FIELDS, ""), **some}
    changed = {**row, field: text}
    checker = SealChecker(SEALER.public_key)
    assert checker.holds(row, SEALER.seal(row))
    assert checker.holds(changed, SEALER.seal(row)) == (row == changed)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="hex"):
        SealChecker("no key")


def test_twenty_thousand_rows_are_checked_in_seconds(tmp_path: Path) -> None:
    named = write_rows(tmp_path / "rows.jsonl", visit_rows(20_000))
    began = time.process_time()
    assert len(read_rows(Path(named["rows"]), named["rows_sha256"], named["rows_key"])) == 20_000
    assert time.process_time() - began < 20
