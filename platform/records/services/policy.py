"""A clinic's privacy policy changes here, and the change stands in the audit log."""

from django.db import transaction

from accounts.models import Clinic, User
from audit import log
from records.models import PrivacyPolicy


@transaction.atomic
def change_policy(
    *, clinic: Clinic, user: User, max_leak_rate: float, operator: str, keep_originals_days: int
) -> PrivacyPolicy:
    """Raises ``ValidationError`` for values outside the model's limits."""
    policy = PrivacyPolicy.of(clinic)
    policy.max_leak_rate = max_leak_rate
    policy.operator = operator
    policy.keep_originals_days = keep_originals_days
    policy.full_clean()
    policy.save()
    log.record(
        clinic=clinic,
        actor=user,
        action="change_privacy_policy",
        subject=policy,
        max_leak_rate=max_leak_rate,
        operator=operator,
        keep_originals_days=keep_originals_days,
    )
    return policy
