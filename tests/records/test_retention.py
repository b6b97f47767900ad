"""Originals go when the policy says so, uploads that nobody confirmed after a week; a crash leaves nothing untrue."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry
from records import store
from records.models import PrivacyPolicy, Record, Upload
from records.services import proposals, retention, review, uploads
from tests.model_rows import scrubbed_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def records(clinic: Clinic, officer: User) -> list[Record]:
    """Four records that were reviewed five weeks ago, and two that nobody reviewed."""
    made = scrubbed_records(clinic, officer)
    review.approve_records(clinic=clinic, records=made[:4], reviewer=officer, reason="test")
    _reviewed(made[:4], days=35)
    return [Record.objects.select_related("clinic").get(pk=record.pk) for record in made]


def _reviewed(records: list[Record], *, days: int) -> None:
    at = timezone.now() - timedelta(days=days)
    Record.objects.filter(pk__in=[record.pk for record in records]).update(reviewed_at=at)


def gone(record: Record) -> tuple[bool, bool]:
    """Whether the row says that the original is deleted, and whether it is."""
    record.refresh_from_db()
    return record.original_deleted_at is not None, not store.has_original(record)


def test_originals_go_after_the_days_of_the_policy_and_unreviewed_ones_stay(
    clinic: Clinic, records: list[Record]
) -> None:
    _reviewed(records[:1], days=29)
    retention.apply_retention()
    assert [gone(record) for record in records] == [(False, False)] + 3 * [(True, True)] + 2 * [
        (False, False)
    ]
    written = AuditEntry.objects.filter(clinic=clinic, action="delete_original", actor=None)
    assert {entry.subject_id for entry in written} == {str(record.uuid) for record in records[1:4]}
    assert log.faults(clinic) == []


def test_each_clinic_has_its_own_days(clinic: Clinic, records: list[Record]) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.update(keep_originals_days=40)
    retention.apply_retention()
    assert not any(gone(record)[1] for record in records)
    PrivacyPolicy.objects.update(keep_originals_days=0)
    retention.apply_retention()
    assert sum(gone(record)[1] for record in records) == 4


def test_a_crash_before_the_row_is_written_is_made_good_by_the_next_run(
    records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**facts: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("records.services.retention.log.record", broken)
        with pytest.raises(RuntimeError):
            retention.apply_retention()
    assert gone(records[0]) == (False, True)
    retention.apply_retention()
    assert gone(records[0]) == (True, True)


def test_a_file_that_cannot_be_deleted_is_not_called_deleted(
    records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(PermissionError):
            retention.apply_retention()
    assert [gone(record) for record in records] == 6 * [(False, False)]


def test_an_original_waits_for_a_blind_reading_that_may_still_mark_a_leak_in_it(
    clinic: Clinic, officer: User, records: list[Record]
) -> None:
    proposal = proposals.propose_dataset(clinic=clinic, user=officer, name="autumn")
    drawn = {sampled.scrubbed_text.record_id for sampled in proposal.sample.all()}
    retention.apply_retention()
    assert drawn
    assert {record.pk for record in records[:4] if not gone(record)[1]} == drawn
    proposals.withdraw_proposal(proposal=proposal, user=officer)
    retention.apply_retention()
    assert all(gone(record)[1] for record in records[:4])


def test_the_pages_of_a_record_work_without_its_original(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    retention.apply_retention()
    client, record = client_for(officer), records[0]
    for url in (reverse("records:record", args=[record.uuid]), reverse("records:review", args=[record.uuid])):
        page = client.get(url, follow=True)
        assert page.status_code == 200
        assert f"The original was deleted on {timezone.now():%-d %B %Y}" in page.content.decode()
        assert "cannot be reviewed again" in page.content.decode()
        assert "[NAME_1]" in page.content.decode()
        assert reverse("records:review", args=[record.uuid]) not in page.content.decode()
    assert AuditEntry.objects.filter(action="view_record", facts__original=False).count() == 2
    assert client.get(reverse("records:list")).status_code == 200


def test_a_missing_original_is_not_called_deleted(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    store.delete_original(records[0].clinic, records[0].uuid)
    page = client_for(officer).get(reverse("records:record", args=[records[0].uuid])).content.decode()
    assert "not in its place" in page
    assert "deleted on" not in page


def test_a_second_review_is_refused_in_words(records: list[Record], officer: User) -> None:
    retention.apply_retention()
    before = Record.objects.get(pk=records[0].pk).reviewed_at
    with pytest.raises(review.NotReviewable, match="original was deleted"):
        review.review_record(record=records[0], reviewer=officer)
    assert Record.objects.get(pk=records[0].pk).reviewed_at == before


def test_a_forgotten_upload_is_discarded_after_a_week(clinic: Clinic, clerk: User, own_var: Path) -> None:
    forgotten, fresh = (
        uploads.receive_upload(clinic=clinic, user=clerk, name="a.txt", data=text)[0]
        for text in (b"A cough of three days.", b"A cough of four days.")
    )
    Upload.objects.filter(pk=forgotten.pk).update(created_at=timezone.now() - timedelta(days=8))
    retention.apply_retention()
    assert {path.stem for path in own_var.rglob("waiting/*")} == {str(fresh.uuid)}
    forgotten.refresh_from_db()
    assert forgotten.status == Upload.Status.DISCARDED
    assert AuditEntry.objects.get(action="discard_upload").facts == {"reason": "forgotten"}


def test_a_file_that_a_crash_left_without_a_row_goes_too(clinic: Clinic, clerk: User, own_var: Path) -> None:
    upload, _ = uploads.receive_upload(clinic=clinic, user=clerk, name="a.txt", data=b"A cough of 3 days.")
    left = list(own_var.rglob("waiting/*"))
    left.append(left[0].parent.parent / "half.part")
    left[-1].write_bytes(b"half")
    Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.CONFIRMED)
    retention.apply_retention()
    assert all(path.exists() for path in left)
    long_ago = (timezone.now() - timedelta(days=8)).timestamp()
    for path in left:
        os.utime(path, (long_ago, long_ago))
    retention.apply_retention()
    assert not any(path.exists() for path in left)
