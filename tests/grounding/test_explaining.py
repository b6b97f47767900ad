"""A model explains what the detector flagged; whatever contradicts the detector, or the record, is not shown."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from grounding.detector import Verdict, get_detector
from grounding.evidence import Record
from grounding.explaining import MAX_CHARACTERS, MAX_NEW_TOKENS, Flagged, Kind, messages, schema
from grounding.filtering import Explanation, Fault, judge_explanation
from grounding.findings import Category, Finding, How
from grounding.rewriting import borne_out
from jobs.model_server import temporary_server
from summaries.engine import EngineClient, Prompt
from tests.jobs.tiny_gguf import write_tiny_gguf

SMOLLM2 = Path(os.environ.get("PRECIS_MODELS_DIR", "var/models")) / "smollm2-135m" / "model.gguf"

RECORD = """Doctor: Good morning, [NAME_1]. What brings you in?
Patient: My left knee has been swollen for three weeks since May 4th. I take metoprolol 25 mg twice a day.
Doctor: I will give you ibuprofen 600 mg."""
SENTENCE = "[NAME_1] takes metoprolol 250 mg twice a day."
DOSE = Flagged(
    SENTENCE,
    evidence=("I take metoprolol 25 mg twice a day.",),
    reason="The record says “25 mg”, not “250 mg”.",
    verdict=Verdict.CONTRADICTED,
    findings=(Finding(Category.DOSE, How.CONTRADICTED, 24, 30),),
    said=("250 mg",),
    told=("25 mg",),
)
COLONOSCOPY = Flagged(
    "A colonoscopy is scheduled.",
    evidence=(),
    reason="“colonoscopy” is not in the record.",
    verdict=Verdict.ABSENT,
    findings=(Finding(Category.ADDITION, How.ABSENT, 2, 13),),
    said=("colonoscopy",),
)
COUGH = Flagged(
    "The patient has no fever, but a cough.",
    evidence=("No fever and no cough.",),
    reason="The record may say the opposite about “cough”.",
    verdict=Verdict.CONTRADICTED,
    findings=(Finding(Category.NEGATION, How.CONTRADICTED, 0, 1),),
)
RIGHT = "The record gives metoprolol 25 mg, not 250 mg."


def judged(text: str, kind: str = "number", flagged: Flagged = DOSE) -> Explanation:
    return judge_explanation(json.dumps({"category": kind, "explanation": text}), flagged)


@pytest.mark.parametrize(
    ("text", "kind", "flagged"),
    [
        (RIGHT, "number", DOSE),
        ("The sentence says that the patient takes 250 mg, but the record says 25 mg.", "contradicted", DOSE),
        ("The dose of metoprolol is not supported by the record: it says 25 mg.", "number", DOSE),
        ("It isn't consistent with the 25 mg in the record.", "number", DOSE),
        ("The record gives twenty five mg.", "number", DOSE),
        ("The record never mentions a colonoscopy.", "missing", COLONOSCOPY),
        ("No colonoscopy is mentioned in the record.", "missing", COLONOSCOPY),
        ("The record may say the opposite about a cough.", "affirmed", COUGH),
    ],
)
def test_what_fits_the_detectors_finding_is_kept(text: str, kind: str, flagged: Flagged) -> None:
    assert judged(text, kind, flagged) == Explanation(Kind(kind), text)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The dose is wrong.",
        '{"category": "number", "explanation": "The dose',
        '{"category": "number"}',
        '{"category": "colour", "explanation": "The dose in the record is another one."}',
        '["number"]',
        '{"category": "number", "explanation": 25}',
    ],
)
def test_an_answer_in_another_shape_is_not_read(answer: str) -> None:
    assert judge_explanation(answer, DOSE) == Explanation(None, "", Fault.UNREADABLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "250 mg.",
        "metoprolol metoprolol metoprolol metoprolol is the dose",
        "the dose of the dose of the dose of the dose of metoprolol",
        'The dose"}] is {"25 mg}',
        "The record " + "says of metoprolol and the dose that it was taken " * 6,
    ],
)
def test_garbled_and_cut_off_words_are_not_shown(text: str) -> None:
    assert judged(text[:MAX_CHARACTERS]).fault is Fault.UNREADABLE


def test_only_the_first_sentence_is_the_explanation() -> None:
    assert judged(f"{RIGHT} Metoprolol is also known as").text == RIGHT


def test_a_category_that_calls_it_supported_contradicts_the_detector() -> None:
    assert judged(RIGHT, "supported").fault is Fault.SUPPORTED
    assert judged(RIGHT).is_kept


@pytest.mark.parametrize(
    ("finding", "verdict", "fitting"),
    [
        (Finding(Category.DOSE, How.CONTRADICTED, 0, 1), Verdict.CONTRADICTED, {"number", "contradicted"}),
        (Finding(Category.SIDE, How.CONTRADICTED, 0, 1), Verdict.CONTRADICTED, {"mixed up", "contradicted"}),
        (Finding(Category.DOSE, How.ABSENT, 0, 1), Verdict.ABSENT, {"missing"}),
        (Finding(Category.DOSE, How.ELSEWHERE, 0, 1), Verdict.ABSENT, {"number", "missing"}),
        (
            Finding(Category.NEGATION, How.CONTRADICTED, 0, 1),
            Verdict.CONTRADICTED,
            {"affirmed", "denied", "contradicted", "missing"},
        ),
    ],
)
def test_another_kind_of_error_than_was_found_contradicts_the_detector(
    finding: Finding, verdict: Verdict, fitting: set[str]
) -> None:
    flagged = replace(DOSE, findings=(finding,), verdict=verdict)
    assert {kind.value for kind in flagged.fitting} == fitting
    for kind in set(Kind) - flagged.fitting - {Kind.SUPPORTED}:
        assert judged(RIGHT, kind, flagged).fault is Fault.KIND
    assert all(judged(RIGHT, kind, flagged).is_kept for kind in flagged.fitting)


@pytest.mark.parametrize(
    "text",
    [
        "The sentence is supported by the record.",
        "This is consistent with what the patient says.",
        "The claim that metoprolol is taken is correct.",
        "The record confirms the dose of metoprolol.",
        "There is no error in the dose of metoprolol.",
        "The record and the sentence are fine; nothing is wrong.",
        "The summary matches the record on metoprolol.",
        "The dose of metoprolol, which is stated in the record.",
    ],
)
def test_words_that_call_it_supported_contradict_the_detector_whatever_the_category(text: str) -> None:
    assert judged(text).fault is Fault.AGREES


@pytest.mark.parametrize(
    "text",
    [
        "The record gives metoprolol 250 mg.",
        "The sentence says metoprolol 25 mg.",
        "The patient takes the metoprolol 250 mg twice a day.",
    ],
)
def test_the_wrong_value_is_not_put_into_the_records_mouth(text: str) -> None:
    assert judged(text).fault is Fault.AGREES


def test_neither_is_an_invention() -> None:
    said = "The record says that a colonoscopy is scheduled."
    assert judged(said, "missing", COLONOSCOPY).fault is Fault.AGREES


@pytest.mark.parametrize(
    "text",
    [
        "The record gives metoprolol 50 mg, not 250 mg.",
        "The record gives losartan, not metoprolol 250 mg.",
        "The dose of metoprolol was changed in March.",
        "The dose of metoprolol was changed on 3/4/2021.",
        "The dose of metoprolol is what [NAME_2] takes, not 25 mg.",
        "The record gives 25 mg for her heart, not 250 mg.",
        "The sentence names a surgeon, but the record says nothing of one.",
    ],
)
def test_a_number_drug_date_name_or_word_that_nobody_said_is_not_shown(text: str) -> None:
    assert judged(text).fault is Fault.WORDS


@pytest.mark.parametrize(
    ("text", "kind", "flagged"),
    [
        ("[NAME_1] takes metoprolol twice a day.", "number", DOSE),
        ("The sentence gives metoprolol 250 mg.", "number", DOSE),
        ("The record says nothing of the dose.", "number", DOSE),
        ("The record says metoprolol twenty five, not 250 mg.", "number", replace(DOSE, told=("25 mcg",))),
        ("[NAME_1] takes metoprolol 25 mg twice a day.", "number", DOSE),
        ("A colonoscopy is scheduled.", "missing", COLONOSCOPY),
        ("The record does not say that.", "missing", COLONOSCOPY),
        (
            "The record says nothing of what is scheduled, but the sentence names a colonoscopy.",
            "missing",
            COLONOSCOPY,
        ),
        (COUGH.sentence, "affirmed", COUGH),
        (
            "There is no evidence of a cough.",
            "missing",
            replace(COUGH, sentence="There is evidence of a cough."),
        ),
    ],
)
def test_what_repeats_the_sentence_or_leaves_out_what_the_record_says_explains_nothing(
    text: str, kind: str, flagged: Flagged
) -> None:
    assert judged(text, kind, flagged).fault is Fault.EMPTY


def test_only_what_contradicts_the_detector_teaches_it() -> None:
    assert {fault for fault in Fault if fault.is_disagreement} == {Fault.SUPPORTED, Fault.KIND, Fault.AGREES}


def test_the_model_is_shown_sentence_evidence_and_finding() -> None:
    asked = messages(DOSE)[-1]["content"]
    assert all(words in asked for words in (DOSE.sentence, *DOSE.evidence, DOSE.reason))
    assert "Nothing in the record" in messages(COLONOSCOPY)[-1]["content"]


def test_the_model_may_choose_what_fits_the_finding_or_object() -> None:
    assert schema(DOSE)["properties"]["category"]["enum"] == ["number", "contradicted", "supported"]
    assert schema(COLONOSCOPY)["properties"]["category"]["enum"] == ["missing", "supported"]


def test_what_a_model_copies_from_the_examples_is_not_shown() -> None:
    for shown in messages(DOSE):
        if shown["role"] == "assistant":
            assert not judge_explanation(shown["content"], DOSE).is_kept
            assert not judge_explanation(shown["content"], COLONOSCOPY).is_kept


def rewritten(text: str) -> str | None:
    return borne_out(json.dumps({"rewrite": text}), DOSE, Record(RECORD), get_detector())


def test_a_rewrite_that_the_detector_bears_out_is_offered() -> None:
    right = "[NAME_1] takes metoprolol 25 mg twice a day."
    assert rewritten(right) == right


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "[NAME_1] takes metoprolol 50 mg twice a day.",
        "My left knee has been swollen for three weeks.",
        "[NAME_1] takes metoprolol 25 mg twice a day. A colonoscopy is scheduled.",
        "[NAME_1] takes metoprolol 25 mg twice a day for a swollen knee.",
        "",
    ],
)
def test_a_rewrite_that_is_wrong_or_about_something_else_is_not(text: str) -> None:
    assert rewritten(text) is None


def test_an_answer_that_is_no_rewrite_is_not_offered() -> None:
    for answer in ("", "[]", '{"rewrite": 3}', '{"other": "x"}'):
        assert borne_out(answer, DOSE, Record(RECORD), get_detector()) is None


@pytest.mark.slow
def test_whatever_a_model_writes_under_the_schema_can_be_read(tmp_path: Path) -> None:
    """Of a model of random weights nothing but the schema makes an answer."""
    model = write_tiny_gguf(tmp_path / "model.gguf", seed=1)
    with temporary_server(model, var=tmp_path) as (port, key):
        prompt = Prompt(messages(DOSE), 400, json_schema=schema(DOSE))
        answer = "".join(EngineClient.at(port, key).stream("", prompt))
    assert json.loads(answer)["category"] in schema(DOSE)["properties"]["category"]["enum"]
    judged = judge_explanation(answer, DOSE)
    assert judged.kind is not None
    assert not judged.is_kept


@pytest.mark.weights
def test_the_smallest_model_explains_a_wrong_dose(tmp_path: Path) -> None:
    if not SMOLLM2.exists():
        pytest.skip("smollm2-135m is not fetched: manage.py fetch_model smollm2-135m")
    with temporary_server(SMOLLM2, var=tmp_path, context_tokens=2048) as (port, key):
        prompt = Prompt(messages(DOSE), MAX_NEW_TOKENS, json_schema=schema(DOSE))
        answer = "".join(EngineClient.at(port, key).stream("", prompt))
    assert judge_explanation(answer, DOSE).kind is Kind.NUMBER
