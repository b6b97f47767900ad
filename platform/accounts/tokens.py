"""A key at the door: whose it is, what it may do, and how often it may ask."""

import math
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, Scope

MINUTE = timedelta(minutes=1)


class ScopeMissing(Exception):
    """The key is valid and may not do this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"This key may not do that: it lacks the scope “{scope.value}”.")


class RateLimited(Exception):
    """The key has used up its requests of this minute."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("This key has asked too often.")
        self.retry_after_seconds = retry_after_seconds


def admit(key: str, scope: Scope) -> ApiToken | None:
    """The valid token of a key, one request of its allowance used; None for an unknown key.

    Raises ``ScopeMissing`` and ``RateLimited``.
    """
    # Looked up by the hash of a key with 256 random bits, so timing tells nothing about the key.
    digest = ApiToken.digest_of(key)
    token = ApiToken.objects.select_related("clinic", "created_by").filter(digest=digest).first()
    if token is None or not token.is_valid:
        return None
    if not token.may(scope):
        raise ScopeMissing(scope)
    if seconds := seconds_to_wait(token):
        raise RateLimited(seconds)
    return token


@transaction.atomic
def seconds_to_wait(token: ApiToken) -> int:
    """Count one request; 0 if it may go on, else the whole seconds after which it may.

    A minute's allowance may be used at once and is refilled evenly (the generic cell rate algorithm).
    """
    row = ApiToken.objects.select_for_update().only("spent_until", "requests_per_minute").get(pk=token.pk)
    now = timezone.now()
    spent_until = max(row.spent_until or now, now) + MINUTE / row.requests_per_minute
    if (excess := spent_until - now - MINUTE) > timedelta(0):
        return math.ceil(excess.total_seconds())
    ApiToken.objects.filter(pk=token.pk).update(spent_until=spent_until)
    return 0
