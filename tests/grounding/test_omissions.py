"""What a record holds and a summary leaves out: found where it matters, and not where the summary says it in other words."""

import pytest

from grounding.evidence import Record
from grounding.omissions import Kind, omissions

RECORD = """Doctor: What brings you in today?
Patient: My left knee has been swollen for three weeks.
Doctor: Do you take any medicines?
Patient: I take metoprolol twenty five milligrams twice a day. I stopped lisinopril 10 mg last year.
Doctor: And warfarin, 5 mg?
Patient: No.
Doctor: Any allergies?
Patient: I am allergic to penicillin.
Doctor: Your blood pressure is one sixty over ninety five, and your heart rate is 72.
Doctor: I will give you ibuprofen 600 mg. I want to order an MRI of the knee. Come back in two weeks."""


def found(summary: str, record: str = RECORD) -> list[tuple[str, str]]:
    read = Record(record)
    return [(each.kind.value, each.about or read.lines[each.line].text) for each in omissions(read, summary)]


def test_a_summary_that_says_nothing_leaves_out_all_that_matters_the_gravest_first() -> None:
    assert found("Knee swelling.") == [
        ("allergy", "penicillin"),
        ("medication", "metoprolol"),
        ("medication", "ibuprofen"),
        ("abnormal result", "blood pressure"),
        ("follow-up", "I want to order an MRI of the knee."),
        ("follow-up", "Come back in two weeks."),
    ]


@pytest.mark.parametrize(
    ("said", "kind", "about"),
    [
        ("She has a penicillin allergy.", Kind.ALLERGY, "penicillin"),
        ("She takes Lopressor.", Kind.MEDICATION, "metoprolol"),
        ("BP 160/95.", Kind.ABNORMAL, "blood pressure"),
        ("MRI of the knee ordered.", Kind.FOLLOW_UP, "I want to order an MRI of the knee."),
        ("Return in 2 weeks.", Kind.FOLLOW_UP, "Come back in two weeks."),
    ],
)
def test_what_is_said_in_other_words_is_not_left_out(said: str, kind: Kind, about: str) -> None:
    assert (kind.value, about) in found("Knee swelling.")
    assert (kind.value, about) not in found(said)


def test_drugs_that_are_stopped_or_denied_and_normal_measures_are_not_asked_for() -> None:
    told = {about for _, about in found("")}
    assert not told & {"lisinopril", "warfarin", "heart rate"}


def test_an_empty_record_leaves_nothing_to_tell() -> None:
    assert found("", "") == []


def test_the_list_stays_short() -> None:
    drugs = ["metoprolol", "ibuprofen", "warfarin", "lisinopril", "amlodipine", "atorvastatin", "metformin"]
    record = "\n".join(f"She takes {drug} 10 mg daily." for drug in drugs)
    assert len(found("", record)) == 4
