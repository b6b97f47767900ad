from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.http import HttpRequest


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        user_logged_in.connect(_signed_in, dispatch_uid="audit")
        user_logged_out.connect(_signed_out, dispatch_uid="audit")


# Django's own signals are the one place that sees every sign-in, whatever the door.
def _signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _record(user, "sign_in")


def _signed_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _record(user, "sign_out")


def _record(user: Any, action: str) -> None:
    from audit import log

    membership = getattr(user, "membership", None)
    if membership is not None:
        with transaction.atomic():
            log.record(clinic=membership.clinic, actor=user, action=action, subject=user)
