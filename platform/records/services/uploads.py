"""Files in: read, previewed, confirmed, and turned into records that wait for scrubbing."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from uuid import uuid4

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Clinic, User
from audit import log
from config.queue import enqueue
from records import readers, store
from records.models import Record, Upload
from records.readers import Head, Row
from records.services.near_duplicates import note_near_duplicates, signer_of
from records.services.scrubbing import harmless
from records.store import Texts

_WAITING = (Upload.Status.QUESTION, Upload.Status.PREVIEW)


class UploadClosed(Exception):
    """The upload was confirmed or discarded already."""


@dataclass(frozen=True)
class Imported:
    """The records of an upload, in the order of its rows; ``created`` leaves out those that were there before."""

    records: list[Record]
    created: int
    near_duplicates: int = 0


def receive_upload(
    *, clinic: Clinic, user: User, name: str, data: bytes, encoding: str = ""
) -> tuple[Upload, Head]:
    """Read a file and keep it, encrypted, until its uploader confirms it.

    Raises ``readers.UnreadableFile``, and its kind ``EncodingUnknown``: ask, then come again with ``encoding``.
    """
    suffix = readers.suffix_of(name)
    # Outside the transaction: a child process may read for half a minute, and SQLite has one writer.
    packed = readers.read_packed(suffix, data, encoding)
    head = readers.head_of(packed)
    with transaction.atomic():
        upload = Upload.objects.create(
            clinic=clinic, uploader=user, suffix=suffix, encoding=encoding, **_counts(head)
        )
        log.record(clinic=clinic, actor=user, action="upload", subject=upload, rows=head.row_count)
        store.save_upload(clinic, upload.uuid, data)
        store.save_reading(clinic, upload.uuid, packed)
    return upload, head


@transaction.atomic
def hold_upload(*, clinic: Clinic, user: User, name: str, data: bytes) -> Upload:
    """Keep a file whose encoding is not certain until its uploader chose one."""
    upload = Upload.objects.create(
        clinic=clinic, uploader=user, suffix=readers.suffix_of(name), status=Upload.Status.QUESTION
    )
    log.record(clinic=clinic, actor=user, action="upload", subject=upload, rows=0)
    store.save_upload(clinic, upload.uuid, data)
    return upload


def encoding_choices(upload: Upload) -> list[readers.Choice]:
    """How the text of a waiting upload may be read, if the file itself does not say."""
    try:
        readers.read_packed(upload.suffix, _waiting_file(upload))
    except readers.EncodingUnknown as question:
        return question.choices
    return []


def choose_encoding(*, upload: Upload, user: User, encoding: str) -> None:
    """Read a waiting upload as its uploader says. May be done again until the upload is confirmed.

    Raises ``readers.UnreadableFile``; the upload then waits on.
    """
    packed = readers.read_packed(upload.suffix, _waiting_file(upload), encoding)
    head = readers.head_of(packed)
    with transaction.atomic():
        waiting = Upload.objects.filter(pk=upload.pk, status__in=_WAITING)
        if not waiting.update(status=Upload.Status.PREVIEW, encoding=encoding, **_counts(head)):
            raise UploadClosed
        log.record(
            clinic=upload.clinic, actor=user, action="choose_encoding", subject=upload, encoding=encoding
        )
        store.save_reading(upload.clinic, upload.uuid, packed)


def preview_upload(upload: Upload, limit: int) -> tuple[Head, list[Row]]:
    """What was read of an upload that waits for confirmation, with its first rows."""
    packed = _reading(upload)
    return readers.head_of(packed), list(islice(readers.rows_of(packed), limit))


def confirm_upload(*, upload: Upload, user: User) -> Imported:
    """Make records of the good rows and have them scrubbed. Confirming twice imports once."""
    rows = list(readers.rows_of(_reading(upload)))
    with transaction.atomic():
        imported = _import_rows(upload, user, rows)
        Upload.objects.filter(pk=upload.pk).update(nudged_at=timezone.now())
        enqueue("scrub_upload", str(upload.uuid))
    store.delete_upload(upload.clinic, upload.uuid)
    return imported


@transaction.atomic
def discard_upload(*, upload: Upload, user: User) -> None:
    changed = Upload.objects.filter(pk=upload.pk, status__in=_WAITING)
    if changed.update(status=Upload.Status.DISCARDED):
        log.record(clinic=upload.clinic, actor=user, action="discard_upload", subject=upload)
        transaction.on_commit(lambda: store.delete_upload(upload.clinic, upload.uuid))


@transaction.atomic
def import_rows(*, clinic: Clinic, user: User, rows: list[Row]) -> Imported:
    """The headless twin of upload and confirm, for rows that were read already. The caller scrubs them."""
    upload = Upload.objects.create(clinic=clinic, uploader=user, suffix=".jsonl", row_count=len(rows))
    return _import_rows(upload, user, rows)


def find_record(clinic: Clinic, row: Row) -> Record | None:
    """The record that this row became, if it was imported."""
    return Record.objects.filter(clinic=clinic, fingerprint=_fingerprint(clinic, row)).first()


def _waiting_file(upload: Upload) -> bytes:
    if upload.status not in _WAITING:
        raise UploadClosed
    try:
        return store.load_upload(upload.clinic, upload.uuid)
    except FileNotFoundError as error:  # it was imported since this row was fetched
        raise UploadClosed from error


def _reading(upload: Upload) -> bytes:
    if upload.status != Upload.Status.PREVIEW:
        raise UploadClosed
    try:
        return store.load_reading(upload.clinic, upload.uuid)
    except FileNotFoundError as error:
        raise UploadClosed from error


def _counts(head: Head) -> dict[str, int]:
    return {"row_count": head.row_count, "error_count": len(head.errors)}


def _import_rows(upload: Upload, user: User, rows: Iterable[Row]) -> Imported:
    open_upload = Upload.objects.filter(pk=upload.pk, status=Upload.Status.PREVIEW)
    if not open_upload.update(status=Upload.Status.CONFIRMED):
        raise UploadClosed
    clinic = upload.clinic
    # Numbers are counted under the clinic's lock; two uploads at once wait for one another here.
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    highest = Record.objects.filter(clinic=clinic).aggregate(highest=Max("number"))["highest"] or 0
    known = {record.fingerprint: record for record in _same_texts(clinic, rows)}
    records: list[Record] = []
    fresh: list[tuple[Record, Row]] = []
    for row in rows:
        fingerprint = _fingerprint(clinic, row)
        if fingerprint not in known:
            known[fingerprint] = _new_record(upload, row, highest + len(fresh) + 1, fingerprint)
            fresh.append((known[fingerprint], row))
        records.append(known[fingerprint])
    signer = signer_of(clinic)
    for record, row in fresh:
        record.signature = signer.sign(row.source)
    Record.objects.bulk_create([record for record, _ in fresh])
    alike = note_near_duplicates(clinic=clinic, fresh=[record for record, _ in fresh])
    _save_originals(clinic, fresh)
    duplicates = len(records) - len(fresh)
    Upload.objects.filter(pk=upload.pk).update(duplicate_count=duplicates)
    log.record(
        clinic=clinic,
        actor=user,
        action="import_records",
        subject=upload,
        records=len(fresh),
        duplicates=duplicates,
        near_duplicates=alike,
    )
    return Imported(records, len(fresh), alike)


def _save_originals(clinic: Clinic, fresh: list[tuple[Record, Row]]) -> None:
    """All or none: a transaction that fails leaves no file behind that no row knows."""
    try:
        for record, row in fresh:
            store.save_original(clinic, record.uuid, Texts(row.source, row.target))
    except OSError:
        for record, _ in fresh:
            store.delete_original(clinic, record.uuid)
        raise


def _new_record(upload: Upload, row: Row, number: int, fingerprint: str) -> Record:
    # A record without a patient is its own patient, known by its text: the same text is the same patient.
    patient = ("patient", row.patient.strip()) if row.patient.strip() else ("text", _normal(row.source))
    return Record(
        uuid=uuid4(),
        clinic=upload.clinic,
        upload=upload,
        number=number,
        patient_key=store.keyed_hash("patient", upload.clinic, *patient),
        fingerprint=fingerprint,
        kind=harmless(row.kind.strip()),
        section=harmless(row.section.strip()),
        has_summary=bool(row.target.strip()),
        word_count=len(row.source.split()),
    )


def _same_texts(clinic: Clinic, rows: Iterable[Row]) -> Iterable[Record]:
    wanted = list({_fingerprint(clinic, row) for row in rows})
    for start in range(0, len(wanted), 500):  # SQLite bounds the number of parameters
        yield from Record.objects.filter(clinic=clinic, fingerprint__in=wanted[start : start + 500])


def _fingerprint(clinic: Clinic, row: Row) -> str:
    return store.keyed_hash(
        "fingerprint", clinic, _normal(row.source), _normal(row.target), row.section.strip()
    )


def _normal(text: str) -> str:
    return " ".join(text.split())
