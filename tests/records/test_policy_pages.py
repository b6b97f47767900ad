"""The privacy policy: who changes it, within which limits, and that every change is written down."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import PrivacyPolicy

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], Client]
POLICY = {"max_leak_percent": "2.5", "operator": "mask", "keep_originals_days": "7"}


def test_a_clinic_begins_with_the_defaults(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    page = client_for(officer).get(reverse("records:policy")).content.decode()
    policy = PrivacyPolicy.of(clinic)
    assert (policy.max_leak_rate, policy.operator, policy.keep_originals_days) == (0.05, "placeholder", 30)
    assert 'value="5.0"' in page
    assert 'value="30"' in page


def test_a_change_is_kept_and_written_down(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    client = client_for(officer)
    page = client.post(reverse("records:policy"), POLICY, follow=True).content.decode()
    assert "The privacy policy is changed" in page
    policy = PrivacyPolicy.of(clinic)
    assert (policy.max_leak_rate, policy.operator, policy.keep_originals_days) == (0.025, "mask", 7)
    entry = AuditEntry.objects.get(action="change_privacy_policy")
    assert (entry.actor, entry.facts["max_leak_rate"], entry.facts["operator"]) == (officer, 0.025, "mask")


@pytest.mark.parametrize(
    "bad",
    [
        {"max_leak_percent": "0"},
        {"max_leak_percent": "51"},
        {"max_leak_percent": "nan"},
        {"max_leak_percent": ""},
        {"operator": "nothing"},
        {"keep_originals_days": "-1"},
        {"keep_originals_days": "9999"},
    ],
)
def test_nonsense_changes_nothing(
    client_for: SignedIn, officer: User, clinic: Clinic, bad: dict[str, str]
) -> None:
    assert client_for(officer).post(reverse("records:policy"), POLICY | bad).status_code == 400
    assert PrivacyPolicy.of(clinic).operator == "placeholder"
    assert not AuditEntry.objects.filter(action="change_privacy_policy").exists()


def test_the_database_refuses_a_rate_that_locks_nothing(clinic: Clinic) -> None:
    policy = PrivacyPolicy.of(clinic)
    for rate in (0.0, 1.0):
        with pytest.raises(IntegrityError), transaction.atomic():
            PrivacyPolicy.objects.filter(pk=policy.pk).update(max_leak_rate=rate)


def test_only_a_privacy_officer_or_administrator_changes_it(
    client_for: SignedIn, client: Client, clerk: User, clinician: User, alice: User
) -> None:
    assert client.post(reverse("records:policy"), POLICY).status_code == 302
    for user in (clerk, clinician):
        assert client_for(user).post(reverse("records:policy"), POLICY).status_code == 403
    assert client_for(alice).post(reverse("records:policy"), POLICY).status_code == 302
    assert client_for(alice).delete(reverse("records:policy")).status_code == 405
    assert AuditEntry.objects.filter(action="change_privacy_policy").count() == 1


def test_one_clinics_policy_is_not_anothers(
    client_for: SignedIn, officer: User, bob: User, other_clinic: Clinic
) -> None:
    client_for(officer).post(reverse("records:policy"), POLICY)
    assert PrivacyPolicy.of(other_clinic).operator == "placeholder"
