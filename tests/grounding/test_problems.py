"""Problems, tests, operations and clinics by name: the record may use any other name, but it must speak of them."""

import pytest

from grounding.checks.problems import groups_in, problems
from grounding.detector import Verdict, get_detector
from grounding.evidence import Record
from grounding.pieces import sentences

RECORD = """Patient: I have had a back pain for two months now.
Doctor: Any fever?
Patient: No fever.
Doctor: I will give you physiotherapy."""


def found(claim: str, source: str = RECORD) -> list[str]:
    record = Record(source)
    return [
        claim[finding.start : finding.end]
        for sentence in sentences(claim)
        for finding in problems(sentence, record, [])
    ]


@pytest.mark.parametrize(
    "claim",
    [
        "Cough for two months, no fever.",
        "Back pain after a fall, no fever.",
        "Back pain for two months, with asthma.",
        "Back pain for two months; a colonoscopy was ordered.",
        "Physiotherapy and a referral to cardiology.",
        "No fever. He underwent an appendectomy.",
    ],
)
def test_one_invented_problem_among_true_words_is_flagged(claim: str) -> None:
    judged = get_detector().judge(RECORD, claim)
    assert Verdict.ABSENT in {each.verdict for each in judged.sentences}


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        ("I get short of breath on stairs.", "Dyspnea on exertion."),
        ("I can't catch my breath.", "Shortness of breath."),
        ("I kept throwing up.", "Emesis for two days."),
        ("My dad had a heart attack.", "Father had an MI."),
        ("I have high blood pressure.", "HTN."),
        ("My sugar is high, I have been on insulin.", "Diabetes."),
        ("I have diabetes.", "Type 2 diabetes mellitus."),
        ("I have type two diabetes.", "Diabetes."),
        ("They took my gallbladder out.", "Status post cholecystectomy."),
        ("I saw the heart doctor.", "Seen by cardiology."),
        ("We will get an x-ray of your lungs.", "Chest radiograph ordered."),
        ("There is some burning when I pee.", "Dysuria."),
        ("I am tired all the time.", "She reports fatigue."),
    ],
)
def test_a_problem_may_be_told_in_the_patient_s_words(told: str, claim: str) -> None:
    assert found(claim, f"Patient: {told}") == []


def test_the_words_of_a_name_count_where_they_stand_together_in_the_record() -> None:
    told = "Patient: My hip is fine. I do think that my knee is getting loose and it worries me."
    assert found("Loose knee.", told) == []


@pytest.mark.parametrize(
    "claim",
    ["No cough.", "She denies asthma, seizures and stroke.", "Negative for hematuria."],
)
def test_what_is_denied_is_not_said_to_be_there(claim: str) -> None:
    assert found(claim) == []


@pytest.mark.parametrize(
    "claim",
    [
        "She is able to walk.",
        "A little bit better.",
        "From what I can tell.",
        "Tums t.i.d. and b.i.d.",
        "Ms. Brown is here.",
    ],
)
def test_words_that_only_look_like_names_are_none(claim: str) -> None:
    assert found(claim, "Patient: I am better.") == []


def test_a_finding_covers_the_name_alone() -> None:
    assert found("Back pain for two months with shortness of breath and a rash.") == [
        "shortness of breath",
        "rash",
    ]


def test_names_are_read_with_their_places_the_longest_first() -> None:
    text = "Type 2 diabetes, MI in 2010, short of my breath."
    read = [(group, text[start:end]) for group, start, end in groups_in(text)]
    assert read == [
        ("type 2 diabetes", "Type 2 diabetes"),
        ("myocardial infarction", "MI"),
        ("dyspnea", "short of my breath"),
    ]
