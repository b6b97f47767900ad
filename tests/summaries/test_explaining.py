"""A flagged sentence is explained when somebody asks: beside it on the page, for other software, never against the check."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import rows_holding
from written import summarize_record, summarize_text

from accounts.models import Clinic, Scope, User
from audit.models import AuditEntry
from records.models import Record
from summaries import admission
from summaries.display import fingerprint
from summaries.explaining import NotFlagged, explain
from summaries.models import Deployment, Disagreement, Summary
from summaries.reviewing import accept, draft_of, save_edit
from summaries.services import NoModelDeployed
from tests.summaries.conftest import IssueKey

ClientFor = Callable[[User], Client]
PASTED = """Doctor: Good morning, Mr. Quarrington. What brings you in?
Patient: My left knee has been swollen for three weeks. I take metoprolol 25 mg twice a day.
Doctor: I will give you ibuprofen 600 mg three times a day."""
SOUND = "His left knee has been swollen for three weeks."
WRONG_DOSE = "[NAME_1] takes metoprolol 250 mg twice a day."
TWO_ERRORS = "He takes ibuprofen 800 mg once a day."
INVENTED = "A colonoscopy is scheduled."
WHY = "The record says 25 mg of metoprolol, but the sentence about [NAME_1] says 250 mg."


def says(text: str, kind: str = "number") -> str:
    return json.dumps({"category": kind, "explanation": text})


@pytest.fixture
def draft(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    engine.answer = f"{SOUND} {WRONG_DOSE} {TWO_ERRORS} {INVENTED}"
    engine.under_schema = {"explanation": says(WHY)}
    return summarize_text(clinic=clinic, text=PASTED, user=clinician).summary


def test_the_model_is_asked_about_one_sentence_only_when_somebody_asks(
    draft: Summary, engine: StubEngine, clinician: User
) -> None:
    assert len(engine.received) == 1, "the summary itself"
    found = explain(summary=draft, number=2, user=clinician)
    assert (found.explanation.text, found.explanation.is_kept) == (WHY, True)
    asked = json.loads(engine.received[1])
    assert asked["response_format"]["json_schema"]["schema"]["properties"]["category"]["enum"] == [
        "number",
        "contradicted",
        "supported",
    ]
    assert asked["max_tokens"] <= 100
    told = asked["messages"][-1]["content"]
    assert WRONG_DOSE in told
    assert "I take metoprolol 25 mg twice a day." in told
    assert "Quarrington" not in engine.received[1]
    assert "colonoscopy" not in told, "nothing of the other sentences"


def test_what_the_check_put_right_needs_no_rewrite_by_the_model(
    draft: Summary, engine: StubEngine, clinician: User
) -> None:
    assert explain(summary=draft, number=2, user=clinician).rewrite == WRONG_DOSE.replace("250", "25")
    assert len(engine.received) == 2


@pytest.mark.parametrize(
    ("written", "offered"),
    [
        ("He takes ibuprofen 600 mg three times a day.", "He takes ibuprofen 600 mg three times a day."),
        ("He takes ibuprofen 600 mg twice a day.", None),
        (TWO_ERRORS, None),
    ],
)
def test_a_rewrite_is_offered_only_where_the_check_bears_it_out(
    draft: Summary, engine: StubEngine, clinician: User, written: str, offered: str | None
) -> None:
    engine.under_schema["rewrite"] = json.dumps({"rewrite": written})
    assert explain(summary=draft, number=3, user=clinician).rewrite == offered


def test_of_an_invention_nothing_is_rewritten(draft: Summary, engine: StubEngine, clinician: User) -> None:
    engine.under_schema = {"explanation": says("The record says nothing of a colonoscopy.", "missing")}
    found = explain(summary=draft, number=4, user=clinician)
    assert found.explanation.is_kept
    assert (found.rewrite, len(engine.received)) == (None, 2)


@pytest.mark.parametrize("number", [0, 1, 5, 99])
def test_a_sentence_that_is_not_flagged_is_not_explained(
    draft: Summary, engine: StubEngine, clinician: User, number: int
) -> None:
    with pytest.raises(NotFlagged):
        explain(summary=draft, number=number, user=clinician)
    assert len(engine.received) == 1


def test_a_model_that_contradicts_the_check_is_noted_once_without_words(
    draft: Summary, engine: StubEngine, clinician: User
) -> None:
    engine.under_schema = {"explanation": says(WHY, "supported")}
    for _ in range(2):
        assert not explain(summary=draft, number=2, user=clinician).explanation.is_kept
    noted = Disagreement.objects.get()
    assert (noted.summary, noted.sentence, noted.verdict) == (draft, 2, "contradicted")
    assert (noted.category, noted.kind, noted.fault) == ("dose", "supported", "calls it supported")
    assert rows_holding("metoprolol") == []
    draft.delete()
    assert not Disagreement.objects.exists()


@pytest.mark.parametrize("answer", [says(WHY), "{", says("The record says losartan, not 250 mg or 25 mg.")])
def test_an_answer_that_fits_or_is_of_no_use_is_no_disagreement(
    draft: Summary, engine: StubEngine, clinician: User, answer: str
) -> None:
    engine.under_schema = {"explanation": answer}
    explain(summary=draft, number=2, user=clinician)
    assert not Disagreement.objects.exists()


def test_the_audit_entry_tells_what_was_asked_and_no_words(draft: Summary, clinician: User) -> None:
    explain(summary=draft, number=2, user=clinician)
    entry = AuditEntry.objects.get(action="explain_sentence")
    assert (entry.actor, entry.subject_id) == (clinician, str(draft.uuid))
    assert entry.facts == {
        "artifact": str(draft.deployment.artifact.uuid),
        "token": "",
        "sentence": 2,
        "kind": "number",
        "fault": "",
        "rewritten": True,
        "explainer": "",
    }


def test_without_a_model_or_a_place_in_the_queue_nobody_is_asked(
    draft: Summary, engine: StubEngine, clinician: User, settings: Any
) -> None:
    settings.ENGINE_QUEUE = 1
    with admission.place(settings.VAR / "engine" / "queue", 1), pytest.raises(admission.QueueFull):
        explain(summary=draft, number=2, user=clinician)
    Deployment.objects.update(closed_at=draft.created_at)
    with pytest.raises(NoModelDeployed):
        explain(summary=draft, number=2, user=clinician)
    assert len(engine.received) == 1


def words(content: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", content)).split())


def post(client: Client, summary: Summary, number: Any, htmx: bool = True, **told: str) -> Any:
    headers = {"HX-Request": "true"} if htmx else {}
    url = reverse("summaries:summary_explanation", args=[summary.uuid])
    told = {"of": fingerprint(draft_of(summary)), **told}
    return client.post(url, {"sentence": number, **told}, headers=headers)


def test_the_explanation_comes_alone_where_the_page_asks_for_it(
    draft: Summary, clinician: User, client_for: ClientFor
) -> None:
    response = post(client_for(clinician), draft, 2)
    assert response.headers["X-Precis-Fragment"] == "1"
    assert "no-store" in response.headers["Cache-Control"]
    content = response.content.decode()
    assert f"The model explains: {WHY} (a number, dose, date or time differs)" in words(content)
    assert "<html" not in content


def test_without_javascript_the_saved_page_tells_it(
    draft: Summary, clinician: User, client_for: ClientFor
) -> None:
    content = post(client_for(clinician), draft, 2, htmx=False).content.decode()
    assert f"The model explains: {WHY}" in words(content)
    assert "Draft summary" in content


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says("The sentence is supported by the record."), "does not agree with the check"),
        (says(WHY, "supported"), "does not agree with the check"),
        ("{", "no explanation that can be relied on"),
    ],
)
def test_what_was_filtered_is_said_to_need_a_look_and_not_shown(
    draft: Summary, engine: StubEngine, clinician: User, client_for: ClientFor, answer: str, told: str
) -> None:
    engine.under_schema = {"explanation": answer}
    content = words(post(client_for(clinician), draft, 2).content.decode())
    assert "Needs a look." in content
    assert told in content
    assert "supported" not in content
    assert WHY not in content


def test_a_rewrite_or_leaving_it_out_is_offered_with_its_button(
    draft: Summary, engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    right = "He takes ibuprofen 600 mg three times a day."
    engine.under_schema["rewrite"] = json.dumps({"rewrite": right})
    content = post(client_for(clinician), draft, 3).content.decode()
    assert f'data-from="{TWO_ERRORS}" data-to="{right}"' in content
    engine.under_schema["rewrite"] = json.dumps({"rewrite": TWO_ERRORS})
    content = post(client_for(clinician), draft, 3).content.decode()
    assert f'data-from="{TWO_ERRORS}" data-to=""' in content
    assert "Leave it out" in content


def test_a_sentence_of_the_text_she_has_saved_is_explained_and_no_other_under_its_number(
    draft: Summary, engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    saved = f"{TWO_ERRORS} {SOUND}"
    save_edit(summary=draft, user=clinician, text=saved)
    client, of = client_for(clinician), fingerprint(saved)
    assert post(client, draft, 1, of=of).status_code == 200
    assert TWO_ERRORS in json.loads(engine.received[-1])["messages"][-1]["content"]
    save_edit(summary=draft, user=clinician, text=f"{WRONG_DOSE} {TWO_ERRORS}")
    gone = post(client, draft, 1, of=of)
    assert gone.status_code == 400
    assert "Look at the summary again" in gone.content.decode()


def test_what_the_model_and_the_check_disagree_about_is_noted_of_the_draft_alone(
    draft: Summary, engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.under_schema = {"explanation": says(WHY, "supported")}
    accept(summary=draft, user=clinician, text=WRONG_DOSE)
    assert (
        "Needs a look." in post(client_for(clinician), draft, 1, of=fingerprint(WRONG_DOSE)).content.decode()
    )
    assert not Disagreement.objects.exists(), "its number would be another sentence's of the draft"


def test_real_values_stand_in_it_where_they_stand_in_the_draft(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    record = Record.objects.filter(clinic=clinic).latest("number")
    engine.answer = "[NAME_1] had a colonoscopy."
    engine.under_schema = {
        "explanation": says("The record of [NAME_1] says nothing of a colonoscopy.", "missing")
    }
    summary = summarize_record(record=record, user=clinician).summary
    client = client_for(clinician)
    assert "The record of [NAME_1] says" in words(post(client, summary, 1).content.decode())
    assert "The record of [NAME_1] says" not in words(
        post(client, summary, 1, real_values="1").content.decode()
    )


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(("number", "status"), [(1, 400), ("one", 400), ("", 400)])
def test_a_wrong_request_is_told_in_words(
    draft: Summary, clinician: User, client_for: ClientFor, htmx: bool, number: Any, status: int
) -> None:
    response = post(client_for(clinician), draft, number, htmx)
    assert response.status_code == status
    assert "holds nothing against this sentence" in response.content.decode()


def test_an_engine_that_does_not_answer_is_told_beside_the_sentence(
    draft: Summary, engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.refusal = (503, {})
    response = post(client_for(clinician), draft, 2)
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "Try again" in response.content.decode()


def test_others_do_not_get_it_explained(
    draft: Summary, engine: StubEngine, clerk: User, bob: User, client_for: ClientFor
) -> None:
    assert post(client_for(clerk), draft, 2).status_code == 403
    assert post(client_for(bob), draft, 2).status_code == 404
    assert post(Client(), draft, 2).status_code == 302
    assert len(engine.received) == 1


def test_every_flagged_sentence_has_its_button_on_both_pages(
    engine: StubEngine, clinician: User, client_for: ClientFor
) -> None:
    engine.answer = f"{SOUND} {WRONG_DOSE} {INVENTED}"
    client = client_for(clinician)
    portal = client.post(reverse("summaries:summarize"), {"text": PASTED}).content.decode()
    saved = client.get(reverse("summaries:summary", args=[Summary.objects.get().uuid])).content.decode()
    for content in (portal, saved):
        assert re.findall(r'name="sentence" value="(\d+)"', content) == ["2", "3"]
    assert 'name="real_values"' in portal
    assert 'name="real_values"' not in saved


def api(key: str, uuid: Any, body: Any) -> Any:
    return Client().post(
        f"/api/v1/summaries/{uuid}/explanations",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


def test_other_software_asks_with_the_key_that_asked_for_the_summary(
    engine: StubEngine, issue_key: IssueKey
) -> None:
    engine.answer = f"{SOUND} {WRONG_DOSE}"
    engine.under_schema = {"explanation": says(WHY)}
    key, other = issue_key(Scope.SUMMARIZE, Scope.REAL_VALUES), issue_key(Scope.SUMMARIZE)
    headers = {"Authorization": f"Bearer {key}"}
    body = json.dumps({"text": PASTED})
    made = Client().post("/api/v1/summaries", body, content_type="application/json", headers=headers).json()
    answer = api(key, made["id"], {"sentence": 2})
    assert answer.json() == {
        "sentence": 2,
        "needs_a_look": False,
        "category": "number",
        "explanation": WHY,
        "suggestion": WRONG_DOSE.replace("250", "25"),
    }
    assert "no-store" in answer.headers["Cache-Control"]
    assert AuditEntry.objects.get(action="explain_sentence").facts["token"]
    assert api(other, made["id"], {"sentence": 2}).status_code == 404
    assert api(issue_key(Scope.BATCH), made["id"], {"sentence": 2}).status_code == 403
    assert api(key, made["id"], {"sentence": 1}).status_code == 400
    assert api(key, made["id"], {"sentence": 0}).status_code == 422
    assert api("precis_wrong", made["id"], {"sentence": 2}).status_code == 401


def test_other_software_does_not_get_what_was_filtered(engine: StubEngine, issue_key: IssueKey) -> None:
    engine.answer = WRONG_DOSE
    engine.under_schema = {"explanation": says(WHY, "supported")}
    key = issue_key(Scope.SUMMARIZE)
    headers = {"Authorization": f"Bearer {key}"}
    body = json.dumps({"text": PASTED})
    made = Client().post("/api/v1/summaries", body, content_type="application/json", headers=headers).json()
    answer = api(key, made["id"], {"sentence": 1}).json()
    assert (answer["needs_a_look"], answer["category"], answer["explanation"]) == (True, None, None)
