"""The same request again gets the same answer: Idempotency-Key, as in the IETF's draft of that name.

What is kept for a day is a digest of the key, a digest of the request under a secret, and which summary or batch it
made. The answer is put together anew, so that no real value is stored for it.
"""

import hashlib
import hmac
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import ApiToken
from config.keys import derive
from summaries.models import IdempotentAnswer

KEPT = timedelta(hours=24)
# Longer than a request takes, a long record's too: what is still without an answer then was lost with its process.
LOST = timedelta(minutes=15)
RETRY_AFTER_SECONDS = 2


class KeyReused(Exception):
    """The key came before, with another request."""


class StillAnswering(Exception):
    """The first request with this key is not answered yet."""


def begin(*, token: ApiToken, key: str, request: bytes) -> IdempotentAnswer:
    """The place of this request's answer: filled where it was answered before, else held for the caller to fill.

    Raises ``KeyReused`` and ``StillAnswering``.
    """
    key_digest = hashlib.sha256(key.encode()).hexdigest()
    body_digest = hmac.new(derive("idempotency"), request, hashlib.sha256).hexdigest()
    own = IdempotentAnswer.objects.filter(api_token=token, key_digest=key_digest)
    now = timezone.now()
    own.filter(created_at__lt=now - KEPT).delete()
    own.filter(created_at__lt=now - LOST, summary=None, batch=None).delete()
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(
                api_token=token, key_digest=key_digest, body_digest=body_digest
            )
    except IntegrityError:
        answer = own.select_related("summary__clinic", "summary__deployment__artifact", "batch").first()
    if answer is None:
        raise StillAnswering("The first request with this key has just ended.")
    if not hmac.compare_digest(answer.body_digest, body_digest):
        raise KeyReused("This Idempotency-Key came before, with another request.")
    if answer.summary is None and answer.batch is None:
        raise StillAnswering("The first request with this key is not answered yet.")
    return answer


def abandon(answer: IdempotentAnswer | None) -> None:
    """Give the place up where it is still empty, so that the request may be tried again."""
    if answer is not None:
        IdempotentAnswer.objects.filter(pk=answer.pk, summary=None, batch=None).delete()


def forget_old() -> None:
    IdempotentAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
