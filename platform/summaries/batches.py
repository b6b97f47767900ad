"""Many texts at once: scrubbed when they are handed in, summarized one after the other by the worker.

The rows are the truth. A message names a batch and means "write its next text"; whoever writes one sends the next
message, so that other work of the worker gets its turn in between.
"""

from dataclasses import replace

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken
from audit import log
from config import vault
from config.keys import derive
from config.queue import enqueue
from privacy.seal import is_intact, seal
from records.store import SealBroken
from summaries import leases, questions, services
from summaries.admission import QueueFull
from summaries.engine import EngineTimeout, EngineUnavailable
from summaries.leases import MOST_ATTEMPTS, NUDGE_AGAIN
from summaries.models import BatchItem, Summary, SummaryBatch
from summaries.styles import STYLES, Style
from summaries.troubles import EXPECTED, explain

MOST_TEXTS = 100
PASSING = (QueueFull, EngineUnavailable, EngineTimeout)
Status = BatchItem.Status


def submit(
    *,
    token: ApiToken,
    texts: list[str],
    section: str,
    style: Style,
    reading_grade: int | None = None,
    careful: bool = False,
) -> tuple[SummaryBatch, list[dict[str, str]]]:
    """A batch, and for each text the real values behind its placeholders, which are kept nowhere.

    Raises ``TextRefused`` where one of the texts cannot be taken; then none is.
    """
    scrubbed = [questions.scrub_text(text) for text in texts]
    with transaction.atomic():
        batch = SummaryBatch.objects.create(
            clinic=token.clinic,
            api_token=token,
            section=questions.harmless_section(section),
            style=style.name,
            reading_grade=reading_grade,
            is_careful=careful,
        )
        BatchItem.objects.bulk_create(
            _item(batch, number, replacement.texts[0]) for number, replacement in enumerate(scrubbed, start=1)
        )
        log.record(
            clinic=token.clinic,
            actor=token.created_by,
            action="submit_batch",
            subject=batch,
            texts=len(texts),
            token=str(token.uuid),
        )
        _nudge(batch)
    return batch, [replacement.originals for replacement in scrubbed]


def _item(batch: SummaryBatch, number: int, source: str) -> BatchItem:
    item = BatchItem(batch=batch, number=number, source_seal=seal(derive("prompts"), source))
    item.blob = vault.encrypt(batch.clinic.wrapped_key, f"batch-item:{item.uuid}", source.encode())
    return item


@transaction.atomic
def cancel(*, batch: SummaryBatch) -> int:
    """QUEUED → CANCELLED; what is being written is finished. Returns how many were cancelled."""
    count = batch.items.filter(status=Status.QUEUED).update(status=Status.CANCELLED, blob=b"")
    log.record(
        clinic=batch.clinic,
        actor=batch.api_token.created_by,
        action="cancel_batch",
        subject=batch,
        texts=count,
        token=str(batch.api_token.uuid),
    )
    return count


def write_next(uuid: str) -> None:
    """Write the summary of a batch's next text. Safe to run twice, or by two workers at once."""
    batch = SummaryBatch.objects.select_related("clinic", "api_token__created_by").get(uuid=uuid)
    item = leases.claim(batch.items.all())
    if item is None:
        return
    try:
        _settle(item, Status.SUCCEEDED, summary=_write(batch, item))
    except PASSING as error:
        if item.attempts < MOST_ATTEMPTS:
            # The next look of the reaper sends a message again: until then the engine has its peace.
            _settle(item, Status.QUEUED, keep_text=True)
            return
        _settle(item, Status.FAILED, error=explain(error).error)
    except EXPECTED as error:
        _settle(item, Status.FAILED, error=explain(error).error)
    if batch.items.filter(status=Status.QUEUED).exists():
        with transaction.atomic():
            _nudge(batch)


def _write(batch: SummaryBatch, item: BatchItem) -> Summary:
    # A worker before this one may have written it, and died before it could say so.
    if written := Summary.objects.filter(uuid=item.uuid).first():
        return written
    if not batch.api_token.is_valid:
        raise questions.TextRefused("The key that handed this in is no longer valid. Issue a new one.")
    name = f"batch-item:{item.uuid}"
    source = vault.decrypt(batch.clinic.wrapped_key, name, bytes(item.blob)).decode()
    if not is_intact(derive("prompts"), item.source_seal, source):
        raise SealBroken(item.uuid)
    prompt = STYLES[batch.style].prompt(source, batch.section, batch.reading_grade, careful=batch.is_careful)
    asked = questions.Asked(
        batch.clinic, source, prompt, {}, batch.section, batch.style, token=batch.api_token
    )
    writing = services.Writing(replace(asked, uuid=item.uuid))
    keeper = leases.Keeper(item)
    for _ in writing:
        keeper.look()
    return writing.written.summary


def _settle(
    item: BatchItem,
    status: BatchItem.Status,
    *,
    summary: Summary | None = None,
    error: str = "",
    keep_text: bool = False,
) -> None:
    """RUNNING → ``status``, unless the lease ran out and somebody else has the item now."""
    emptied = {} if keep_text else {"blob": b""}
    leases.held(item).update(
        status=status, summary=summary, error=error[:300], lease_expires_at=None, **emptied
    )


def reap() -> None:
    """Put back what a vanished worker held, and send again what was forgotten."""
    now = timezone.now()
    leases.put_back(BatchItem.objects.all(), gave_up="The worker stopped each time it wrote this.")
    forgotten = SummaryBatch.objects.filter(
        Q(nudged_at__lt=now - NUDGE_AGAIN) | Q(nudged_at=None), items__status=Status.QUEUED
    ).exclude(items__status=Status.RUNNING)
    for batch in forgotten.distinct():
        with transaction.atomic():
            _nudge(batch)


def _nudge(batch: SummaryBatch) -> None:
    SummaryBatch.objects.filter(pk=batch.pk).update(nudged_at=timezone.now())
    enqueue("write_next_of_batch", str(batch.uuid))
