"""How texts are cut: sentences and claims of a summary, lines of a record, each in its place."""

import pytest

from grounding.evidence import Record
from grounding.pieces import claims, record_lines, sentences
from grounding.quantities import held, quantities
from grounding.terms import terms


def test_sentences_keep_their_place_and_headings_are_passed_over() -> None:
    text = "PHYSICAL EXAMINATION\n\n• Lungs: Clear. No edema.\n\nPlan:\n1. Dr. Hill will give 5 mg p.o. b.i.d. at home."
    found = sentences(text)
    assert [each.text for each in found] == [
        "Lungs: Clear.",
        "No edema.",
        "1. Dr. Hill will give 5 mg p.o. b.i.d. at home.",
    ]
    assert all(text[each.start : each.end] == each.text for each in found)


def test_what_a_note_calls_its_sections_is_no_claim_of_the_patient() -> None:
    text = (
        "ASSESSMENT\nRespiratory\nHPI.\nAbdomen\nRespiratory: Lungs are clear.\nNeck: Supple.\nDenies: fever.\nHTN.\n"
        "Assessment and plan: rest\nVitals: BP 120/80"
    )
    found = sentences(text)
    assert [each.text for each in found] == [
        "Lungs are clear.",
        "Neck: Supple.",
        "Denies: fever.",
        "HTN.",
        "rest",
        "BP 120/80",
    ]
    assert all(text[each.start : each.end] == each.text for each in found)


def test_a_sentence_is_parted_into_what_it_claims() -> None:
    (sentence,) = sentences("She has pain but denies fever and she takes aspirin; no cough at all.")
    assert [each.text.split()[0] for each in claims(sentence)] == ["She", "denies", "she", "no"]


@pytest.mark.parametrize(
    "source",
    ["Doctor: Any fever?\nPatient: No.", "[doctor] any fever ?\n[patient] no .", "D: Any fever?\nP: No."],
)
def test_a_dialogue_s_lines_say_who_speaks(source: str) -> None:
    assert [line.speaker for line in record_lines(source)] == ["doctor", "patient"]


def test_a_note_s_headings_are_no_speakers() -> None:
    assert {line.speaker for line in record_lines("Plan: rest.\nHistory: pain.")} == {""}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("one thirty over eighty", ["130", "80"]),
        ("two hundred and five pounds", ["205"]),
        ("25/100 mg, A1c 8.1%, L5, COVID-19, on 3/4/2020", ["25", "100", "8.1"]),
        ("1. Rest.\n2. Ice for 20 minutes.", ["20"]),
        ("[DATE_3] and [NAME_12]", []),
        ("ninety-eight point six degrees", ["98.6"]),
    ],
)
def test_numbers_are_read_as_written_and_as_spoken(text: str, values: list[str]) -> None:
    assert [each.value for each in quantities(text)] == values


def test_a_record_holds_numbers_that_are_only_implied() -> None:
    assert ("1", "tablet") in {(each.value, each.unit) for each in held("take a tablet twice")}


def test_a_patient_s_word_meets_the_clinic_s() -> None:
    assert {t.form for t in terms("hypertension")} == {t.form for t in terms("high blood pressure")}


def test_an_answer_is_evidence_with_its_question() -> None:
    record = Record(
        "Doctor: How is your sleep?\nPatient: Fine.\n"
        + "Doctor: I see.\n" * 20
        + "Doctor: Any chest pain?\nPatient: None at all."
    )
    (sentence,) = sentences("No chest pain.")
    shown = record.shown(record.evidence([sentence]))
    assert "Any chest pain? patient: None at all." in shown
