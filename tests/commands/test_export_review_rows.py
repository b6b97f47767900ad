"""What reviewers corrected leaves as gold rows, and no real identifier leaves with it."""

import json
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Clinic, User
from audit.models import AuditEntry
from privacy.kinds import Kind
from records import store
from records.models import Record
from records.readers import Row
from records.services import review
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows

pytestmark = pytest.mark.django_db

NOTE = "Patient John Smith (MRN 4417823) of the red lighthouse was seen on 05/03/2021. Strength 4/5, on 05/17 better."


def reviewed(clinic: Clinic, officer: User, text: str = NOTE) -> Record:
    """A lighthouse is added, a date taken back."""
    (record,) = import_rows(clinic=clinic, user=officer, rows=[Row(1, text, "Mr. Smith is better.")]).records
    scrub_record(record=record)
    start = text.index("red lighthouse")
    added = review.AddedSpan("source", start, start + 14, Kind.LOCATION)
    rejected = record.redactions.get(start=text.index("05/17"))
    review.review_record(record=record, reviewer=officer, rejected=[rejected.pk], added=[added])
    return record


def export(path: Path) -> tuple[list[dict[str, object]], str]:
    told = StringIO()
    call_command("export_review_rows", str(path), stdout=told, stderr=told)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()], told.getvalue()


def test_a_corrected_text_leaves_with_made_up_words_and_true_offsets(
    clinic: Clinic, officer: User, tmp_path: Path
) -> None:
    reviewed(clinic, officer)
    (row,), told = export(tmp_path / "rows.jsonl")
    text = str(row["text"])
    for real in ("Smith", "John", "4417823", "lighthouse", "05/03/2021"):
        assert real not in text
    words = {span["label"]: text[span["start"] : span["end"]] for span in row["spans"]}  # type: ignore[attr-defined]
    assert set(words) >= {"NAME", "MRN", "DATE"}
    assert text.startswith(f"Patient {words['NAME']} (MRN {words['MRN']}) of the ")
    (rejected,) = row["rejected"]  # type: ignore[misc]
    assert text[rejected["start"] : rejected["end"]] == "05/17"
    assert all(span in row["spans"] for span in row["added"])  # type: ignore[attr-defined,operator]
    assert "1 rows are in" in told
    assert AuditEntry.objects.filter(action="export_review_rows", facts__rows=1, facts__withheld=0).exists()


def test_the_rows_are_gold_for_the_scorer(clinic: Clinic, officer: User, tmp_path: Path) -> None:
    reviewed(clinic, officer)
    export(tmp_path / "rows.jsonl")
    told = StringIO()
    call_command("score_phi", str(tmp_path / "rows.jsonl"), "--json", stdout=told, stderr=StringIO())
    assert json.loads(told.getvalue())["texts"] == 1


def test_a_text_where_a_hidden_word_stands_elsewhere_is_withheld(
    clinic: Clinic, officer: User, tmp_path: Path
) -> None:
    record = reviewed(clinic, officer, NOTE + " Went back to the RED  lighthouse.")
    record.redactions.filter(start__gte=len(NOTE)).delete()  # as a scrubber that overlooks it leaves it
    rows, told = export(tmp_path / "rows.jsonl")
    assert rows == []
    assert "1 texts are left out" in told


def test_records_without_corrections_or_originals_are_left_out(
    clinic: Clinic, officer: User, tmp_path: Path
) -> None:
    record = reviewed(clinic, officer)
    (other,) = import_rows(clinic=clinic, user=officer, rows=[Row(2, "John Smith has a cough.")]).records
    scrub_record(record=other)
    review.review_record(record=other, reviewer=officer)
    store.delete_original(clinic, record.uuid)
    assert export(tmp_path / "rows.jsonl")[0] == []


def test_the_file_is_for_its_owner_alone_and_none_is_overwritten(clinic: Clinic, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    export(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="exists"):
        export(path)
