"""check_grounding and score_grounding: their files, their figures, and what they refuse."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

SOURCE = "Doctor: What hurts?\nPatient: My left knee, for three weeks. I take metoprolol 25 mg once a day."
ROWS: list[dict[str, Any]] = [
    {"id": "a", "source": SOURCE, "claim": "Left knee pain for 3 weeks.", "hallucinated": 0},
    {
        "id": "b",
        "source": SOURCE,
        "claim": "She takes metoprolol 250 mg daily.",
        "hallucinated": 1,
        "type": "dose",
    },
    {"id": "c", "source": SOURCE, "claim": "She takes metoprolol 25 mg daily.", "hallucinated": 0},
]


def _file(tmp_path: Path, rows: list[dict[str, Any]]) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def _score(tmp_path: Path, rows: list[dict[str, Any]], *flags: str) -> dict[str, Any]:
    out = StringIO()
    call_command("score_grounding", _file(tmp_path, rows), "--json", *flags, stdout=out)
    return json.loads(out.getvalue())


def test_check_grounding_says_of_each_claim_how_it_stands_and_where_to_look(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    call_command("check_grounding", _file(tmp_path, ROWS), str(out), stderr=StringIO())
    a, b, c = (json.loads(line) for line in out.read_text().splitlines())
    assert [each["id"] for each in (a, b, c)] == ["a", "b", "c"]
    assert (a["verdict"], c["verdict"]) == ("supported", "supported")
    assert (b["verdict"], b["category"]) == ("contradicted", "dose")
    assert b["probability"] > a["probability"]
    assert any("25 mg" in place["text"] for place in b["evidence"])
    assert all(SOURCE[place["start"] : place["end"]] == place["text"] for place in b["evidence"])


def test_score_grounding_prints_the_promised_figures(tmp_path: Path) -> None:
    result = _score(tmp_path, ROWS)
    assert {
        "auroc",
        "balanced_accuracy",
        "ece",
        "flagged_share",
        "lexical_auroc",
        "lexical_balanced_accuracy",
        "by_type",
    } <= set(result)
    assert result["auroc"] == result["balanced_accuracy"] == 1.0
    assert result["by_type"]["dose"] == {"rows": 1, "flagged_share": 1.0}


def test_a_label_of_degrees_needs_a_rule(tmp_path: Path) -> None:
    rows = [{**row, "precision": 1 - 0.5 * row["hallucinated"]} for row in ROWS]
    assert _score(tmp_path, rows, "--label", "precision", "--below", "1")["auroc"] == 1.0
    with pytest.raises(CommandError, match="--below"):
        _score(tmp_path, rows, "--label", "precision")


def test_a_list_of_claims_counts_as_many_true_ones(tmp_path: Path) -> None:
    result = _score(tmp_path, [{"source": SOURCE, "claims": ["Left knee pain.", "She takes metoprolol."]}])
    assert (result["rows"], result["auroc"], result["flagged_share"]) == (2, None, 0.0)


@pytest.mark.parametrize(
    "row", [{"source": SOURCE}, {"source": SOURCE, "claims": [3]}, {"source": SOURCE, "claim": "x"}]
)
def test_a_row_without_claim_or_label_is_named_by_its_number(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="row 1") as refused:
        _score(tmp_path, [row])
    assert "knee" not in str(refused.value)
