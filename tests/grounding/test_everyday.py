"""What clinicians write every day about one visit: each wrong sentence is flagged, and none of the right ones."""

import pytest

from grounding.detector import get_detector
from grounding.evidence import Record

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
