"""Clinics, staff and API tokens, with their audit entries (accounts may not know audit, so these live here)."""

import secrets
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, Clinic, Membership, Role, User, all_scopes
from audit import log
from config import vault


@transaction.atomic
def create_clinic(*, name: str) -> Clinic:
    clinic = Clinic.objects.create(name=name, wrapped_key=vault.new_wrapped_key())
    log.record(clinic=clinic, actor=None, action="create_clinic", subject=clinic)
    return clinic


@transaction.atomic
def add_member(
    *, clinic: Clinic, username: str, role: Role | str, by: User | None, password: str | None = None
) -> tuple[User, str]:
    """A new member and the one-time password to hand over; it must be changed at the first sign-in."""
    one_time = password or "-".join(secrets.token_hex(2) for _ in range(4))
    user = User(username=username, must_change_password=password is None)
    user.set_password(one_time)
    user.save()
    Membership.objects.create(user=user, clinic=clinic, role=role)
    log.record(clinic=clinic, actor=by, action="add_member", subject=user, role=str(role))
    return user, one_time


@transaction.atomic
def deactivate_member(*, user: User, by: User) -> None:
    """The next request of a deactivated user is refused: Django asks for ``is_active`` every time."""
    user.is_active = False
    user.save(update_fields=["is_active"])
    log.record(clinic=user.membership.clinic, actor=by, action="deactivate_member", subject=user)


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Raises ``ValidationError`` for a password that is too weak."""
    validate_password(password, user)
    user.set_password(password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    log.record(clinic=user.membership.clinic, actor=user, action="change_password", subject=user)


@transaction.atomic
def issue_token(
    *,
    clinic: Clinic,
    name: str,
    by: User,
    expires_at: datetime | None = None,
    scopes: list[str] | None = None,
    requests_per_minute: int = 120,
) -> tuple[ApiToken, str]:
    """A token row and its key. The key is not kept: show it now or never."""
    key = ApiToken.new_key()
    token = ApiToken.objects.create(
        clinic=clinic,
        name=name,
        digest=ApiToken.digest_of(key),
        created_by=by,
        expires_at=expires_at or ApiToken.default_expiry(),
        scopes=all_scopes() if scopes is None else scopes,
        requests_per_minute=requests_per_minute,
    )
    log.record(
        clinic=clinic,
        actor=by,
        action="issue_token",
        subject=token,
        scopes=" ".join(token.scopes),
        requests_per_minute=requests_per_minute,
        expires_at=token.expires_at.isoformat(),
    )
    return token, key


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> None:
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    log.record(clinic=token.clinic, actor=by, action="revoke_token", subject=token)
