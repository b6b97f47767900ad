"""An erased record is gone: from the database, from every file, and from all that the keys open."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry
from records.models import Record, RecordBand, Redaction, ScrubbedText
from records.readers import Row
from records.services import retention, uploads
from tests.dashboard.erasing import NOTE, erase, in_split, readable, words_of
from tests.traces import files_holding, rows_holding
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def test_nothing_that_the_keys_open_holds_the_record_s_words_any_more(
    finished: TrainingRun, officer: User, own_var: Path
) -> None:
    record = in_split("train")
    assert readable(own_var).count(words_of(record)) >= 4
    assert erase([record], officer) == 1
    assert words_of(record) not in readable(own_var)
    assert "lantern" not in "".join(str(path.read_bytes()) for path in own_var.rglob("stage.log"))
    assert rows_holding(words_of(record)) == []
    assert files_holding(str(record.uuid), own_var) == []
    assert not list(own_var.rglob(f"*{record.uuid}*"))
    others = list(Record.objects.exclude(pk=record.pk))
    assert all(words_of(other) in readable(own_var) for other in others)


def test_what_stays_is_a_number_that_matches_nothing(
    records: list[Record], officer: User, clinic: Clinic
) -> None:
    before = records[0]
    erase([before], officer)
    after = Record.objects.get(pk=before.pk)
    assert (after.status, after.number, after.uuid) == (Record.Status.ERASED, before.number, before.uuid)
    assert after.erased_at is not None
    assert after.patient_key not in {before.patient_key, records[1].patient_key}
    assert after.fingerprint != before.fingerprint
    assert (after.signature, after.near_duplicate_group, after.word_count, after.kind) == (None, None, 0, "")
    assert not after.has_summary
    for rows in (Redaction, ScrubbedText, RecordBand):
        assert not rows.objects.filter(record=after).exists()  # type: ignore[attr-defined]
    assert log.faults(clinic) == []
    assert AuditEntry.objects.filter(
        action="erase_record", actor=officer, subject_id=str(after.uuid)
    ).exists()


def test_the_same_text_may_come_again_as_another_record(
    records: list[Record], officer: User, clinic: Clinic
) -> None:
    erase(records[:1], officer)
    again = uploads.import_rows(
        clinic=clinic, user=officer, rows=[Row(1, NOTE.format("cinnamon", 0), "Chest pain, cinnamon.")]
    )
    assert again.created == 1
    assert again.records[0].near_duplicate_of is None


def test_erasing_twice_erases_once(records: list[Record], officer: User) -> None:
    assert (erase(records[:1], officer), erase(records[:1], officer)) == (1, 0)
    assert AuditEntry.objects.filter(action="erase_record").count() == 1


def test_a_record_without_its_original_can_be_erased(
    records: list[Record], officer: User, own_var: Path
) -> None:
    Record.objects.update(reviewed_at=timezone.now() - timedelta(days=100))
    retention.apply_retention()
    erase(records[:1], officer)
    assert words_of(records[0]) not in readable(own_var)
