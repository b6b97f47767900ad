"""Who may do what. Every view names an action; every queryset is cut to the user's clinic."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import Clinic, Membership, Role, User


class Action(StrEnum):
    SIGNED_IN = "signed_in"
    UPLOAD_RECORDS = "upload_records"
    VIEW_RECORDS = "view_records"
    REVIEW_RECORDS = "review_records"
    CHANGE_PRIVACY_POLICY = "change_privacy_policy"
    ERASE_RECORDS = "erase_records"
    VIEW_DATASETS = "view_datasets"
    FREEZE_DATASETS = "freeze_datasets"
    VIEW_MODELS = "view_models"
    TRAIN_MODELS = "train_models"
    DEPLOY_MODELS = "deploy_models"
    SUMMARIZE = "summarize"
    VIEW_AUDIT = "view_audit"
    MANAGE_ACCOUNTS = "manage_accounts"


ALLOWED: dict[str, frozenset[Action]] = {
    Role.CLERK: frozenset({Action.SIGNED_IN, Action.UPLOAD_RECORDS, Action.VIEW_RECORDS}),
    Role.PRIVACY_OFFICER: frozenset(
        {
            Action.SIGNED_IN,
            Action.UPLOAD_RECORDS,
            Action.VIEW_RECORDS,
            Action.REVIEW_RECORDS,
            Action.ERASE_RECORDS,
            Action.CHANGE_PRIVACY_POLICY,
            Action.VIEW_DATASETS,
            Action.FREEZE_DATASETS,
            Action.VIEW_MODELS,
            Action.VIEW_AUDIT,
        }
    ),
    Role.CLINICIAN: frozenset({Action.SIGNED_IN, Action.VIEW_RECORDS, Action.SUMMARIZE, Action.VIEW_MODELS}),
    Role.ADMIN: frozenset(Action),
}

Row = TypeVar("Row", bound=models.Model)


class RoleRefused(PermissionDenied):
    """The user's role does not allow the action."""


class NotFoundInClinic(Http404):
    """No such row in the user's clinic. Rows of other clinics look exactly like rows that never were."""


def may(user: User, action: Action) -> bool:
    membership: Membership | None = getattr(user, "membership", None)
    return user.is_active and membership is not None and action in ALLOWED[membership.role]


def clinic_of(request: HttpRequest) -> Clinic:
    assert isinstance(request.user, User)
    return request.user.membership.clinic


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def own_or_404(queryset: models.QuerySet[Row], clinic: Clinic, uuid: Any) -> Row:
    """The row of ``clinic`` with this uuid. Use it for every object that a URL names."""
    row = queryset.filter(clinic=clinic, uuid=uuid).first()
    if row is None:
        raise NotFoundInClinic
    return row


View = Callable[Concatenate[HttpRequest, ...], HttpResponseBase]


def requires(action: Action) -> Callable[[View], View]:
    """Only signed-in users whose role allows ``action`` reach the view; others get 403 and a DENY audit entry."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not may(user_of(request), action):
                raise RoleRefused(action)
            return view(request, *args, **kwargs)

        guarded: View = login_required(checked)
        guarded.required_action = action  # type: ignore[attr-defined]
        return guarded

    return decorate
