"""The loop closes: corrected summaries reach a dataset, but only scrubbed again, reviewed and signed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine
from traces import files_holding, rows_holding
from written import summarize_record, summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from config import vault
from privacy.kinds import Kind
from records import store
from records.models import Dataset, Field, Record, Upload
from records.services import datasets, proposals, review
from records.services.near_duplicates import groups
from records.services.scrubbing import scrub_record, scrub_upload
from summaries import corrections, reviewing
from summaries.corrections import hand_on
from summaries.models import Summary, SummaryReview
from summaries.styles import STYLES

ClientFor = Callable[[User], Client]
SYMPTOMS = ["cough", "chest pain", "dizziness"]
NOTE = "{name} has had {what} for {days} days and sleeps {days} hours. She was seen by the nurse for {what}."


@pytest.fixture
def drafts(engine: StubEngine, clinic: Clinic, clinician: User) -> list[Summary]:
    """Drafts about three pasted texts of three patients."""
    notes = [
        NOTE.format(name=f"Mary Ells{'abc'[day]}worth", what=what, days=day + 3)
        for day, what in enumerate(SYMPTOMS)
    ]
    return [
        summarize_text(clinic=clinic, text=note, section="Plan", user=clinician).summary for note in notes
    ]


def correct(summary: Summary, user: User, text: str) -> SummaryReview:
    return reviewing.accept(summary=summary, user=user, text=text)


def made_of(review: SummaryReview) -> Record:
    review.refresh_from_db()
    assert review.record is not None
    return review.record


def test_corrected_summaries_reach_a_dataset_only_after_scrub_and_review(
    drafts: list[Summary],
    clinic: Clinic,
    clinician: User,
    clerk: User,
    officer: User,
    admin: User,
    client_for: ClientFor,
    own_var: Path,
    sent: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    # A name that the scrubber knows is caught as it is typed ...
    url = reverse("summaries:summary_decide", args=[drafts[0].uuid])
    typed = {"decision": "accepted", "text": "[NAME_1] coughs. Call Zebulon Quarrington."}
    assert "1 identifier caught" in client_for(clinician).post(url, typed).content.decode()
    assert not SummaryReview.objects.exists()
    correct(drafts[0], clinician, "[NAME_1] coughs. Call [NAME_2].")
    # ... one that the scrubber of that day missed gets in, and must not get further.
    with monkeypatch.context() as patched:
        patched.setattr(reviewing, "find_spans", lambda text: [])
        slipped = correct(drafts[1], clinician, "[NAME_1] has chest pain. Ask Zebulon Quarrington.")
    unknown = correct(drafts[2], clinician, "[NAME_1] is dizzy near the old lighthouse of velvet.")

    Record.objects.update(status=Record.Status.RECEIVED)  # none of the records of before counts
    with django_capture_on_commit_callbacks(execute=True):
        response = client_for(clerk).post(reverse("summaries:hand_on"), follow=True)
    assert "3 corrections are records now" in response.content.decode()
    records = [made_of(each) for each in SummaryReview.objects.order_by("pk")]
    assert {record.status for record in records} == {Record.Status.RECEIVED}
    assert ("scrub_upload", str(records[0].upload.uuid)) in sent
    with pytest.raises(datasets.NotEnoughRecords):
        proposals.propose_dataset(clinic=clinic, user=officer, name="fixed")

    scrub_upload(upload=Upload.objects.get(pk=records[0].upload_id))
    caught = store.open_scrubbed(review.latest_text(made_of(slipped)))
    assert caught.target == "[NAME_1] has chest pain. Ask [NAME_2]."
    with pytest.raises(datasets.NotEnoughRecords):
        proposals.propose_dataset(clinic=clinic, user=officer, name="fixed")

    for record in records:
        record.refresh_from_db()
        target = store.load_original(record).target
        at = target.find("lighthouse")
        added = [review.AddedSpan(Field.TARGET, at, at + 10, Kind.LOCATION)] if at >= 0 else []
        review.review_record(record=record, reviewer=officer, added=added)
    assert not Dataset.objects.filter(name="fixed").exists(), "nothing is frozen by itself"
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="fixed")
    for signer in (officer, admin):
        proposals.sign_proposal(proposal=proposal, signer=signer)
    rows = list(datasets.rows_of(proposals.freeze_proposal(proposal=proposal, user=admin)))
    assert sorted(row["target"] for row in rows) == [
        "[NAME_1] coughs. Call [NAME_2].",
        "[NAME_1] has chest pain. Ask [NAME_2].",
        "[NAME_1] is dizzy near the old [LOCATION_1] of velvet.",
    ]
    assert all("[NAME_1] has had" in row["source"] for row in rows)
    assert not any("Quarrington" in str(row) or "lighthouse" in str(row) for row in rows)
    assert rows_holding("Quarrington") == []
    assert files_holding("Quarrington", own_var) == []
    assert made_of(unknown).kind == corrections.KIND


def test_a_correction_is_made_a_record_once_with_its_provenance(
    drafts: list[Summary],
    clinic: Clinic,
    clinician: User,
    clerk: User,
    officer: User,
    client_for: ClientFor,
) -> None:
    correction = correct(drafts[0], clinician, "[NAME_1] coughs.")
    imported = hand_on(clinic=clinic, user=clerk)
    assert imported is not None
    assert imported.created == 1
    assert hand_on(clinic=clinic, user=clerk) is None
    record = made_of(correction)
    assert correction.handed_on_by == clerk
    assert (record.section, record.has_summary) == ("Plan", True)
    entry = AuditEntry.objects.get(action="hand_on_correction")
    assert (entry.actor, entry.subject_id) == (clerk, str(drafts[0].uuid))
    assert entry.facts == {"record": str(record.uuid)}
    content = client_for(clerk).get(reverse("summaries:corrections")).content.decode()
    assert record.label in content
    assert "dina" in content
    assert "coughs" not in content, "the page tells which, not what"
    lineage = client_for(officer).get(reverse("dashboard:lineage", args=[record.uuid])).content.decode()
    assert "A summary that dina corrected" in lineage
    assert "carl handed it on" in lineage


def test_what_is_no_correction_is_not_handed_on(
    drafts: list[Summary], clinic: Clinic, clinician: User, clerk: User
) -> None:
    reviewing.accept(summary=drafts[0], user=clinician)
    reviewing.reject(summary=drafts[1], user=clinician, reason="wrong")
    reviewing.reopen(review=correct(drafts[2], clinician, "[NAME_1] is dizzy."), user=clinician)
    other = summarize_text(
        clinic=clinic, text="Mary has a cough.", style=STYLES["one-liner"], user=clinician
    ).summary
    correct(other, clinician, "Cough.")
    assert hand_on(clinic=clinic, user=clerk) is None
    assert not Record.objects.filter(kind=corrections.KIND).exists()


def test_a_correction_stays_with_the_patient_of_its_record(
    engine: StubEngine, clinic: Clinic, clinician: User, clerk: User
) -> None:
    record = Record.objects.filter(clinic=clinic).select_related("clinic").latest("number")
    summary = summarize_record(record=record, user=clinician).summary
    correct(summary, clinician, "[NAME_1] has chest pain and no fever.")
    hand_on(clinic=clinic, user=clerk)
    made = Record.objects.select_related("clinic").get(corrections__summary=summary)
    scrub_record(record=made)
    assert made.patient_key == record.patient_key
    together = groups([record, made])
    assert together[record.pk] == together[made.pk], "one of them never measures what the other taught"


def test_a_correction_that_was_taken_back_is_told_apart(
    drafts: list[Summary], clinic: Clinic, clinician: User, clerk: User, client_for: ClientFor
) -> None:
    correction = correct(drafts[0], clinician, "[NAME_1] coughs.")
    hand_on(clinic=clinic, user=clerk)
    url = reverse("summaries:summary_reopen", args=[drafts[0].uuid])
    content = client_for(clinician).post(url, follow=True).content.decode()
    assert f"already {made_of(correction).label}" in content


def test_a_blob_moved_to_another_review_does_not_open(drafts: list[Summary], clinician: User) -> None:
    one, other = (correct(each, clinician, f"[NAME_1] number {each.pk}.") for each in drafts[:2])
    other.blob = one.blob
    with pytest.raises(vault.VaultError):
        reviewing.text_of(other)


def test_another_clinic_sees_and_hands_on_nothing(
    drafts: list[Summary], clinician: User, bob: User, client_for: ClientFor
) -> None:
    correction = correct(drafts[0], clinician, "[NAME_1] coughs.")
    response = client_for(bob).post(reverse("summaries:hand_on"), follow=True)
    assert "No correction waits" in response.content.decode()
    assert "No corrections yet" in response.content.decode()
    correction.refresh_from_db()
    assert correction.record is None
