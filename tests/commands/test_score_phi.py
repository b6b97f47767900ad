"""score_phi: the figures, what is said about dropped gold, and that no text is printed unasked."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

ROWS: list[dict[str, Any]] = [
    {
        "text": "Mr. John Smith of Estonia called 555-123-4567.",
        "spans": [
            {"start": 4, "end": 14, "label": "PERSON"},
            {"start": 18, "end": 25, "label": "GPE"},
            {"start": 33, "end": 45, "label": "PHONE_NUMBER"},
        ],
    },
    {
        "text": "the patient grew up by tall trees",
        "spans": [{"start": 23, "end": 27, "label": "ORGANIZATION"}],
    },
    {"text": "no fever", "spans": []},
]


def score_phi(tmp_path: Path, *flags: str, rows: list[dict[str, Any]] = ROWS) -> tuple[str, str]:
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out, err = StringIO(), StringIO()
    call_command("score_phi", str(path), *flags, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_json_has_exactly_the_promised_figures(tmp_path: Path) -> None:
    printed, remarks = score_phi(tmp_path, "--json")
    assert json.loads(printed) == {
        "recall": 0.6667,
        "recall_by_kind": {"NAME": 1.0, "ORGANIZATION": 0.0, "PHONE": 1.0},
        "partial_by_kind": {"NAME": 0.0, "ORGANIZATION": 0.0, "PHONE": 0.0},
        "precision_chars": 1.0,
        "phi_free_touched": 0.0,
        "texts": 3,
        "spans": 3,
    }
    assert "1 gold spans stand under the rule: a country" in remarks


def test_safe_harbor_leaves_organizations_out_and_says_so(tmp_path: Path) -> None:
    printed, remarks = score_phi(tmp_path, "--json", "--safe-harbor")
    figures = json.loads(printed)
    assert (figures["recall"], figures["spans"]) == (1.0, 2)
    assert "ORGANIZATION" not in figures["recall_by_kind"]
    assert "1 gold spans left out of every figure: ORGANIZATION" in remarks


def test_the_table_has_a_line_for_each_kind_and_the_whole(tmp_path: Path) -> None:
    printed, _ = score_phi(tmp_path)
    assert [line.split() for line in printed.splitlines()[2:5]] == [
        ["NAME", "1", "1.0000", "0.0000"],
        ["ORGANIZATION", "1", "0.0000", "0.0000"],
        ["PHONE", "1", "1.0000", "0.0000"],
    ]
    assert "Recall 0.6667, character precision 1.0000, PHI-free texts touched 0.00%" in printed


def test_text_is_printed_only_on_request(tmp_path: Path) -> None:
    assert "tall" not in "".join(score_phi(tmp_path))
    printed, remarks = score_phi(tmp_path, "--json", "--misses", "3")
    assert ">>tall<<" in remarks
    assert "tall" not in printed
    assert "tall" not in score_phi(tmp_path, "--safe-harbor", "--misses", "3")[1]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"text": "secretly", "spans": [{"start": 0, "end": 2, "label": "WHO"}]}, "row 1: .* known label"),
        ({"text": "secretly"}, "row 1"),
        ({"text": "secretly", "spans": [{"start": 0, "end": 99, "label": "PERSON"}]}, "outside its text"),
        ({"text": "secretly", "spans": [{"start": 3, "end": 3, "label": "PERSON"}]}, "outside its text"),
        ({"text": "secretly", "spans": [{"start": -1, "end": 2, "label": "PERSON"}]}, "outside its text"),
        ({"text": "secretly\0", "spans": []}, "Text 1 could not be scrubbed"),
        ({"spans": []}, "needs the text"),
    ],
)
def test_a_wrong_gold_file_is_refused_by_row_without_its_text(
    tmp_path: Path, row: dict[str, Any], says: str
) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        score_phi(tmp_path, rows=[row])
    assert "secretly" not in str(refused.value)
