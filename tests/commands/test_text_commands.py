"""The headless twins that need no model: deidentify, import_records, score_summaries, fetch_model, doctor."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Clinic, User
from records.models import Record


def run(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_deidentify_gives_the_text_with_placeholders_and_spans_into_the_input(tmp_path: Path) -> None:
    text = "Seen by Dr. Alan Parker on 05/03/2021. Parkinson disease stable, call 555-123-4567."
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": text}])
    run("deidentify", source, str(tmp_path / "out.jsonl"))
    (row,) = read(tmp_path / "out.jsonl")
    assert row["id"] == "a"
    assert "Parkinson disease" in row["text"]
    assert not any(word in row["text"] for word in ("Alan", "05/03", "4567"))
    assert {text[span["start"] : span["end"]] for span in row["spans"]} >= {"05/03/2021", "555-123-4567"}
    assert {span["label"] for span in row["spans"]} == {"NAME", "DATE", "PHONE"}


def test_a_text_that_cannot_be_scrubbed_leaves_no_file(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": "fine"}, {"id": "b", "text": "x" * 400_001}])
    with pytest.raises(CommandError, match="Text 2"):
        run("deidentify", source, str(tmp_path / "out.jsonl"))
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "empty"), ('{"id": 1}\n', "needs the text"), ("{broken\n", "line 1"), ("[1]\n", "needs the text")],
)
def test_a_file_of_the_wrong_form_is_refused_by_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "in.jsonl").write_text(content)
    with pytest.raises(CommandError, match=says):
        run("deidentify", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run("score_summaries", str(tmp_path / "gone.jsonl"))


@pytest.mark.parametrize("name", ["aci-test1.gpt4", "mts-valid.flan-t5-large"])
def test_scores_are_the_published_ones(shared_data: Path, name: str) -> None:
    """To two decimals, as the tables of the ACI-Bench and MEDIQA-Chat papers have them."""
    expected = json.loads((shared_data / "golden" / "expected.json").read_text())
    wanted = expected.get(name) or expected[f"{name}.jsonl"]
    printed = json.loads(run("score_summaries", str(shared_data / "golden" / f"{name}.jsonl"), "--json"))
    assert {key: printed[key] for key in wanted if key in printed} == {
        key: round(value, 2) for key, value in wanted.items() if key in printed
    }
    assert set(printed) == {"rouge1", "rouge2", "rougeL", "rougeLsum"}


@pytest.mark.django_db
def test_import_records_scrubs_them_and_counts_what_it_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": "Patient John Smith coughs since Monday.", "summary": "Cough."},
        {"text": "short", "summary": "much longer than it"},
    ]
    said = run("import_records", write(tmp_path / "in.jsonl", rows))
    assert "1 new records, 0 were here already, 1 rows left out, 0 quarantined" in said
    assert Record.objects.get().status == Record.Status.SCRUBBED
    again = run("import_records", write(tmp_path / "in.jsonl", rows))
    assert "0 new records, 1 were here already" in again


@pytest.mark.django_db
def test_where_several_clinics_live_a_command_asks_which(
    tmp_path: Path, clinic: Clinic, other_clinic: Clinic, alice: User
) -> None:
    source = write(tmp_path / "in.jsonl", [{"text": "A cough of three days."}])
    with pytest.raises(CommandError, match="--clinic"):
        run("import_records", source)
    run("import_records", source, clinic=clinic.name)
    assert Record.objects.get().clinic == clinic


def test_fetch_model_lists_the_catalogue_and_refuses_other_names() -> None:
    listed = run("fetch_model")
    for name in (
        "smollm2-135m",
        "gemma3-270m",
        "minilm-l6",
        "smollm2-1.7b",
        "gemma3-4b",
        "llama3.1-8b",
        "phi-2",
    ):
        assert name in listed
    for name in ("http://169.254.169.254/x", "../smollm2-135m", "file:/etc/passwd"):
        with pytest.raises(CommandError, match="no base model of that name"):
            run("fetch_model", name)


@pytest.mark.django_db
def test_doctor_says_on_one_page_what_is_missing_and_what_to_do() -> None:
    page = run("doctor")
    assert "torch" in page
    assert "manage.py up" in page
    assert "no model is served" in page
    assert len(page.splitlines()) < 40
