"""Errors put into true sentences: each is of its kind, comes again with its seed, and the test's words are not the training's."""

import json
from pathlib import Path
from random import Random

import pytest

from grounding.evidence import Record
from grounding.features import NAMES
from grounding.findings import Category
from grounding.perturb import Wording, perturb, true_sentences, wordings
from grounding.training import unseen_claims, write_rows
from sample_clinic.clinic import generate

SOURCE = """Doctor: How old are you, sir?
Patient: 57. My mother has diabetes. I take metformin 500 mg twice daily, since May.
Doctor: Any fever? Patient: No.
Doctor: Your left knee has a possible effusion. Temperature 98 degrees. Come back in 2 weeks."""
SENTENCES = {
    Category.NUMBER: "Temperature is 98.",
    Category.DOSE: "He takes metformin 500 mg.",
    Category.UNIT: "Return in 2 weeks.",
    Category.FREQUENCY: "Metformin twice daily.",
    Category.DATE: "He takes metformin since May or June.",
    Category.AGE: "A 57-year-old man.",
    Category.SIDE: "Effusion of the left knee.",
    Category.NEGATION: "He denies fever.",
    Category.CERTAINTY: "Possible effusion of the knee.",
    Category.MEDICATION: "He takes metformin.",
    Category.PERSON: "His mother has diabetes.",
    Category.ADDITION: "He has diabetes.",
}


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("wording", list(Wording))
def test_every_category_has_an_error_and_its_seed_gives_it_again(
    category: Category, wording: Wording
) -> None:
    record = Record(SOURCE)
    one, two = (perturb(SENTENCES[category], category, record, Random(3), wording) for _ in range(2))
    assert one is not None
    assert one == two
    assert one.text != SENTENCES[category]


@pytest.mark.parametrize("category", [c for c in Category if c not in (Category.ADDITION, Category.NEGATION)])
def test_a_sentence_that_offers_nothing_is_left_alone(category: Category) -> None:
    assert perturb("Nothing to say.", category, Record(SOURCE), Random(1), Wording.TRAIN) is None


@pytest.mark.parametrize("table", [wordings.ADDITIONS, wordings.NEGATIONS, wordings.HEDGES])
def test_no_wording_of_the_test_is_trained_on(table: tuple) -> None:
    train, test = (set(each) for each in table)
    assert not train & test


def test_sentences_that_the_record_does_not_bear_out_are_no_true_ones() -> None:
    summary = "He takes metformin 500 mg twice daily. He takes metformin 850 mg twice daily. Colonoscopy was unremarkable in Boston."
    assert [piece.text for piece in true_sentences(Record(SOURCE), summary)] == [
        "He takes metformin 500 mg twice daily."
    ]


def _sources() -> list[dict[str, str]]:
    return [{"source": r.source, "target": r.target} for r in generate(5, 30)]


def test_rows_are_the_same_for_a_seed_and_a_record_is_on_one_side(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_rows(tmp_path / name, _sources(), seed=4)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "one").read_text().splitlines()]
    assert {row["label"] for row in rows} == {"supported", "contradicted", "absent"}
    assert all(len(row["features"]) == len(NAMES) for row in rows)
    assert {row["held_out"] for row in rows} == {True, False}
    assert all(row["held_out"] for row in rows if row["text"] >= 0 or row["even"])


def test_texts_are_right_or_wrong_and_even_rows_hold_untouched_sentences_beside_every_error(
    tmp_path: Path,
) -> None:
    write_rows(tmp_path / "rows", _sources(), seed=4)
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    texts: dict[int, list[str]] = {}
    for row in rows:
        if row["text"] >= 0:
            texts.setdefault(row["text"], []).append(row["label"])
    assert sorted(texts) == list(range(len(texts)))
    assert {set(labels) == {"supported"} for labels in texts.values()} == {True, False}
    even = [row["category"] for row in rows if row["even"]]
    assert len(set(even)) > len(Category) / 2
    assert even.count(None) >= max(even.count(each) for each in Category)


def test_the_unseen_set_holds_errors_and_their_untouched_sentences() -> None:
    claims = [claim for _, claim in unseen_claims(_sources(), seed=9, each=5)]
    assert sum(claim.category is Category.DOSE for claim in claims) == 5
    assert sum(claim.category is None for claim in claims) > 20
