"""A flagged sentence is put right where the record leaves no doubt what it says instead, and else it is left alone."""

import pytest

from grounding.detector import get_detector
from grounding.evidence import Record
from grounding.repair import repair

RECORD = Record(
    """Doctor: Good morning. What brings you in?
Patient: My left knee has been swollen for three weeks, and I take metoprolol twenty five milligrams twice a day.
Doctor: You have gout. I will give you ibuprofen 600 mg three times a day."""
)


def repaired(text: str) -> str | None:
    judged = get_detector().judge_against(RECORD, text).sentences[0]
    assert judged.flagged
    return repair(RECORD, judged)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Right knee swelling.", "Left knee swelling."),
        (
            "She takes metoprolol 250 mg twice a day.",
            "She takes metoprolol twenty five milligrams twice a day.",
        ),
        ("Left knee has been swollen for 3 months.", "Left knee has been swollen for three weeks."),
        ("Ibuprofen 600 mg once a day.", "Ibuprofen 600 mg three times a day."),
    ],
)
def test_the_records_own_value_takes_the_place_of_the_wrong_one(wrong: str, right: str) -> None:
    assert repaired(wrong) == right


@pytest.mark.parametrize(
    "sentence",
    ["A colonoscopy is scheduled.", "She takes losartan 50 mg daily.", "Take the tablets once a day."],
)
def test_what_the_record_does_not_settle_is_not_made_up(sentence: str) -> None:
    """An invention, two errors at once, and two frequencies that the record gives."""
    assert repaired(sentence) is None
