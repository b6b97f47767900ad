"""What is shown, explained and kept of the check is of the text that a person made of the draft, not of the draft."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import rows_holding
from written import summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from privacy.onnx import WeightsError
from summaries import checking, reviewing
from summaries.models import Summary, SummaryReview

ClientFor = Callable[[User], Client]
PASTED = """Doctor: Good morning, Mr. Quarrington. What brings you in?
Patient: My left knee has been swollen for three weeks. I take metoprolol 25 mg twice a day.
Doctor: I will give you ibuprofen 600 mg."""
SOUND = "His left knee has been swollen for three weeks."
WRONG_DOSE = "[NAME_1] takes metoprolol 250 mg twice a day."
RIGHT_DOSE = WRONG_DOSE.replace("250", "25")
IBUPROFEN = "Ibuprofen 600 mg was given."


@pytest.fixture
def draft(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    engine.answer = f"{SOUND} {WRONG_DOSE}"
    return summarize_text(clinic=clinic, text=PASTED, user=clinician).summary


@pytest.fixture
def client(clinician: User, client_for: ClientFor) -> Client:
    return client_for(clinician)


def saved(client: Client, draft: Summary, text: str) -> str:
    url = reverse("summaries:summary_edit", args=[draft.uuid])
    return client.post(url, {"text": text}, headers={"HX-Request": "true"}).content.decode()


def page(client: Client, draft: Summary) -> str:
    return client.get(reverse("summaries:summary", args=[draft.uuid])).content.decode()


def flagged(content: str) -> list[str]:
    """The sentences that are marked as wrong where the text is read."""
    marked = re.findall(r'<a class="claim claim-wrong"[^>]*>(.*?)</a>', content, re.S)
    return [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in marked]


def test_what_is_saved_comes_back_with_its_own_check(draft: Summary, client: Client) -> None:
    assert flagged(page(client, draft)) == [WRONG_DOSE]
    content = saved(client, draft, f"{SOUND} {RIGHT_DOSE}")
    assert 'id="checked" hx-swap-oob="true"' in content, "it takes the place of the check of the draft"
    assert flagged(content) == []
    assert "not in the summary (1)" in content, "ibuprofen alone is left out"
    content = saved(client, draft, f"{SOUND.replace('three', 'five')} {RIGHT_DOSE} {IBUPROFEN}")
    assert flagged(content) == [SOUND.replace("three", "five")]
    assert "1 sentence to look at" in content
    assert "not in the summary" not in content


def test_the_page_shows_the_saved_text_s_check_to_her_and_the_draft_s_to_others(
    draft: Summary, client: Client, admin: User, client_for: ClientFor
) -> None:
    saved(client, draft, f"{SOUND} {RIGHT_DOSE}")
    content = page(client, draft)
    assert flagged(content) == []
    assert "Your text as you saved it at" in content
    assert flagged(page(client_for(admin), draft)) == [WRONG_DOSE]


def test_what_was_not_saved_leaves_the_check_as_it_is(draft: Summary, client: Client) -> None:
    content = saved(client, draft, "x" * 20_001)
    assert "Not saved." in content
    assert "hx-swap-oob" not in content


def test_the_check_kept_of_a_decision_is_of_the_text_that_was_accepted(
    draft: Summary, client: Client, clinician: User
) -> None:
    review = reviewing.accept(summary=draft, user=clinician, text=f"{SOUND} {RIGHT_DOSE}")
    assert review.checked == {"sentences": 2, "flagged": 0, "unsure": 0, "omissions": 1}
    assert AuditEntry.objects.get(action="accept_summary").facts == {"changed": True, "flagged": 0}
    assert rows_holding("metoprolol") == []
    content = page(client, draft)
    assert flagged(content) == [], "nor is the draft's error marked as one of the final text"
    assert "held 0 of 2 sentences against the record" in content
    assert "not in the summary (1)" in content


def test_what_she_accepts_against_the_check_is_marked_and_counted(
    draft: Summary, client: Client, clinician: User
) -> None:
    review = reviewing.accept(summary=draft, user=clinician)
    assert review.checked is not None
    assert review.checked["flagged"] == 1
    content = page(client, draft)
    assert flagged(content) == [WRONG_DOSE], "once: the draft below is not marked"
    assert "held 1 of 2 sentences against the record" in content


def test_a_check_that_fails_costs_no_decision_and_counts_as_none(
    draft: Summary, client: Client, clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise WeightsError

    monkeypatch.setattr(checking, "get_detector", broken)
    reviewing.accept(summary=draft, user=clinician)
    assert SummaryReview.objects.get().checked is None
    assert "were not checked" in page(client, draft)
    assert AuditEntry.objects.get(action="accept_summary").facts == {"changed": False}


def test_a_rejected_draft_is_shown_with_its_own_check(
    draft: Summary, client: Client, clinician: User
) -> None:
    saved(client, draft, f"{SOUND} {RIGHT_DOSE}")
    reviewing.reject(summary=draft, user=clinician, reason="wrong")
    assert flagged(page(client, draft)) == [WRONG_DOSE]
