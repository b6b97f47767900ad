"""What an evaluation says of answers: means, abstention, tables, and the tests between base and tuned."""

import pytest

from jobs.metrics import FEWEST_TO_TEST
from jobs.stages.scoring import score_rows, summarize
from tests.stages.tiny import visit_rows

ROWS = visit_rows(12, "test")


def facts_of(base: list[str], tuned: list[str], rows: list[dict[str, str]] = ROWS) -> dict:
    per_row = score_rows(rows, {"base": base, "tuned": tuned}, None)
    return summarize(per_row, seed=1)


def test_a_model_that_says_what_the_clinician_said_scores_full_marks() -> None:
    facts = facts_of(["nothing like it"] * 12, [row["target"] for row in ROWS])
    assert facts["tuned"]["rouge1"] == {"value": 100, "low": 100, "high": 100}
    assert facts["base"]["rouge1"]["high"] == 0
    assert facts["differences"]["rouge1"]["value"] == 100
    assert facts["differences"]["rouge1"]["p"] < 0.01
    assert facts["tuned"]["coverage"] == facts["reference"]["coverage"]
    assert "similarity" not in facts["tuned"]


def test_abstention_is_counted_and_held_against_the_reference() -> None:
    rows = [{**row, "target": "None."} if at < 3 else row for at, row in enumerate(ROWS)]
    tuned = ["None.", "Unknown", "Has a cough.", "", *["Has a cough."] * 8]
    facts = facts_of(["Fever."] * 12, tuned, rows)
    assert facts["tuned"]["abstention"] == {"said": 3, "rightly": 2, "expected": 3}
    assert facts["base"]["abstention"] == {"said": 0, "rightly": 0, "expected": 3}


def test_an_invented_dose_is_counted() -> None:
    facts = facts_of(["Rest."] * 12, ["Given 500 mg."] * 4 + ["Rest."] * 8)
    assert facts["tuned"]["with_novel_numbers"]["value"] == pytest.approx(100 / 3)
    assert facts["tuned"]["novel_numbers"]["value"] == pytest.approx(1 / 3)
    assert facts["base"]["with_novel_numbers"]["value"] == 0


def test_a_name_that_no_record_holds_is_counted() -> None:
    facts = facts_of(["Rest."] * 12, ["Dr. Zebulon Underhill advised rest."] * 3 + ["Rest."] * 9)
    assert facts["tuned"]["foreign_identifiers"]["value"] == pytest.approx(1 / 4)
    assert facts["base"]["foreign_identifiers"]["value"] == 0


def test_sentences_that_the_record_does_not_bear_out_are_counted() -> None:
    invented = "A colonoscopy was scheduled. Losartan 50 mg was started."
    facts = facts_of([row["source"] for row in ROWS], [invented] * 6 + [""] * 6)
    assert facts["tuned"]["unsupported"]["value"] == pytest.approx(50)
    assert facts["base"]["unsupported"]["value"] == 0


def test_each_section_and_each_third_of_the_lengths_has_its_own_figures() -> None:
    rows = [
        {**row, "section": "PLAN" if at < 4 else "HPI", "source": row["source"] + " word" * at}
        for at, row in enumerate(ROWS)
    ]
    tuned = [row["target"] if row["section"] == "PLAN" else "no" for row in rows]
    facts = facts_of(["no"] * 12, tuned, rows)
    assert [(each["section"], each["rows"]) for each in facts["sections"]] == [("HPI", 8), ("PLAN", 4)]
    assert facts["sections"][1]["tuned"]["rouge1"]["value"] == 100
    assert [each["rows"] for each in facts["lengths"]] == [4, 4, 4]
    assert facts["lengths"][0]["to_words"] < facts["lengths"][1]["from_words"]
    assert facts["lengths"][0]["tuned"]["rouge1"]["value"] == 100


def test_the_scores_of_each_row_make_up_the_means_and_hold_no_words() -> None:
    per_row = score_rows(ROWS, {"base": ["Rest."] * 12, "tuned": ["Fever for a week."] * 12}, None)
    assert per_row["ids"] == [row["id"] for row in ROWS]
    assert len(set(per_row["digests"])) == 12
    lists = [values for name in ("base", "tuned", "reference") for values in per_row[name].values()]
    assert all(len(values) == 12 and all(isinstance(v, int | float) for v in values) for values in lists)
    mean = sum(per_row["tuned"]["rouge1"]) / 12
    assert summarize(per_row, 1)["tuned"]["rouge1"]["value"] == pytest.approx(mean)


def test_too_few_rows_have_means_and_no_test() -> None:
    few = FEWEST_TO_TEST - 1
    facts = facts_of(["a"] * few, ["b"] * few, ROWS[:few])
    assert facts["differences"] == {}
    assert facts_of(["a"], ["b"], ROWS[:1])["lengths"][0]["rows"] == 1


def test_the_same_id_with_other_words_has_another_digest() -> None:
    changed = [{**ROWS[0], "target": "Another reference."}, *ROWS[1:]]
    texts = {"base": ["a"] * 12, "tuned": ["b"] * 12}
    before, after = (score_rows(rows, texts, None)["digests"] for rows in (ROWS, changed))
    assert before[0] != after[0]
    assert before[1:] == after[1:]
