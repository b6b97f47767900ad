"""Every sentence of a draft is held against its record: marked, explained, and linked to the lines it rests on."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine

from accounts.models import Scope, User
from grounding.detector import Verdict
from privacy.onnx import WeightsError
from summaries import checking
from summaries.checking import check
from summaries.models import Summary
from tests.summaries.conftest import IssueKey

ClientFor = Callable[[User], Client]
SOURCE = """Doctor: Good morning, [NAME_1]. What brings you in?
Patient: My left knee has been swollen for three weeks. I take metoprolol 25 mg twice a day.
Doctor: I will give you ibuprofen 600 mg."""
PASTED = SOURCE.replace("[NAME_1]", "Mr. Quarrington")
WRONG_DOSE = "[NAME_1] takes metoprolol 250 mg twice a day."
SOUND = "His left knee has been swollen for three weeks."


def test_a_wrong_dose_is_named_with_what_the_record_says_and_where() -> None:
    checked = check(SOURCE, f"{SOUND} {WRONG_DOSE}", is_whole=True)
    assert checked is not None
    sound, wrong = checked.sentences
    assert (sound.verdict, sound.reason) == (Verdict.SUPPORTED, "")
    assert wrong.verdict is Verdict.CONTRADICTED
    assert wrong.reason.startswith("The record says “25 mg”")
    assert wrong.reason.endswith("not “250 mg”.")
    start, end = checked.lines[wrong.lines[0] - 1]
    assert "metoprolol 25 mg" in SOURCE[start:end]
    assert wrong.suggestion == WRONG_DOSE.replace("250", "25")


def test_what_is_contradicted_is_looked_at_before_what_is_only_absent() -> None:
    checked = check(SOURCE, f"A colonoscopy is scheduled. {SOUND} {WRONG_DOSE}", is_whole=True)
    assert checked is not None
    assert [each.text for each in checked.worst_first] == [WRONG_DOSE, "A colonoscopy is scheduled."]
    assert checked.worst_first[1].suggestion is None


def test_only_of_a_whole_summary_is_told_what_it_leaves_out() -> None:
    whole, part = (check(SOURCE, SOUND, is_whole=told) for told in (True, False))
    assert whole is not None
    assert part is not None
    assert [(each.kind, each.about) for each in whole.omissions] == [
        ("medication", "metoprolol"),
        ("medication", "ibuprofen"),
    ]
    assert part.omissions == ()


@pytest.fixture
def page(engine: StubEngine, clinician: User, client_for: ClientFor) -> Callable[[str], str]:
    client = client_for(clinician)

    def pasted(answer: str) -> str:
        engine.answer = answer
        return client.post(reverse("summaries:summarize"), {"text": PASTED}).content.decode()

    return pasted


def words(content: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", content))


def test_the_portal_marks_it_and_offers_the_sentence_put_right_with_real_values(
    page: Callable[[str], str],
) -> None:
    content = page(f"{SOUND} {WRONG_DOSE}")
    assert "Look at this sentence first" in content
    assert "Quarrington takes metoprolol 25 mg twice a day." in words(content), "the suggestion"
    marked = re.search(r'<a class="claim claim-wrong"[^>]*>', content)
    assert marked
    line = re.search(r'href="#(line-\d+)"', marked.group())
    assert line
    assert f'id="{line.group(1)}"' in content, "the link leads to the record's line"
    assert 'data-flag="contradicted"' in marked.group(), "a word, not a colour alone"
    assert f"{SOUND} " in words(content), "no line break slips in between sentences"


def test_the_saved_copy_is_marked_with_placeholders(
    page: Callable[[str], str], clinician: User, client_for: ClientFor
) -> None:
    page(WRONG_DOSE)
    saved = client_for(clinician).get(reverse("summaries:summary", args=[Summary.objects.get().uuid]))
    assert "claim-wrong" in saved.content.decode()
    assert "Quarrington" not in saved.content.decode()


def test_a_draft_that_stands_is_not_called_proven(page: Callable[[str], str]) -> None:
    content = page(SOUND)
    assert "does not prove that there are none" in content
    assert "claim-wrong" not in content


def test_what_the_draft_leaves_out_is_told_with_its_line(page: Callable[[str], str]) -> None:
    content = page(SOUND)
    assert "In the record, not in the summary (2)" in content
    assert "Medication, metoprolol:" in words(content)
    line = re.search(r'<a href="#(line-\d+)" data-lines="\d+">I take metoprolol', content)
    assert line
    assert f'id="{line.group(1)}"' in content


def test_a_single_line_is_not_asked_for_everything(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.answer = SOUND
    told = {"text": PASTED, "style": "one-liner"}
    content = client_for(clinician).post(reverse("summaries:summarize"), told).content.decode()
    assert SOUND in words(content)
    assert "not in the summary" not in content


def test_a_check_that_fails_costs_no_summary_and_is_told(
    page: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        raise WeightsError(f"about {SOUND}")

    monkeypatch.setattr(checking, "get_detector", broken)
    content = page(SOUND)
    assert SOUND in words(content)
    assert "were not checked" in content
    assert "WeightsError" in caplog.text
    assert "knee" not in caplog.text


def test_a_problem_list_is_checked_line_by_line(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    told = {"text": PASTED, "style": "problem-list"}
    content = client_for(clinician).post(reverse("summaries:summarize"), told).content.decode()
    assert content.count('class="claim ') == 1


@pytest.mark.parametrize(("scopes", "name"), [((), "[NAME_1]"), ((Scope.REAL_VALUES,), "Quarrington")])
def test_the_api_gives_each_sentence_its_verdict_and_evidence(
    engine: StubEngine, issue_key: IssueKey, scopes: tuple[Scope, ...], name: str
) -> None:
    engine.answer = f"{SOUND} {WRONG_DOSE}"
    answer = Client().post(
        "/api/v1/summaries",
        json.dumps({"text": PASTED}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {issue_key(Scope.SUMMARIZE, *scopes)}"},
    )
    grounding = answer.json()["grounding"]
    sound, wrong = grounding["sentences"]
    assert grounding["flagged"]
    assert (sound["verdict"], wrong["verdict"]) == ("supported", "contradicted")
    assert wrong["category"] == "dose"
    assert "metoprolol 25 mg" in wrong["evidence"][0]
    assert name in wrong["suggestion"]
    assert [each["about"] for each in grounding["omissions"]] == ["ibuprofen"]
