"""The pages of staff and of API keys: an administrator's, for the own clinic only."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, Clinic, Role, User
from audit import staff
from audit.models import AuditEntry

SignedIn = Callable[[User], Client]


def test_a_new_member_gets_a_password_that_is_shown_once(
    client_for: SignedIn, alice: User, client: Client
) -> None:
    admin = client_for(alice)
    page = admin.post(reverse("audit:members"), {"username": "nora", "role": Role.CLERK}).content.decode()
    match = re.search(r"<code class=\"secret\">(.+?)</code>", page)
    assert match
    assert match[1] not in admin.get(reverse("audit:members")).content.decode()
    assert client.login(username="nora", password=match[1])
    assert User.objects.get(username="nora").must_change_password
    assert AuditEntry.objects.filter(action="add_member", actor=alice).exists()


@pytest.mark.parametrize(
    "data",
    [
        {"username": "", "role": "clerk"},
        {"username": "nora", "role": "owner"},
        {"username": "alice", "role": "clerk"},
    ],
)
def test_a_member_without_a_free_name_or_a_known_role_is_refused(
    client_for: SignedIn, alice: User, data: dict[str, str]
) -> None:
    before = User.objects.count()
    assert client_for(alice).post(reverse("audit:members"), data).status_code == 400
    assert User.objects.count() == before


def test_a_deactivated_member_is_refused_at_the_next_request(
    client_for: SignedIn, alice: User, clerk: User
) -> None:
    clerks = client_for(clerk)
    assert clerks.get(reverse("records:list")).status_code == 200
    client_for(alice).post(reverse("audit:deactivate_member", args=[clerk.uuid]))
    assert clerks.get(reverse("records:list")).status_code == 302
    assert AuditEntry.objects.filter(action="deactivate_member", actor=alice).count() == 1


def test_nobody_deactivates_themselves(client_for: SignedIn, alice: User) -> None:
    client_for(alice).post(reverse("audit:deactivate_member", args=[alice.uuid]))
    alice.refresh_from_db()
    assert alice.is_active


def test_a_member_of_another_clinic_cannot_be_deactivated(
    client_for: SignedIn, alice: User, bob: User
) -> None:
    response = client_for(alice).post(reverse("audit:deactivate_member", args=[bob.uuid]))
    assert response.status_code == 404
    bob.refresh_from_db()
    assert bob.is_active
    assert AuditEntry.objects.filter(outcome="DENY", actor=alice, facts__wanted=str(bob.uuid)).count() == 1


def test_the_staff_page_lists_the_own_clinic_only(
    client_for: SignedIn, alice: User, clerk: User, bob: User
) -> None:
    page = client_for(alice).get(reverse("audit:members")).content.decode()
    assert "carl" in page
    assert "bob" not in page


WARD_SOFTWARE = {
    "name": "ward software",
    "scopes": ["summarize"],
    "valid_days": "30",
    "requests_per_minute": "10",
}


def test_a_key_may_do_what_was_ticked_and_for_as_long(client_for: SignedIn, alice: User) -> None:
    admin = client_for(alice)
    admin.post(reverse("audit:tokens"), WARD_SOFTWARE)
    token = ApiToken.objects.get(name="ward software")
    assert token.scopes == ["summarize"]
    assert token.requests_per_minute == 10
    assert timedelta(days=29) < token.expires_at - timezone.now() < timedelta(days=31)
    assert "Ask for summaries, one at a time" in admin.get(reverse("audit:tokens")).content.decode()


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["all"]}, {"valid_days": "9999"}, {"requests_per_minute": "0"}]
)
def test_a_key_without_bounds_is_not_issued(client_for: SignedIn, alice: User, wrong: dict[str, Any]) -> None:
    assert client_for(alice).post(reverse("audit:tokens"), WARD_SOFTWARE | wrong).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_key_is_shown_once_and_only_its_hash_is_kept(client_for: SignedIn, alice: User) -> None:
    admin = client_for(alice)
    page = admin.post(reverse("audit:tokens"), WARD_SOFTWARE).content.decode()
    match = re.search(r"<code class=\"secret\">(.+?)</code>", page)
    assert match
    token = ApiToken.objects.get(name="ward software")
    assert token.digest == ApiToken.digest_of(match[1])
    assert match[1] not in admin.get(reverse("audit:tokens")).content.decode()


def test_a_key_needs_a_name(client_for: SignedIn, alice: User) -> None:
    assert client_for(alice).post(reverse("audit:tokens"), {"name": ""}).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_revoked_key_is_valid_no_more(client_for: SignedIn, alice: User, clinic: Clinic) -> None:
    token, _ = staff.issue_token(clinic=clinic, name="ward software", by=alice)
    admin = client_for(alice)
    admin.post(reverse("audit:revoke_token", args=[token.uuid]))
    admin.post(reverse("audit:revoke_token", args=[token.uuid]))
    token.refresh_from_db()
    assert not token.is_valid
    assert AuditEntry.objects.filter(action="revoke_token").count() == 1
    assert "Revoked" in admin.get(reverse("audit:tokens")).content.decode()


def test_another_clinics_key_cannot_be_revoked(
    client_for: SignedIn, alice: User, bob: User, other_clinic: Clinic
) -> None:
    token, _ = staff.issue_token(clinic=other_clinic, name="theirs", by=bob)
    assert client_for(alice).post(reverse("audit:revoke_token", args=[token.uuid])).status_code == 404
    token.refresh_from_db()
    assert token.is_valid


@pytest.mark.parametrize("name", ["audit:members", "audit:tokens"])
def test_only_an_administrator_manages_staff_and_keys(
    client_for: SignedIn, client: Client, officer: User, name: str
) -> None:
    assert client.get(reverse(name)).headers["Location"].startswith(reverse("accounts:sign_in"))
    response = client_for(officer).get(reverse(name))
    assert response.status_code == 403
    assert "Your role does not open this page" in response.content.decode()
    assert AuditEntry.objects.filter(outcome="DENY", actor=officer, action=name).count() == 1


@pytest.mark.parametrize("name", ["audit:deactivate_member", "audit:revoke_token"])
def test_changes_need_a_post(client_for: SignedIn, alice: User, name: str) -> None:
    assert client_for(alice).get(reverse(name, args=[alice.uuid])).status_code == 405


def test_a_post_from_another_site_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post(reverse("audit:members"), {"username": "nora", "role": "clerk"})
    assert response.status_code == 403
    assert "open for too long" in response.content.decode()
