"""A negation turned round is flagged by itself; what was asked, answered and written in other words is left alone."""

import pytest

from grounding.detector import get_detector
from grounding.findings import Category

DIALOGUE = """Doctor: Any fever or chills?
Patient: No.
Doctor: Have you had any chest pain?
Doctor: Or trouble breathing?
Patient: Um.
Patient: Not really.
Doctor: Do you smoke?
Patient: Yes, I smoke a pack a day.
Doctor: And you sleep without any problems?
Patient: Yes.
Patient: My left knee hurts and it keeps swelling when I walk the dog.
Doctor: You are fifty nine years old, and I see you started the lisinopril.
Patient: I did, and I take it every morning with breakfast."""
DICTATED = (
    "doctor: the patient is a fifty nine year old male who presents with knee pain he denies fever chills nausea vomiting "
    "diarrhea melena or hematuria lungs are clear without wheezes rales or rhonchi and there is swelling of the left knee "
    "i do not appreciate any murmurs rubs or gallops your lower extremities have no edema"
)


def flagged(claim: str, source: str) -> bool:
    (sentence,) = get_detector().judge(source, claim).sentences
    return sentence.flagged and sentence.category is Category.NEGATION


@pytest.mark.parametrize(
    "claim",
    [
        "She reports fever.",
        "She has chest pain.",
        "Positive for chills.",
        "She denies smoking.",
        "She does not take lisinopril.",
        "There is no swelling of the knee.",
        "Her left knee does not hurt.",
        "She never walks the dog.",
        "The patient is not a 59-year-old.",
    ],
)
def test_what_the_answers_turn_round_is_flagged(claim: str) -> None:
    assert flagged(claim, DIALOGUE)


@pytest.mark.parametrize(
    "claim",
    [
        "She denies fever and chills.",
        "No chest pain or dyspnea.",
        "She smokes.",
        "She sleeps without problems.",
        "She has left knee pain and swelling.",
        "She has no rash.",
        "She takes lisinopril, but not in the evening.",
    ],
)
def test_what_the_answers_say_is_left_alone(claim: str) -> None:
    assert not flagged(claim, DIALOGUE)


@pytest.mark.parametrize(
    "claim",
    ["He reports nausea.", "He has hematuria.", "Positive for murmurs.", "No swelling of the left knee."],
)
def test_a_dictated_list_is_read_to_its_end(claim: str) -> None:
    assert flagged(claim, DICTATED)


@pytest.mark.parametrize(
    "claim",
    [
        "He denies vomiting and melena.",
        "No wheezes, rales, or rhonchi.",
        "No murmurs, gallops or rubs.",
        "No lower extremity edema.",
        "Swelling of the left knee.",
    ],
)
def test_and_so_is_what_it_denies_where_a_line_was_cut(claim: str) -> None:
    assert not flagged(claim, DICTATED)


def test_a_single_word_for_the_sentence_is_enough_to_leave_it_alone() -> None:
    told = "Patient: I have had headaches all week."
    assert flagged("She denies headaches.", told)
    assert not flagged("She denies headaches.", told + "\nPatient: No headaches today.")


def test_a_question_that_nobody_answers_is_for_neither_side() -> None:
    told = "Patient: My knee has been swollen all week.\nDoctor: Any other swelling in the knee?\nPatient: My wife drove me here."
    assert flagged("There is no swelling of the knee.", told)
    assert not flagged("She has other swelling.", told)


@pytest.mark.parametrize("answer", ["Yes.", "Yeah, I do."])
def test_a_yes_bears_out_what_the_question_denies(answer: str) -> None:
    told = f"Doctor: You walk the stairs without any pain now?\nPatient: {answer}"
    assert not flagged("She walks the stairs without pain.", told)
    assert not flagged("No pain on the stairs.", told)


def test_the_record_s_line_is_shown() -> None:
    (sentence,) = get_detector().judge(DIALOGUE, "She denies smoking.").sentences
    assert "smoke" in DIALOGUE[slice(*sentence.evidence[0])]


def test_nothing_is_put_right_by_a_word_of_the_opposite_line() -> None:
    from grounding.evidence import Record
    from grounding.repair import repair

    record = Record(DIALOGUE)
    (sentence,) = get_detector().judge_against(record, "She reports fever.").sentences
    assert repair(record, sentence) is None
