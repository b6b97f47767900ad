"""How much, how often and how sure is held against the record's own word for it."""

import pytest

from grounding.detector import get_detector
from grounding.findings import Category

RECORD = """Patient: I have some mild nausea, and the headache comes and goes.
Doctor: On the x-ray there is possibly a small fracture of the wrist.
Patient: The back pain is really severe. My cough is there all the time."""


def flagged(claim: str) -> bool:
    (sentence,) = get_detector().judge(RECORD, claim).sentences
    return sentence.flagged and sentence.category is Category.CERTAINTY


@pytest.mark.parametrize(
    "claim",
    [
        "She has severe nausea.",
        "She has a constant headache.",
        "The x-ray shows a definite fracture of the wrist.",
        "Mild back pain.",
        "She has an occasional cough.",
    ],
)
def test_more_or_less_than_was_said_is_flagged(claim: str) -> None:
    assert flagged(claim)


@pytest.mark.parametrize(
    "claim",
    [
        "She has mild nausea.",
        "Slight nausea.",
        "She has an intermittent headache.",
        "The x-ray shows a possible fracture of the wrist.",
        "Severe back pain.",
        "She has a constant cough.",
        "She has nausea and headache.",
    ],
)
def test_the_same_in_other_words_is_left_alone(claim: str) -> None:
    assert not flagged(claim)
