"""The audit log: who did or saw what, when. HMAC-chained per clinic; nothing else writes ``AuditEntry``."""

import hashlib
import hmac
import json
from datetime import datetime

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Clinic, User
from audit.models import AuditEntry, ChainHead
from config.keys import derive


def record(
    *,
    clinic: Clinic,
    actor: User | None,
    action: str,
    subject: models.Model | None = None,
    outcome: str = "ALLOW",
    **facts: str | int | float | bool | None,
) -> AuditEntry:
    """Append an entry inside the caller's transaction, so that the change and its entry stand or fall together.

    ``facts`` are ids, counts and hashes: patient words do not belong here. ``actor`` is None for the system itself.
    """
    assert transaction.get_connection().in_atomic_block, "audit.log.record needs the caller's transaction"
    head = _lock_head(clinic)
    entry = AuditEntry(
        clinic=clinic,
        sequence=head.sequence + 1,
        at=timezone.now(),
        actor=actor,
        actor_name=actor.username if actor else "system",
        action=action,
        outcome=outcome,
        subject_type=subject._meta.model_name or "" if subject else "",
        subject_id=str(getattr(subject, "uuid", subject.pk)) if subject else "",
        facts=facts,
    )
    entry.mac = _mac(entry, head.mac)
    entry.save(force_insert=True)
    head.sequence, head.mac = entry.sequence, entry.mac
    head.seal = _seal(head)
    head.save(update_fields=["sequence", "mac", "seal"])
    return entry


def faults(clinic: Clinic) -> list[str]:
    """What is wrong with a clinic's chain, in words; empty when every entry is as it was written."""
    found = []
    previous, expected = "0" * 64, 1
    for entry in AuditEntry.objects.filter(clinic=clinic).order_by("sequence").iterator():
        if entry.sequence != expected:
            found.append(f"entry {expected} is missing or out of order")
        if not hmac.compare_digest(entry.mac, _mac(entry, previous)):
            found.append(f"entry {entry.sequence} was changed, or the one before it was")
        previous, expected = entry.mac, entry.sequence + 1
    head = ChainHead.objects.filter(clinic=clinic).first()
    if head is None:
        # A clinic's first entry is its own creation, so a chain that is not there at all was taken away.
        return [*found, "the chain, or its end, is missing"]
    if not hmac.compare_digest(head.seal, _seal(head)):
        found.append("the end of the chain was changed")
    elif (head.sequence, head.mac) != (expected - 1, previous):
        found.append(f"entries after {expected - 1} are missing")
    return found


def _lock_head(clinic: Clinic) -> ChainHead:
    head = ChainHead.objects.select_for_update().filter(clinic=clinic).first()
    if head:
        return head
    # Two first entries at once: the constraint lets one in, the other then waits on its lock.
    ChainHead.objects.bulk_create([ChainHead(clinic=clinic, seal="")], ignore_conflicts=True)
    return ChainHead.objects.select_for_update().get(clinic=clinic)


def _mac(entry: AuditEntry, previous: str) -> str:
    content = [
        previous,
        entry.clinic_id,
        entry.sequence,
        _utc(entry.at),
        entry.actor_id,
        entry.actor_name,
        entry.action,
        entry.outcome,
        entry.subject_type,
        entry.subject_id,
        entry.facts,
    ]
    return _hmac(json.dumps(content, sort_keys=True))


def _seal(head: ChainHead) -> str:
    return _hmac(json.dumps(["head", head.clinic_id, head.sequence, head.mac]))


def _hmac(text: str) -> str:
    return hmac.new(derive("audit"), text.encode(), hashlib.sha256).hexdigest()


def _utc(moment: datetime) -> str:
    return moment.astimezone(timezone.get_fixed_timezone(0)).isoformat(timespec="microseconds")
