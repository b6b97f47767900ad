"""The audit chain: every way of tampering is found, and the database refuses to be tampered with."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry, ChainHead

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(clinic: Clinic, alice: User) -> Clinic:
    """Alice's clinic, its chain, and the triggers that guard it taken away, as an intruder with the file would."""
    for number in range(4):
        log.record(clinic=clinic, actor=alice, action="view_record", subject=alice, number=number)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER audit_no_change ON audit_auditentry")
        else:
            cursor.execute("DROP TRIGGER audit_no_update")
            cursor.execute("DROP TRIGGER audit_no_delete")
    return clinic


def last(clinic: Clinic) -> AuditEntry:
    return AuditEntry.objects.filter(clinic=clinic).order_by("-sequence")[0]


def test_an_untouched_chain_has_no_faults(chain: Clinic) -> None:
    assert log.faults(chain) == []


def test_a_changed_entry_is_found(chain: Clinic) -> None:
    AuditEntry.objects.filter(pk=last(chain).pk).update(facts={"number": 99})
    assert log.faults(chain)


def test_a_changed_actor_is_found(chain: Clinic) -> None:
    AuditEntry.objects.filter(pk=last(chain).pk).update(actor_name="somebody else")
    assert log.faults(chain)


def test_a_deleted_entry_is_found(chain: Clinic) -> None:
    AuditEntry.objects.filter(clinic=chain, sequence=3).delete()
    assert log.faults(chain)


def test_entries_cut_off_the_end_are_missed(chain: Clinic) -> None:
    last(chain).delete()
    assert any("missing" in fault for fault in log.faults(chain))


def test_cutting_the_end_and_moving_the_head_is_found(chain: Clinic) -> None:
    last(chain).delete()
    end = last(chain)
    ChainHead.objects.filter(clinic=chain).update(sequence=end.sequence, mac=end.mac)
    assert "the end of the chain was changed" in log.faults(chain)


def test_swapped_entries_are_found(chain: Clinic) -> None:
    first, second = AuditEntry.objects.filter(clinic=chain).order_by("-sequence")[:2]
    AuditEntry.objects.filter(pk=first.pk).update(sequence=1000)
    AuditEntry.objects.filter(pk=second.pk).update(sequence=first.sequence)
    AuditEntry.objects.filter(pk=first.pk).update(sequence=second.sequence)
    assert log.faults(chain)


def test_an_inserted_entry_is_found(chain: Clinic) -> None:
    entry = last(chain)
    entry.pk, entry.uuid, entry.sequence = None, None, entry.sequence + 1
    import uuid

    entry.uuid = uuid.uuid4()
    entry.save(force_insert=True)
    assert log.faults(chain)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_auditentry SET action = 'x'", "DELETE FROM audit_auditentry"]
)
def test_the_database_refuses_to_change_entries(clinic: Clinic, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused(clinic: Clinic) -> None:
    with pytest.raises(AssertionError, match="transaction"):
        log.record(clinic=clinic, actor=None, action="x")


def test_an_entry_goes_with_the_change_it_tells_of(clinic: Clinic) -> None:
    before = AuditEntry.objects.count()
    with transaction.atomic():
        log.record(clinic=clinic, actor=None, action="x")
        transaction.set_rollback(True)
    assert AuditEntry.objects.count() == before
    assert log.faults(clinic) == []
