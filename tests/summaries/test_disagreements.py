"""Where the explaining model and the check disagreed, a person's decision makes an example for the detector."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from stub_engine import StubEngine
from written import summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from summaries import reviewing
from summaries.disagreements import collect
from summaries.explaining import explain
from summaries.models import Summary

PASTED = "Mr. Quarrington takes metoprolol 25 mg twice a day and sleeps eight hours."
WRONG = "[NAME_1] takes metoprolol 250 mg twice a day."
INVENTED = "A colonoscopy is scheduled."


@pytest.fixture
def draft(engine: StubEngine, clinic: Clinic, clinician: User) -> Summary:
    """A draft of which the model calls both flagged sentences supported."""
    engine.answer = f"{WRONG} {INVENTED}"
    text = "The record says 25 mg, not 250 mg."
    engine.under_schema = {"explanation": json.dumps({"category": "supported", "explanation": text})}
    summary = summarize_text(clinic=clinic, text=PASTED, user=clinician).summary
    for number in (1, 2):
        explain(summary=summary, number=number, user=clinician)
    return summary


def test_what_was_changed_was_wrong_and_what_was_left_was_right(
    draft: Summary, clinic: Clinic, clinician: User, admin: User
) -> None:
    reviewing.accept(summary=draft, user=clinician, text=f"[NAME_1] takes metoprolol 25 mg. {INVENTED}")
    rows = collect(clinic=clinic, user=admin)
    assert [(row["claim"], row["hallucinated"], row["type"]) for row in rows] == [
        (WRONG, 1, "dose"),
        (INVENTED, 0, "addition"),
    ]
    assert "Quarrington" not in str(rows)
    assert "takes metoprolol 25 mg twice a day" in rows[0]["source"]
    entry = AuditEntry.objects.get(action="export_disagreements")
    assert (entry.actor, entry.facts) == (admin, {"rows": 2})


def test_what_nobody_decided_about_or_was_rejected_or_taken_back_is_no_example(
    draft: Summary, clinic: Clinic, clinician: User, admin: User
) -> None:
    assert collect(clinic=clinic, user=admin) == []
    reviewing.reject(summary=draft, user=clinician, reason="wrong")
    assert collect(clinic=clinic, user=admin) == []
    review = reviewing.standing_review(draft)
    assert review is not None
    reviewing.reopen(review=review, user=clinician)
    reviewing.reopen(review=reviewing.accept(summary=draft, user=clinician), user=clinician)
    assert collect(clinic=clinic, user=admin) == []


def test_another_clinic_gets_none_of_it(draft: Summary, clinician: User, bob: User) -> None:
    reviewing.accept(summary=draft, user=clinician)
    assert collect(clinic=bob.membership.clinic, user=bob) == []


def test_the_command_writes_rows_that_the_detector_is_scored_on(
    draft: Summary, clinic: Clinic, clinician: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewing.accept(summary=draft, user=clinician)
    out = tmp_path / "rows.jsonl"
    call_command("export_disagreements", str(out), clinic=clinic.name)
    assert "2 rows" in capsys.readouterr().out
    assert out.stat().st_mode & 0o777 == 0o600
    call_command("score_grounding", str(out), "--json")
    assert json.loads(capsys.readouterr().out)
    with pytest.raises(CommandError):
        call_command("export_disagreements", str(out), clinic=clinic.name)
