"""A candidate is asked what was corrected before: in figures, would it have needed less correcting?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse
from stub_engine import StubEngine, serve_too
from traces import files_holding, rows_holding
from written import summarize_record, summarize_text

from accounts.models import Clinic, User
from audit.models import AuditEntry
from dashboard.services.erasure import erase_records
from records.models import Record, Split
from records.readers import Row
from records.services.datasets import freeze_dataset
from records.services.review import approve_records
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows
from summaries import corrections, regression, reviewing, shadow_reports, shadows
from summaries.correction_measures import figures, measure
from summaries.deployments import deploy
from summaries.models import Shadow, ShadowAnswer, Summary, SummaryReview
from summaries.styles import STYLES
from training.models import ModelArtifact

ClientFor = Callable[[User], Client]
Status = ShadowAnswer.Status
DRAFT = "[NAME_1] has stomach pain. He takes metoprolol 250 mg."
CORRECTED = "[NAME_1] has chest pain. He takes metoprolol 25 mg."
NOTE = (
    "Zebulon Quarrington has had chest pain for {days} days. He takes metoprolol 25 mg. Sleeps {days} hours."
)


def draft_of(clinician: User, days: int, **more: Any) -> Summary:
    clinic = clinician.membership.clinic
    return summarize_text(clinic=clinic, text=NOTE.format(days=days), user=clinician, **more).summary


def correct(summary: Summary, user: User, text: str = CORRECTED) -> SummaryReview:
    return reviewing.accept(summary=summary, user=user, text=text)


@pytest.fixture
def corrected(engine: StubEngine, clinician: User) -> list[SummaryReview]:
    """Of before there was a shadow."""
    engine.answer = DRAFT
    return [correct(draft_of(clinician, days, section="Plan"), clinician) for days in range(2, 8)]


def ask(shadow: Shadow, engine: StubEngine, admin: User, answer: str) -> None:
    """Everything that can be asked is, and answered."""
    engine.answer = answer
    shadows.ask_of_corrections(shadow=shadow, user=admin)
    for _ in range(shadow.answers.filter(status=Status.QUEUED).count()):
        shadows.answer_next(str(shadow.uuid))


def page_of(client: Client) -> str:
    return " ".join(client.get(reverse("summaries:shadow")).content.decode().split())


def test_the_draft_s_own_question_is_asked_again_and_the_answer_held_against_the_correction(
    corrected: list[SummaryReview],
    shadow: Shadow,
    engine: StubEngine,
    admin: User,
    sent: list[tuple[str, str]],
    own_var: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert shadows.ask_of_corrections(shadow=shadow, user=admin) == len(corrected)
    assert sent == [("answer_next_of_shadow", str(shadow.uuid))]
    entry = AuditEntry.objects.get(action="ask_shadow_of_corrections")
    assert (entry.actor, entry.subject_id) == (admin, str(shadow.artifact.uuid))
    assert entry.facts["summaries"] == len(corrected)
    drafts = sorted(engine.received)
    engine.received.clear()
    engine.answer = "[NAME_1] has chest tightness. He takes metoprolol 250 mg."
    for _ in corrected:
        shadows.answer_next(str(shadow.uuid))
    assert sorted(engine.received) == drafts
    answer = ShadowAnswer.objects.filter(status=Status.SUCCEEDED).first()
    assert answer is not None
    found = answer.measures["correction"]
    # Struck out: stomach and 250, of which 250 came back. Put in: chest and 25, of which chest is there.
    assert (found["struck_out"], found["came_back"], found["put_in"], found["found"]) == (2, 1, 2, 1)
    for word in ("Quarrington", "metoprolol", "tightness"):
        assert rows_holding(word) == files_holding(word, own_var) == []


def test_only_corrections_that_stand_are_asked_about_and_each_once(
    corrected: list[SummaryReview], shadow: Shadow, engine: StubEngine, clinician: User, admin: User
) -> None:
    Shadow.objects.update(ended_at=shadow.started_at)  # so that the next drafts are asked of nobody
    reviewing.accept(summary=draft_of(clinician, 11), user=clinician)
    reviewing.reject(summary=draft_of(clinician, 12), user=clinician, reason="wrong")
    reviewing.reopen(review=correct(draft_of(clinician, 13), clinician), user=clinician)
    correct(draft_of(clinician, 14, style=STYLES["one-liner"]), clinician)
    draft_of(clinician, 15)
    own = correct(draft_of(clinician, 16), clinician)
    deployed = deploy(artifact=shadow.artifact, user=admin)
    Summary.objects.filter(pk=own.summary_id).update(deployment=deployed)
    Shadow.objects.update(ended_at=None)
    assert shadows.ask_of_corrections(shadow=shadow, user=admin) == len(corrected)
    asked = set(ShadowAnswer.objects.values_list("summary_id", flat=True))
    assert asked == {review.summary_id for review in corrected}
    assert shadows.ask_of_corrections(shadow=shadow, user=admin) == 0
    assert AuditEntry.objects.filter(action="ask_shadow_of_corrections").count() == 1


def test_the_newest_are_asked_about_and_no_more_than_so_many(
    corrected: list[SummaryReview], shadow: Shadow, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regression, "MOST_ASKED", 2)
    assert shadows.ask_of_corrections(shadow=shadow, user=admin) == 2
    asked = set(ShadowAnswer.objects.values_list("summary_id", flat=True))
    assert asked == {review.summary_id for review in corrected[-2:]}


def test_an_ended_shadow_and_another_clinic_s_ask_nothing(
    corrected: list[SummaryReview], shadow: Shadow, admin: User, bob: User
) -> None:
    theirs = Shadow.objects.create(
        clinic=bob.membership.clinic,
        artifact=shadow.artifact,
        deployment=shadow.deployment,
        percent=1,
        started_by=bob,
    )
    assert shadows.ask_of_corrections(shadow=theirs, user=bob) == 0
    shadows.end(shadow=shadow, user=admin)
    assert shadows.ask_of_corrections(shadow=shadow, user=admin) == 0
    assert not ShadowAnswer.objects.exists()


def test_a_correction_that_is_taken_back_is_not_asked_about_and_counts_no_more(
    corrected: list[SummaryReview], shadow: Shadow, engine: StubEngine, clinician: User, admin: User
) -> None:
    shadows.ask_of_corrections(shadow=shadow, user=admin)
    gone, *rest = corrected
    reviewing.reopen(review=gone, user=clinician)
    correct(gone.summary, clinician, "[NAME_1] is well.")  # another text than the one that was asked about
    engine.received.clear()
    for _ in corrected:
        shadows.answer_next(str(shadow.uuid))
    assert len(engine.received) == len(rest)
    cancelled = ShadowAnswer.objects.get(status=Status.CANCELLED)
    assert (cancelled.summary_id, bytes(cancelled.blob)) == (gone.summary_id, b"")
    assert regression.report(shadow).everything.drafts == len(rest)
    reviewing.reopen(review=rest[0], user=clinician)
    assert regression.report(shadow).everything.drafts == len(rest) - 1


@pytest.fixture
def of_record(engine: StubEngine, clinic: Clinic, clinician: User, admin: User) -> Record:
    """A record that no model learned from, with a corrected summary."""
    row = Row(1, NOTE.format(days=40), "Chest pain for 40 days.", patient="P40", kind="visit note")
    (record,) = import_rows(clinic=clinic, user=admin, rows=[row]).records
    scrub_record(record=record)
    record.refresh_from_db()
    approve_records(clinic=clinic, records=[record], reviewer=admin, reason="a test")
    correct(summarize_record(record=record, user=clinician).summary, clinician)
    return record


def test_an_erased_record_s_correction_is_not_asked_about(
    of_record: Record, shadow: Shadow, engine: StubEngine, admin: User
) -> None:
    assert shadows.ask_of_corrections(shadow=shadow, user=admin) == 1
    engine.received.clear()
    erase_records(records=[of_record], user=admin)
    shadow.refresh_from_db()
    assert shadow.ended_at is None
    shadows.answer_next(str(shadow.uuid))
    assert engine.received == []
    assert not ShadowAnswer.objects.exists()


def test_what_was_corrected_does_not_mix_with_what_people_ask(
    corrected: list[SummaryReview], shadow: Shadow, engine: StubEngine, clinician: User, admin: User
) -> None:
    ask(shadow, engine, admin, CORRECTED)
    assert shadow_reports.compare(shadow=shadow, user=admin).counts == {}
    later = draft_of(clinician, 30)
    shadows.answer_next(str(shadow.uuid))
    correct(later, clinician, "[NAME_1] has chest pain.")
    compared = shadow_reports.compare(shadow=shadow, user=admin)
    assert [pair.answer.summary for pair in compared.pairs] == [later]
    assert compared.rows[0].less + compared.rows[0].same + compared.rows[0].more == 1
    assert regression.report(shadow).everything.drafts == len(corrected)


def test_an_administrator_tries_a_model_on_what_was_corrected_and_reads_what_came_of_it(
    corrected: list[SummaryReview],
    engine: StubEngine,
    candidate: ModelArtifact,
    admin: User,
    clerk: User,
    client_for: ClientFor,
    own_var: Path,
) -> None:
    client = client_for(admin)
    listed = reverse("summaries:corrections")
    assert "Test a model on these" in client.get(listed).content.decode()
    assert "Test a model on these" not in client_for(clerk).get(listed).content.decode()
    start = reverse("summaries:shadow_start", args=[candidate.uuid])
    page = client.post(start, {"percent": "20"}, follow=True).content.decode()
    assert "6 drafts that a clinician corrected can be asked" in page
    shadow = Shadow.objects.get()
    url = reverse("summaries:shadow_corrections", args=[shadow.uuid])
    assert "6 corrected drafts will be asked about" in client.post(url, follow=True).content.decode()
    assert "6 drafts wait to be asked about" in page_of(client)
    assert "nothing more to ask about" in client.post(url, follow=True).content.decode()
    serve_too(own_var, candidate.sha256)
    engine.answer = CORRECTED
    for expected in (1, 2, 3, 4, 5):
        shadows.answer_next(str(shadow.uuid))
        page = page_of(client)
        assert f"closer to the correction for {expected}," in page
        assert "Too few to tell." in page
        assert "less correcting" not in page
    shadows.answer_next(str(shadow.uuid))
    page = page_of(client)
    assert "On 6 drafts that were corrected" in page
    assert "It would have needed less correcting." in page
    assert "12 of 12" in page  # struck out in the drafts, and put in by the candidate
    assert "0 of 12" in page
    assert "metoprolol" not in page, "figures, no words"


def test_asking_can_be_chosen_at_the_start(
    corrected: list[SummaryReview], candidate: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    client = client_for(admin)
    offered = client.get(reverse("training:artifact", args=[candidate.uuid])).content.decode()
    assert 'name="corrections"' in offered
    start = reverse("summaries:shadow_start", args=[candidate.uuid])
    client.post(start, {"percent": "20", "corrections": "on"})
    assert ShadowAnswer.objects.count() == len(corrected)


def test_nothing_is_concluded_from_drafts_that_the_candidate_learned_from(
    corrected: list[SummaryReview],
    engine: StubEngine,
    clinic: Clinic,
    admin: User,
    clerk: User,
    client_for: ClientFor,
    own_var: Path,
) -> None:
    corrections.hand_on(clinic=clinic, user=clerk)
    made = list(Record.objects.filter(kind=corrections.KIND).select_related("clinic"))
    for record in made:
        scrub_record(record=record)
    approve_records(clinic=clinic, records=made, reviewer=admin, reason="a test")
    dataset = freeze_dataset(clinic=clinic, name="winter", user=admin, attestation="a test")
    taught = dataset.items.filter(split=Split.TRAIN, scrubbed_text__record__in=made).count()
    assert 0 < taught <= len(corrected)
    artifact = model_rows.model_of(model_rows.finished_run(clinic, admin, name="summarizer-2"))
    assert artifact.stage.run.dataset == dataset
    serve_too(own_var, artifact.sha256)
    shadow = shadows.start(artifact=artifact, percent=1, user=admin)
    ask(shadow, engine, admin, CORRECTED)
    found = regression.report(shadow)
    assert (found.learned, found.everything.drafts) == (taught, len(corrected))
    assert found.everything.verdict == "closer"
    assert found.fresh.verdict == "few"
    page = page_of(client_for(admin))
    assert f"With {taught} that it learned from" in page
    assert "less correcting" not in page


def test_a_draft_about_a_record_that_the_candidate_learned_from_is_told_apart(
    of_record: Record, artifact: ModelArtifact, clinician: User, request: pytest.FixtureRequest
) -> None:
    trained = artifact.stage.run.dataset.items.filter(split=Split.TRAIN)[0].scrubbed_text.record
    correct(summarize_record(record=trained, user=clinician).summary, clinician)
    shadow = request.getfixturevalue("shadow")
    ask(shadow, request.getfixturevalue("engine"), shadow.started_by, CORRECTED)
    found = regression.report(shadow)
    assert (found.learned, found.fresh.drafts) == (1, 1)


def test_words_and_numbers_count_once_and_whole() -> None:
    found = measure(
        draft="Pain. Pain. Takes 2.5 mg and 5mg. [NAME_1] sleeps well.",
        corrected="[NAME_1] sleeps well. Pain. Takes 25 mg and 5 mg. [NAME_2] knows.",
        candidate="[NAME_10] takes 2.5 mg; [NAME_2] Knows.",
    )
    counts = {name: count for name, count in found.items() if not name.endswith("rouge1")}
    assert counts == {"struck_out": 1, "came_back": 1, "put_in": 3, "found": 2}


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([9.0] * 5, "few"),
        ([], "few"),
        ([9.0] * 6, "closer"),
        ([-9.0] * 6, "further"),
        ([9.0, -9.0, 1.0, -1.0, 3.0, -2.0, 0.0], "unclear"),
    ],
)
def test_only_the_test_says_who_is_closer(gains: list[float], verdict: str) -> None:
    words = {"struck_out": 2, "came_back": 1, "put_in": 3, "found": 0}
    found = figures([{"draft_rouge1": 50.0, "candidate_rouge1": 50.0 + gain, **words} for gain in gains])
    assert found.verdict == verdict
    assert found.closer + found.same + found.further == len(gains)
    assert (found.struck_out, found.put_in) == (2 * len(gains), 3 * len(gains))
