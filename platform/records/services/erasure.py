"""The records app's share of an erasure. ``dashboard.services.erasure`` asks for all of it, in one transaction."""

import secrets

from django.db import connection

from accounts.models import User
from audit import log
from records import store
from records.models import DatasetItem, Record, Revocation
from records.services import near_duplicates


class AlreadyErased(Exception):
    """Somebody else erased the record in the meantime."""


def erase_rows(*, record: Record, user: User) -> None:
    """Make a tombstone of a record: nothing in the database tells its words, its patient or what it resembled.

    Datasets that held it are revoked. Needs the caller's transaction, and that no summary rests on the record's texts.
    Its files are ``erase_files``'s. Raises ``AlreadyErased``.
    """
    standing = Record.objects.filter(pk=record.pk).exclude(status=Record.Status.ERASED)
    if not standing.update(
        status=Record.Status.ERASED,
        # Not derived from anything, so that nobody can match the row with a text or a patient again.
        patient_key=secrets.token_hex(32),
        fingerprint=secrets.token_hex(32),
        kind="",
        section="",
        quarantine_reason="",
        has_summary=False,
        word_count=0,
        lowest_score=None,
    ):
        raise AlreadyErased(record.label)
    near_duplicates.forget(record)
    items = DatasetItem.objects.filter(scrubbed_text__record=record)
    revocations = [
        Revocation(dataset=item.dataset, record=record, split=item.split, revoked_by=user)
        for item in items.select_related("dataset")
    ]
    Revocation.objects.bulk_create(revocations)
    items.delete()
    record.redactions.all().delete()
    # Takes the text out of proposals and of samples too; a signature for those does not count any more.
    record.scrubbed_texts.all().delete()
    log.record(
        clinic=record.clinic,
        actor=user,
        action="erase_record",
        subject=record,
        datasets=len(revocations),
    )


def erase_files(record: Record) -> None:
    """Delete the original, whether or not that was done before."""
    store.delete_original(record.clinic, record.uuid)


def scrub_free_pages() -> bool:
    """Let nothing of deleted rows stand in the database's files. False when others keep it from that just now.

    SQLite overwrites what is deleted (``secure_delete`` in the settings), but older pages stay in the log of changes
    until it is emptied. PostgreSQL does the same in its own time (docs/adr/0011).
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return True
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, *_ = cursor.fetchone()
    return not is_busy
