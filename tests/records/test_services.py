"""From an uploaded file to a frozen dataset, and everything that must not happen on the way."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import Clinic, User
from audit.models import AuditEntry
from privacy.engine import ScrubError
from privacy.kinds import Kind
from records import store
from records.models import Dataset, DatasetItem, Record, ScrubbedText, Upload
from records.services import datasets, review, scrubbing, uploads

pytestmark = pytest.mark.django_db

# The number stands in three places, so that no two notes are near-duplicates.
NOTE = (
    "Patient John Smith (MRN 4417823) was seen on 05/03/2021 for a cough of {0} days. No fever, lungs clear. "
    "Walks {0} blocks, sleeps {0} hours."
)


def upload_notes(clinic: Clinic, user: User, count: int = 3, patient: str = "P{}") -> list[Record]:
    lines = [
        json.dumps(
            {
                "text": NOTE.format(n + 2),
                "summary": f"Mr. Smith: cough, {n + 2} days.",
                "patient": patient.format(n),
            }
        )
        for n in range(count)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=user, name="notes.jsonl", data="\n".join(lines).encode()
    )
    records = uploads.confirm_upload(upload=upload, user=user).records
    scrubbing.scrub_upload(upload=upload)
    return [Record.objects.get(pk=record.pk) for record in records]


def approved(clinic: Clinic, user: User, count: int = 10) -> list[Record]:
    records = upload_notes(clinic, user, count)
    review.approve_records(clinic=clinic, records=records, reviewer=user, reason="test")
    return records


def test_a_record_is_scrubbed_with_one_numbering_for_text_and_summary(clinic: Clinic, clerk: User) -> None:
    (record,) = upload_notes(clinic, clerk, 1)
    texts = store.open_scrubbed(review.latest_text(record))
    assert record.status == Record.Status.SCRUBBED
    assert "Patient [NAME_1] (MRN [MRN_1]) was seen on [DATE_1]" in texts.source
    assert "[NAME_1]" in texts.target
    assert "Smith" not in texts.source + texts.target


def test_nothing_of_the_original_stands_in_the_clear_on_disk_or_in_the_database(
    clinic: Clinic, clerk: User, own_var: Path
) -> None:
    upload_notes(clinic, clerk, 2)
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            rows += [
                str(bytes(v)) if isinstance(v, memoryview) else str(v)
                for row in cursor.fetchall()
                for v in row
            ]
    files = [path.read_bytes() for path in own_var.rglob("*") if path.is_file()]
    assert files
    for word in ("Smith", "4417823", "05/03/2021", "cough of"):
        assert not any(word in row for row in rows)
        assert not any(word.encode() in data for data in files)


def test_the_preview_file_is_deleted_when_it_has_been_imported(
    clinic: Clinic, clerk: User, own_var: Path
) -> None:
    upload_notes(clinic, clerk, 1)
    assert not list(own_var.rglob("waiting/*"))


def test_confirming_twice_imports_once(clinic: Clinic, clerk: User) -> None:
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.txt", data=b"A cough of three days."
    )
    uploads.confirm_upload(upload=upload, user=clerk)
    with pytest.raises(uploads.UploadClosed):
        uploads.confirm_upload(upload=Upload.objects.get(pk=upload.pk), user=clerk)
    with pytest.raises((uploads.UploadClosed, FileNotFoundError)):
        uploads.confirm_upload(upload=upload, user=clerk)
    assert Record.objects.count() == 1


def test_the_same_text_again_is_a_duplicate_and_not_a_second_record(clinic: Clinic, clerk: User) -> None:
    first = upload_notes(clinic, clerk, 2)
    second = upload_notes(clinic, clerk, 2)
    assert [record.pk for record in first] == [record.pk for record in second]
    assert Upload.objects.latest("pk").duplicate_count == 2


def test_two_clinics_may_hold_the_same_text(
    clinic: Clinic, clerk: User, other_clinic: Clinic, bob: User
) -> None:
    ours, theirs = upload_notes(clinic, clerk, 1)[0], upload_notes(other_clinic, bob, 1)[0]
    assert ours.pk != theirs.pk
    assert (ours.fingerprint, ours.patient_key) != (theirs.fingerprint, theirs.patient_key)


def test_an_upload_tells_the_worker_with_an_id_and_nothing_else(
    clinic: Clinic, clerk: User, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upload, _ = uploads.receive_upload(
            clinic=clinic, user=clerk, name="a.txt", data=b"A cough of three days."
        )
        uploads.confirm_upload(upload=upload, user=clerk)
    assert sent == [("scrub_upload", str(upload.uuid))]


def test_a_full_disk_during_import_leaves_the_upload_waiting_and_no_record(
    clinic: Clinic, clerk: User, own_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.jsonl", data=b'{"text": "a b"}\n{"text": "c d"}'
    )
    write = store._write

    def full_at_the_second(path: Path, data: bytes) -> None:
        if len(list(own_var.rglob("*.bin"))) > 1:
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(store, "_write", full_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        uploads.confirm_upload(upload=upload, user=clerk)
    assert Record.objects.count() == 0
    assert len(list(own_var.rglob("*.bin"))) == 1
    monkeypatch.undo()
    assert uploads.confirm_upload(upload=Upload.objects.get(pk=upload.pk), user=clerk).created == 2


class BrokenScrubber:
    def find(self, text: str) -> list[Any]:
        raise ScrubError("names: ValueError")


def test_a_failing_recognizer_quarantines_the_record(
    clinic: Clinic, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "get_scrubber", BrokenScrubber)
    (record,) = upload_notes(clinic, clerk, 1)
    assert (record.status, record.quarantine_reason) == (
        Record.Status.QUARANTINED,
        "ScrubError: names: ValueError",
    )
    assert not ScrubbedText.objects.exists()
    with pytest.raises(review.NotReviewable):
        review.review_record(record=record, reviewer=clerk)
    assert review.approve_records(clinic=clinic, records=[record], reviewer=clerk, reason="test") == 0


def test_a_damaged_original_quarantines_the_record(clinic: Clinic, clerk: User, own_var: Path) -> None:
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.txt", data=b"A cough of three days."
    )
    (record,) = uploads.confirm_upload(upload=upload, user=clerk).records
    path = next(own_var.rglob(f"{record.uuid}.bin"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    scrubbing.scrub_upload(upload=upload)
    record.refresh_from_db()
    assert (record.status, record.quarantine_reason) == (Record.Status.QUARANTINED, "VaultError")


def test_a_review_adds_what_was_missed_and_puts_back_what_was_no_identifier(
    clinic: Clinic, officer: User
) -> None:
    (record,) = upload_notes(clinic, officer, 1)
    original = store.load_original(record).source
    start = original.index("lungs")
    date = record.redactions.get(field="source", kind="DATE")
    added = review.AddedSpan("source", start, start + 5, Kind.ID)
    review.review_record(record=record, reviewer=officer, rejected=[date.pk], added=[added])
    text = store.open_scrubbed(review.latest_text(record)).source
    assert "[ID_1] clear" in text
    assert "05/03/2021" in text
    record.refresh_from_db()
    assert (record.status, record.reviewed_by) == (Record.Status.APPROVED, officer)
    assert AuditEntry.objects.filter(
        clinic=clinic, action="review_record", facts__added=1, facts__rejected=1
    ).exists()


def test_a_mark_outside_the_text_is_refused_and_changes_nothing(clinic: Clinic, officer: User) -> None:
    (record,) = upload_notes(clinic, officer, 1)
    with pytest.raises(review.NotReviewable):
        review.review_record(
            record=record, reviewer=officer, added=[review.AddedSpan("source", 5, 10_000, Kind.ID)]
        )
    record.refresh_from_db()
    assert record.status == Record.Status.SCRUBBED


def test_each_look_at_a_record_is_an_audit_entry(clinic: Clinic, clinician: User) -> None:
    (record,) = upload_notes(clinic, clinician, 1)
    review.open_record(record=record, user=clinician)
    review.open_record(record=record, user=clinician)
    seen = AuditEntry.objects.filter(
        clinic=clinic, action="view_record", actor=clinician, subject_id=str(record.uuid)
    )
    assert seen.count() == 2


def test_a_dataset_never_splits_a_patient(clinic: Clinic, officer: User) -> None:
    for patient in range(12):
        upload_notes(clinic, officer, 1, patient=f"same-{patient}")
        lines = json.dumps(
            {
                "text": f"Follow-up {patient}: better than before.",
                "summary": "Better.",
                "patient": f"same-{patient}",
            }
        )
        upload, _ = uploads.receive_upload(clinic=clinic, user=officer, name="b.jsonl", data=lines.encode())
        uploads.confirm_upload(upload=upload, user=officer)
        scrubbing.scrub_upload(upload=upload)
    review.approve_records(clinic=clinic, records=list(Record.objects.all()), reviewer=officer, reason="test")
    dataset = datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    splits: dict[str, set[str]] = {}
    for item in dataset.items.select_related("scrubbed_text__record"):
        splits.setdefault(item.scrubbed_text.record.patient_key, set()).add(item.split)
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "valid", "test"}


def test_the_same_records_and_seed_freeze_to_the_same_hash(clinic: Clinic, officer: User) -> None:
    approved(clinic, officer)
    first = datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    second = datasets.freeze_dataset(clinic=clinic, name="second", user=officer, attestation="test")
    other_seed = datasets.freeze_dataset(
        clinic=clinic, name="third", user=officer, attestation="test", seed=8
    )
    assert first.content_hash == second.content_hash != other_seed.content_hash


def test_a_taken_name_and_too_few_records_are_refused(clinic: Clinic, officer: User) -> None:
    with pytest.raises(datasets.NotEnoughRecords, match="0 patients"):
        datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    approved(clinic, officer)
    datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    with pytest.raises(datasets.NameTaken):
        datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")


def test_only_reviewed_records_reach_a_dataset(clinic: Clinic, officer: User) -> None:
    records = approved(clinic, officer, 10)
    upload_notes(clinic, officer, 12)  # two more that nobody reviewed
    dataset = datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    assert {row["id"] for row in datasets.rows_of(dataset)} == {record.label for record in records}


def test_a_row_tells_which_rows_are_one_patient_s_and_not_whose(clinic: Clinic, officer: User) -> None:
    records = approved(clinic, officer, 6)
    Record.objects.filter(pk=records[1].pk).update(patient_key=records[0].patient_key)
    patients = []
    for name in ("first", "second"):
        dataset = datasets.freeze_dataset(clinic=clinic, name=name, user=officer, attestation="test")
        patients.append({row["id"]: row["patient"] for row in datasets.rows_of(dataset)})
    first, second = patients
    assert first[records[0].label] == first[records[1].label]
    assert len(set(first.values())) == 5
    assert not set(first.values()) & set(second.values()), "two runs' folders cannot be joined by it"
    keys = set(Record.objects.values_list("patient_key", flat=True))
    assert not any(key.startswith(patient) for key in keys for patient in first.values())


def test_a_patient_in_both_files_stays_in_the_held_out_one(clinic: Clinic, officer: User) -> None:
    records = approved(clinic, officer, 4)
    dataset, left_out = datasets.freeze_as_given(
        clinic=clinic, name="given", user=officer, attestation="test", train=records[:3], valid=records[2:]
    )
    assert left_out == [records[2]]
    assert (dataset.train_count, dataset.valid_count) == (2, 2)


@pytest.mark.parametrize("table", ["records_dataset", "records_datasetitem", "records_scrubbedtext"])
def test_frozen_rows_cannot_be_changed_even_by_sql(clinic: Clinic, officer: User, table: str) -> None:
    approved(clinic, officer)
    datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    column = {"records_dataset": "name", "records_datasetitem": "split", "records_scrubbedtext": "seal"}[
        table
    ]
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = 'x'")


def test_an_unscrubbed_record_has_nothing_that_a_dataset_could_hold(clinic: Clinic, officer: User) -> None:
    (record, *_) = approved(clinic, officer)
    dataset = datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    with pytest.raises(IntegrityError), transaction.atomic():
        ScrubbedText.objects.create(record=record, version=9, blob=b"plain text", seal="", scrubber="none")
    # The column's constraint on SQLite, the trigger before it on PostgreSQL.
    with pytest.raises(DatabaseError), transaction.atomic():
        DatasetItem.objects.create(dataset=dataset, scrubbed_text_id=None, split="train")


def test_a_row_slipped_in_by_sql_with_a_made_up_seal_is_refused_when_rows_are_written(
    clinic: Clinic, officer: User
) -> None:
    (record, *_) = approved(clinic, officer)
    dataset: Dataset = datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="test")
    forged = ScrubbedText.objects.create(
        record=record, version=9, blob=os.urandom(200), seal="0" * 64, scrubber="none"
    )
    DatasetItem.objects.create(dataset=dataset, scrubbed_text=forged, split="train")
    with pytest.raises(store.SealBroken):
        list(datasets.rows_of(dataset))


def test_a_lost_nudge_is_sent_again_after_a_minute(
    clinic: Clinic, clerk: User, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    from datetime import timedelta

    from django.utils import timezone

    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.txt", data=b"A cough of three days."
    )
    uploads.confirm_upload(upload=upload, user=clerk)
    with django_capture_on_commit_callbacks(execute=True):
        scrubbing.nudge_forgotten()
    assert sent == []
    Upload.objects.update(nudged_at=timezone.now() - timedelta(minutes=2))
    with django_capture_on_commit_callbacks(execute=True):
        scrubbing.nudge_forgotten()
        scrubbing.nudge_forgotten()
    assert sent == [("scrub_upload", str(upload.uuid))]


def test_a_section_or_kind_that_names_somebody_is_not_kept(clinic: Clinic, clerk: User) -> None:
    lines = [
        {"text": "A cough of three days.", "section": "ASSESSMENT AND PLAN", "kind": "visit dialogue"},
        {"text": "A cough of four days.", "section": "Note for Mr. John Smith", "kind": "call 555-123-4567"},
        {"text": "A cough of five days.", "section": "Brief Hospital Course"},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    upload, _ = uploads.receive_upload(clinic=clinic, user=clerk, name="a.jsonl", data=data)
    records = uploads.confirm_upload(upload=upload, user=clerk).records
    kept = [(record.section, record.kind) for record in records]
    assert kept == [("ASSESSMENT AND PLAN", "visit dialogue"), ("", ""), ("Brief Hospital Course", "")]


def test_taking_back_a_rejection_hides_the_words_again(clinic: Clinic, officer: User) -> None:
    (record,) = upload_notes(clinic, officer, 1)
    date = record.redactions.get(field="source", kind="DATE")
    review.review_record(record=record, reviewer=officer, rejected=[date.pk])
    assert "05/03/2021" in store.open_scrubbed(review.latest_text(record)).source
    review.review_record(record=record, reviewer=officer)
    assert "05/03/2021" not in store.open_scrubbed(review.latest_text(record)).source
