"""The detector as its users see it: a verdict, a probability and where to look, for each sentence."""

import pytest

from grounding.detector import Verdict, get_detector

SOURCE = """Doctor: Hello [NAME_1]. What is wrong?
Patient: My left knee hurts since three weeks. I take metoprolol 25 mg once a day.
Doctor: Any fever?
Patient: No.
Doctor: I will refer you to physical therapy."""


def judge(text: str):
    return get_detector().judge(SOURCE, text)


def test_a_true_summary_is_borne_out() -> None:
    judged = judge("Left knee pain for 3 weeks. She takes metoprolol 25 mg daily. No fever.")
    assert [each.verdict for each in judged.sentences] == [Verdict.SUPPORTED] * 3
    assert not judged.flagged


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("She takes metoprolol 250 mg daily.", "dose"),
        ("Right knee pain for 3 weeks.", "side"),
        ("She takes atenolol 25 mg daily.", "medication"),
        ("[NAME_4] was seen for left knee pain.", "person"),
    ],
)
def test_a_wrong_word_is_flagged_with_its_category_and_where_to_look(text: str, category: str) -> None:
    judged = judge(text)
    (sentence,) = judged.sentences
    assert judged.flagged
    assert sentence.category == category
    assert sentence.evidence


def test_a_likely_turned_negation_is_not_called_borne_out() -> None:
    (sentence,) = judge("She reports fever.").sentences
    assert sentence.verdict is not Verdict.SUPPORTED
    assert sentence.category == "negation"


def test_one_false_sentence_makes_a_text_likelier_wrong() -> None:
    right = judge("Left knee pain for 3 weeks. No fever.")
    wrong = judge("Left knee pain for 3 weeks. No fever. She takes metoprolol 250 mg daily.")
    assert wrong.probability > right.probability


def test_a_summary_that_says_nothing_claims_nothing() -> None:
    assert judge("").sentences == ()
    assert judge("PLAN:\n\n").probability == 0.0


def test_places_of_evidence_lie_in_the_record() -> None:
    for sentence in judge("Right knee pain. Referred to physical therapy.").sentences:
        assert all(0 <= start < end <= len(SOURCE) for start, end in sentence.evidence)


def test_an_empty_record_bears_nothing_out() -> None:
    (sentence,) = get_detector().judge("", "Left knee pain and swelling for 3 weeks.").sentences
    assert sentence.verdict is Verdict.ABSENT
