"""A number or a side is held against the one that the record says of the same thing, wherever else it stands."""

import pytest

from grounding.detector import get_detector

RECORD = """Doctor: Your blood pressure today is one thirty over eighty and your heart rate is seventy two.
Patient: I smoked ten cigarettes a day for twenty years, and I drink two glasses of wine a week.
Patient: My left knee hurts since May, and last year I broke my right wrist.
Doctor: Oxygen saturation is ninety eight percent. I see some swelling of both ankles."""


@pytest.mark.parametrize(
    "claim",
    [
        "Heart rate is 80 bpm.",
        "Heart rate is 130 bpm.",
        "Blood pressure is 72/80.",
        "She smoked 2 cigarettes a day.",
        "She smoked 10 cigarettes a day for 2 years.",
        "She drinks 10 glasses of wine a week.",
        "Her right knee hurts.",
        "She broke her left wrist.",
        "There is swelling of the left ankle.",
        "Oxygen saturation is 98 mmHg.",
        "Heart rate is 72 mmHg.",
        "Pain in the left knee, worse on the left than on the left.",
    ],
)
def test_what_the_record_says_of_something_else_bears_nothing_out(claim: str) -> None:
    assert get_detector().judge(RECORD, claim).flagged


@pytest.mark.parametrize(
    "claim",
    [
        "Heart rate is 72 bpm.",
        "Blood pressure is 130/80 mmHg.",
        "She smoked 10 cigarettes a day for 20 years.",
        "She drinks 2 glasses of wine a week.",
        "Her left knee hurts.",
        "She broke her right wrist.",
        "There is swelling of both ankles.",
        "Oxygen saturation is 98 %.",
    ],
)
def test_what_is_said_of_the_same_thing_is_left_alone(claim: str) -> None:
    assert not get_detector().judge(RECORD, claim).flagged


@pytest.mark.parametrize(
    "claim", ["She takes 40 mg of it.", "She smoked for 35 years.", "A knee score of 61."]
)
def test_a_number_that_the_record_has_nowhere_is_always_flagged(claim: str) -> None:
    assert get_detector().judge(RECORD, claim).flagged
