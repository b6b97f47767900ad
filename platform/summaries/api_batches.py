"""Many texts at once: handed in, fetched later. Nobody is called back; whoever waits asks again."""

from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema, Status

from accounts.access import own_or_404
from accounts.models import Scope
from summaries import batches, idempotency, questions, services
from summaries.api_auth import TokenAuth, token_of
from summaries.api_schemas import PROBLEMS, IdempotencyKey, SummaryOut, Wanted, summary_out
from summaries.models import BatchItem, SummaryBatch

POLL_SECONDS = 5
router = Router(auth=TokenAuth(Scope.BATCH), tags=["batches"])


class BatchIn(Wanted):
    texts: Annotated[
        list[str],
        Field(
            min_length=1, max_length=batches.MOST_TEXTS, description="The records. Each is scrubbed at once."
        ),
    ]


class ItemOut(Schema):
    number: Annotated[int, Field(description="The text's place in what was handed in, from 1.")]
    status: BatchItem.Status
    error: str = ""
    summary: Annotated[SummaryOut | None, Field(description="With placeholders.")] = None


class BatchOut(Schema):
    id: str
    is_finished: bool
    counts: Annotated[dict[str, int], Field(description="How many texts have which status.")]
    items: list[ItemOut]


class BatchTaken(BatchOut):
    placeholders: Annotated[
        list[dict[str, str]],
        Field(
            description="For each text what its placeholders stand for, with the scope “real_values”. Keep it to put "
            "them back: it is told only here."
        ),
    ]


@router.post("", response={202: BatchTaken, **PROBLEMS}, url_name="batches")
def hand_in(
    request: HttpRequest, wanted: BatchIn, response: HttpResponse, key: IdempotencyKey = None
) -> Status[dict[str, Any]]:
    """Hand in up to a hundred texts. All are taken or none is."""
    token = token_of(request)
    style = wanted.the_style()
    answer = idempotency.begin(token=token, key=key, request=request.body) if key else None
    try:
        if answer and answer.batch:
            batch, originals = answer.batch, [questions.scrub_text(text).originals for text in wanted.texts]
        else:
            batch, originals = batches.submit(
                token=token,
                texts=wanted.texts,
                section=wanted.section,
                style=style,
                reading_grade=wanted.reading_grade,
                careful=wanted.careful,
            )
            if answer:
                answer.batch = batch
                answer.save(update_fields=["batch"])
    finally:
        idempotency.abandon(answer)
    response["Cache-Control"] = "no-store"
    shown = originals if token.may(Scope.REAL_VALUES) else []
    return Status(202, {**_out(batch), "placeholders": shown})


@router.get("/{uuid:uuid}", response={200: BatchOut, **PROBLEMS}, url_name="batch")
def look(request: HttpRequest, uuid: UUID, response: HttpResponse) -> dict[str, Any]:
    """What became of a batch that this key handed in. Retry-After says when to look again."""
    out = _out(_own(request, uuid))
    response["Cache-Control"] = "no-store"
    if not out["is_finished"]:
        response["Retry-After"] = str(POLL_SECONDS)
    return out


@router.delete("/{uuid:uuid}", response={200: BatchOut, **PROBLEMS}, url_name="batch")
def give_up(request: HttpRequest, uuid: UUID) -> dict[str, Any]:
    """Cancel the texts that are still waiting."""
    batch = _own(request, uuid)
    batches.cancel(batch=batch)
    return _out(batch)


def _own(request: HttpRequest, uuid: UUID) -> SummaryBatch:
    token = token_of(request)
    fetched = SummaryBatch.objects.select_related("clinic", "api_token__created_by").filter(api_token=token)
    return own_or_404(fetched, token.clinic, uuid)


def _out(batch: SummaryBatch) -> dict[str, Any]:
    items = list(batch.items.select_related("summary__clinic", "summary__deployment__artifact"))
    texts = services.open_summaries([item.summary for item in items if item.summary], batch.api_token)
    counts = Counter(str(item.status) for item in items)
    return {
        "id": str(batch.uuid),
        "is_finished": not counts.keys() & {BatchItem.Status.QUEUED, BatchItem.Status.RUNNING},
        "counts": counts,
        "items": [_item(item, texts) for item in items],
    }


def _item(item: BatchItem, texts: dict[UUID, tuple[str, str]]) -> ItemOut:
    summary = None
    if item.summary:
        source, text = texts[item.summary.uuid]
        summary = summary_out(item.summary, text, {}, source=source)
    return ItemOut(
        number=item.number, status=BatchItem.Status(item.status), error=item.error, summary=summary
    )
