from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.access import NotFoundInClinic, RoleRefused
from accounts.models import User
from audit import log


class DenialMiddleware:
    """Writes a DENY entry whenever a role or a clinic's border stopped a signed-in user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        membership = getattr(request.user, "membership", None)
        if not isinstance(exception, RoleRefused | NotFoundInClinic) or membership is None:
            return
        assert isinstance(request.user, User)
        match = request.resolver_match
        with transaction.atomic():
            log.record(
                clinic=membership.clinic,
                actor=request.user,
                action=match.view_name if match else "unknown",
                outcome="DENY",
                reason=type(exception).__name__,
                wanted=str(match.kwargs.get("uuid", "")) if match else "",
            )
