import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

# A page that refreshes itself must not keep a deserted screen signed in.
POLLING_HEADER = "HX-Trigger-Name"
POLLING_NAME = "poll"


class SessionLimitsMiddleware:
    """Automatic logoff (45 CFR 164.312(a)(2)(iii)): idle and absolute limits; one-time passwords open one page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        now = time.time()
        started = request.session.setdefault("started_at", now)
        seen = request.session.get("seen_at", now)
        if now - seen > settings.SESSION_IDLE_SECONDS or now - started > settings.SESSION_ABSOLUTE_SECONDS:
            logout(request)
            return redirect(f"{reverse(settings.LOGIN_URL)}?timeout=1")
        # Writing every request would make each page a database write; ten seconds is near enough.
        is_stale = now - seen > 10 or "seen_at" not in request.session
        if is_stale and request.headers.get(POLLING_HEADER) != POLLING_NAME:
            request.session["seen_at"] = now
        change = reverse("audit:change_password")
        if request.user.must_change_password and request.path not in {change, reverse("accounts:sign_out")}:
            return redirect(change)
        return self.get_response(request)
