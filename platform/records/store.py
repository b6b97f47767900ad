"""Where a record's words lie: encrypted, in files for originals and in blobs for scrubbed texts."""

import hashlib
import hmac
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from accounts.models import Clinic
from config import vault
from config.keys import derive
from privacy.seal import is_intact, seal
from records.models import Record, ScrubbedText


class SealBroken(Exception):
    """A scrubbed text is not the one that was sealed. Nothing may use it."""


class OriginalGone(FileNotFoundError):
    """The original was deleted, by the clinic's policy or with the record."""


@dataclass(frozen=True)
class Texts:
    """A record's text and its reference summary (empty where there is none)."""

    source: str
    target: str = ""


def keyed_hash(purpose: str, clinic: Clinic, *parts: str) -> str:
    """A stable name for a text or a patient that says nothing to whoever lacks the key."""
    message = json.dumps([str(clinic.uuid), *parts]).encode()
    return hmac.new(derive(purpose), message, hashlib.sha256).hexdigest()


def save_upload(clinic: Clinic, uuid: UUID, data: bytes) -> None:
    _write(_upload_path(clinic, uuid), vault.encrypt(clinic.wrapped_key, f"upload:{uuid}", data))


def load_upload(clinic: Clinic, uuid: UUID) -> bytes:
    return vault.decrypt(clinic.wrapped_key, f"upload:{uuid}", _upload_path(clinic, uuid).read_bytes())


def save_reading(clinic: Clinic, uuid: UUID, packed: bytes) -> None:
    """What was read of a waiting upload, so that its pages need not read it again."""
    _write(_reading_path(clinic, uuid), vault.encrypt(clinic.wrapped_key, f"reading:{uuid}", packed))


def load_reading(clinic: Clinic, uuid: UUID) -> bytes:
    return vault.decrypt(clinic.wrapped_key, f"reading:{uuid}", _reading_path(clinic, uuid).read_bytes())


def delete_upload(clinic: Clinic, uuid: UUID) -> None:
    """The file as it came and what was read of it."""
    _upload_path(clinic, uuid).unlink(missing_ok=True)
    _reading_path(clinic, uuid).unlink(missing_ok=True)


def save_original(clinic: Clinic, uuid: UUID, texts: Texts) -> None:
    data = json.dumps([texts.source, texts.target]).encode()
    _write(_original_path(clinic, uuid), vault.encrypt(clinic.wrapped_key, f"original:{uuid}", data))


def load_original(record: Record) -> Texts:
    """Raises ``OriginalGone``."""
    try:
        blob = _original_path(record.clinic, record.uuid).read_bytes()
    except FileNotFoundError as error:
        raise OriginalGone(record.label) from error
    return Texts(*json.loads(vault.decrypt(record.clinic.wrapped_key, f"original:{record.uuid}", blob)))


def has_original(record: Record) -> bool:
    return _original_path(record.clinic, record.uuid).exists()


def delete_original(clinic: Clinic, uuid: UUID) -> None:
    _original_path(clinic, uuid).unlink(missing_ok=True)


def delete_stale_uploads(before: datetime) -> int:
    """Delete waiting files, and drafts that a crash left, that are older than ``before``; returns how many."""
    deleted = 0
    for pattern in ("*/waiting/*", "*/*.part"):
        for path in (Path(settings.VAR) / "uploads").glob(pattern):
            # Whoever works on a file right now may be quicker than this.
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    deleted += 1
    return deleted


def surrogate_key(record: Record) -> bytes:
    """What decides a patient's surrogates: the same in every record of theirs, and nowhere else."""
    return hmac.digest(derive("surrogates"), record.patient_key.encode(), "sha256")


def close_scrubbed(
    record: Record, version: int, texts: Texts, scrubber: str, operator: str = "placeholder"
) -> ScrubbedText:
    """An unsaved row that holds ``texts`` encrypted and sealed."""
    data = json.dumps([texts.source, texts.target]).encode()
    return ScrubbedText(
        record=record,
        version=version,
        blob=vault.encrypt(record.clinic.wrapped_key, _context(record, version), data),
        seal=seal(derive("seal"), texts.source, texts.target, scrubber),
        scrubber=scrubber,
        operator=operator,
    )


def open_scrubbed(row: ScrubbedText) -> Texts:
    """Raises ``SealBroken`` when the row is not what the scrub gate wrote."""
    try:
        data = vault.decrypt(row.record.clinic.wrapped_key, _context(row.record, row.version), row.blob)
    except vault.VaultError as error:
        raise SealBroken(row.record.label) from error
    texts = Texts(*json.loads(data))
    if not is_intact(derive("seal"), row.seal, texts.source, texts.target, row.scrubber):
        raise SealBroken(row.record.label)
    return texts


def _context(record: Record, version: int) -> str:
    return f"scrubbed:{record.uuid}:{version}"


def _folder(clinic: Clinic) -> Path:
    return Path(settings.VAR) / "uploads" / str(clinic.uuid)


def _upload_path(clinic: Clinic, uuid: UUID) -> Path:
    return _folder(clinic) / "waiting" / f"{uuid}.bin"


def _reading_path(clinic: Clinic, uuid: UUID) -> Path:
    return _folder(clinic) / "waiting" / f"{uuid}.reading"


def _original_path(clinic: Clinic, uuid: UUID) -> Path:
    return _folder(clinic) / f"{uuid}.bin"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
