"""What clinicians write every day about one visit: each wrong sentence is flagged, and none of the right ones."""

import pytest

from grounding.checks.allergies import allergies
from grounding.detector import get_detector
from grounding.evidence import Record
from grounding.findings import Category, How
from grounding.pieces import Piece

VISIT = Record("""Doctor: What brings you in today, Mr. Smith?
Patient: My left knee has been hurting for about three weeks. I twisted it playing tennis.
Doctor: Any fever or chills?
Patient: No.
Doctor: Do you smoke?
Patient: I quit ten years ago. I used to smoke a pack a day.
Doctor: Any allergies?
Patient: Penicillin gives me a rash.
Doctor: What medications do you take?
Patient: Lisinopril 20 milligrams once a day, and metformin 500 twice a day.
Doctor: Any family history?
Patient: My mother had breast cancer. My father died of a heart attack at 62.
Doctor: Your blood pressure is 142 over 88, heart rate 76, temperature 98.6. Hemoglobin A1c was 7.4.
Doctor: The knee is swollen and tender on the inside. The x-ray shows no fracture. It is probably a meniscus tear.
Doctor: I want an MRI. Take ibuprofen 600 mg three times a day with food for ten days and come back in two weeks.""")


@pytest.mark.parametrize(
    "sentence",
    [
        "He has been having right knee pain for three weeks.",
        "The patient has left hip pain.",
        "He is having left knee pain for three months.",
        "He quit smoking two years ago.",
        "He takes lisinopril 40 mg daily.",
        "He takes losartan 20 mg daily.",
        "Metformin 1000 mg twice daily.",
        "Metformin 500 mg once daily.",
        "His mother had ovarian cancer.",
        "His father had breast cancer.",
        "His sister had breast cancer.",
        "Father died of a stroke at age 62.",
        "Father died of a heart attack at 72.",
        "BP 142/98.",
        "Pulse 67.",
        "Heart rate is 142.",
        "A1c was 8.4.",
        "CT scan ordered.",
        "Ibuprofen 800 mg three times a day.",
        "Ibuprofen 600 mg twice a day.",
        "Naproxen 600 mg three times a day.",
        "Follow up in 3 weeks.",
        "She has left knee pain.",
        "Referred to orthopedics.",
        "He reports fever and chills.",
        "The patient has a fever.",
        "He denies knee pain.",
        "He smokes.",
        "He currently smokes a pack a day.",
        "Never smoked.",
        "Allergic to sulfa.",
        "No known drug allergies.",
        "The knee is not swollen.",
        "X-ray was not done.",
        "Take ibuprofen without food.",
        "Left knee pain after a fall.",
    ],
)
def test_a_wrong_sentence_is_flagged(sentence: str) -> None:
    (judgement,) = get_detector().judge_against(VISIT, sentence).sentences
    assert judgement.flagged


@pytest.mark.parametrize(
    "sentence",
    [
        "Left knee pain x3 weeks after twisting it playing tennis.",
        "Denies fever and chills.",
        "Former smoker, quit 10 years ago.",
        "Allergic to penicillin (rash).",
        "Metformin 500 mg b.i.d.",
        "Takes metformin 500 mg twice daily and lisinopril 20 mg once daily.",
        "Mother: breast cancer.",
        "Father died of myocardial infarction at age 62.",
        "BP 142/88, HR 76, T 98.6.",
        "Hemoglobin A1c is 7.4%.",
        "No fracture on x-ray.",
        "Ibuprofen 600 mg TID with food for 10 days.",
        "The patient is a male with knee pain.",
    ],
)
def test_a_right_sentence_is_left_alone(sentence: str) -> None:
    (judgement,) = get_detector().judge_against(VISIT, sentence).sentences
    assert not judgement.flagged


SMOKING = {
    "quit": "Doctor: Do you smoke?\nPatient: I quit ten years ago. I used to smoke a pack a day.",
    "no": "Doctor: Do you smoke or drink?\nPatient: Absolutely not.",
    "yes": "Doctor: Do you smoke?\nPatient: Yes, about a pack a day. I am working on quitting.",
    "never": "Doctor: Any tobacco?\nPatient: Never.",
    "note": "She smokes daily and drinks socially.",
}


@pytest.mark.parametrize(
    ("told", "wrong", "right"),
    [
        ("quit", ["He smokes.", "Smokes one pack per day.", "Never smoked."], ["Former smoker.", "Denies tobacco use."]),
        ("no", ["He smokes.", "Drinks alcohol socially."], ["Nonsmoker.", "Denies tobacco, alcohol or drug use."]),
        ("yes", ["Nonsmoker.", "Former smoker.", "Never smoked."], ["Smokes one pack per day.", "Trying to quit smoking."]),
        ("never", ["Former smoker.", "He smokes."], ["Nonsmoker.", "Never smoked."]),
        ("note", ["Denies tobacco, alcohol or drug use.", "He quit smoking."], ["Drinks alcohol, and smokes."]),
    ],
)  # fmt: skip
def test_smoking_and_drinking_are_now_once_or_never(told: str, wrong: list[str], right: list[str]) -> None:
    def turned(text: str) -> bool:
        (judgement,) = get_detector().judge(SMOKING[told], text).sentences
        return any(f.category is Category.NEGATION and f.how is How.CONTRADICTED for f in judgement.findings)

    assert [text for text in wrong + right if turned(text)] == wrong


@pytest.mark.parametrize(
    ("told", "sentence", "wrong"),
    [
        ("Doctor: Any allergies?\nPatient: Penicillin gives me a rash.", "NKDA.", True),
        ("Doctor: Any allergies?\nPatient: Penicillin gives me a rash.", "No known drug allergies.", True),
        ("Doctor: Any allergies?\nPatient: Penicillin gives me a rash.", "Allergic to sulfa.", True),
        (
            "Doctor: Any allergies?\nPatient: Penicillin gives me a rash.",
            "Allergic to penicillin (rash).",
            False,
        ),
        ("Doctor: Any allergies?\nPatient: No.", "No known drug allergies.", False),
        ("Doctor: Any allergies to medications?\nPatient: None that I know of.", "NKDA.", False),
        ("Patient: I am allergic to shellfish.", "Denies any allergies.", True),
        ("Patient: My back hurts.", "No known drug allergies.", False),
    ],
)
def test_allergies_are_none_or_those_of_the_record(told: str, sentence: str, wrong: bool) -> None:
    assert bool(allergies(Piece(0, len(sentence), sentence), Record(told), [])) is wrong
