"""Styles: the default is the trained prompt to the token; every other adds its words behind it."""

import json
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from stub_engine import StubEngine

from jobs.model_server import temporary_server
from jobs.prompts import SYSTEM, messages
from summaries import reading
from summaries.engine import EngineClient
from summaries.models import Summary
from summaries.styles import DEFAULT, PROBLEM_LIST, STYLES
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.summaries.conftest import IssueKey

TEXT = "Zebulon Quarrington, SSN 521-44-9832, has had chest pain since Tuesday."


def ask(key: str, **body: Any) -> Any:
    return Client().post(
        "/api/v1/summaries",
        json.dumps({"text": TEXT, **body}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


@pytest.mark.parametrize("section", ["", "Impression"])
def test_the_default_is_the_trained_prompt(section: str) -> None:
    prompt = DEFAULT.prompt("A record.", section)
    assert prompt.messages == messages("A record.", section)
    assert prompt.json_schema is None


@pytest.mark.parametrize("style", [style for style in STYLES.values() if style.name])
def test_a_style_stands_behind_the_trained_words(style: Any) -> None:
    """The engine keeps its work on a common beginning."""
    system, user = style.prompt("A record.").messages
    assert system["content"].startswith(f"{SYSTEM} ")
    assert "{" not in system["content"]
    assert user["content"].endswith("Record:\nA record.")


def test_an_answer_says_its_style_and_keeps_it(engine: StubEngine, issue_key: IssueKey) -> None:
    answer = ask(issue_key(), style="one-liner").json()
    assert answer["style"] == Summary.objects.get().style == "one-liner"
    assert "Write one sentence only" in engine.received[0]


def test_a_reading_grade_is_asked_for_and_measured(engine: StubEngine, issue_key: IssueKey) -> None:
    answer = ask(issue_key(), style="patient-friendly", reading_grade=4).json()
    assert "school grade 4" in engine.received[0]
    assert answer["reading_grade"] == reading.grade(answer["summary"])


def test_a_problem_list_is_json_with_real_values_inside_its_strings(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    answer = ask(issue_key(), style="problem-list").json()
    asked = json.loads(engine.received[0])
    assert asked["response_format"]["json_schema"]["schema"] == PROBLEM_LIST
    assert answer["data"]["problems"][0]["problem"] == "chest pain of Zebulon Quarrington"
    assert json.loads(answer["summary"]) == answer["data"]
    assert "[NAME_1]" in answer["summary_deidentified"]


def test_a_value_with_a_quotation_mark_does_not_break_the_json(
    engine: StubEngine, issue_key: IssueKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from summaries import api, questions

    asked_of_text = questions.asked_of_text

    def with_a_nickname(**given: Any) -> Any:
        asked = asked_of_text(**given)
        asked.originals["[NAME_1]"] = 'Zebulon "Zeb"\nQuarrington'
        return asked

    monkeypatch.setattr(api.questions, "asked_of_text", with_a_nickname)
    answer = ask(issue_key(), style="problem-list").json()
    assert answer["data"]["problems"][0]["problem"] == 'chest pain of Zebulon "Zeb"\nQuarrington'


def test_an_answer_that_should_be_json_and_is_not_is_no_summary(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    engine.ignores_schemas = True
    response = ask(issue_key(), style="problem-list")
    assert response.status_code == 502
    assert not Summary.objects.exists()


def test_an_unknown_style_is_refused_with_those_there_are(engine: StubEngine, issue_key: IssueKey) -> None:
    response = ask(issue_key(), style="sonnet")
    assert response.status_code == 422
    assert "problem-list" in response.json()["what_to_do"]


@pytest.mark.slow
def test_whatever_a_model_says_a_problem_list_parses(tmp_path: Any) -> None:
    """A model of random weights, held by the grammar alone, twenty records long; always whole, never cut off."""
    is_valid = jsonschema_rs.validator_for(PROBLEM_LIST).is_valid
    model = write_tiny_gguf(tmp_path / "model.gguf", seed=3)
    with temporary_server(model, var=tmp_path) as address:
        client = EngineClient.at(*address)
        for number in range(20):
            prompt = STYLES["problem-list"].prompt(f"Record {number}: cough and fever.")
            pieces = client.stream("", prompt)
            text = "".join(pieces)
            assert is_valid(json.loads(text)), text


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The cat sat on the mat. It was warm.", 0, 1),
        ("You have a sore throat. Drink water and rest.", 0, 4),
        ("Percutaneous coronary intervention was accomplished without periprocedural complications.", 14, 40),
    ],
)
def test_hard_texts_have_higher_grades(text: str, low: float, high: float) -> None:
    grade = reading.grade(text)
    assert grade is not None
    assert low <= grade <= high


def test_a_text_without_words_has_no_grade() -> None:
    assert reading.grade("12/80 …") is None
