"""Signing in and out, and what the limits of a session do."""

import time
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, Role, User
from audit import staff
from audit.models import AuditEntry

PASSWORD = "a long enough password"


def sign_in(client: Client, name: str, password: str) -> object:
    return client.post(reverse("accounts:sign_in"), {"username": name, "password": password})


def test_the_right_password_opens_the_home_page(client: Client, clerk: User) -> None:
    response = client.post(
        reverse("accounts:sign_in"), {"username": "carl", "password": PASSWORD}, follow=True
    )
    assert response.redirect_chain[-1][0] == reverse("dashboard:home")
    assert "Records clerk, Alder Clinic" in response.content.decode()
    assert AuditEntry.objects.filter(action="sign_in", actor=clerk).count() == 1


def test_a_wrong_password_is_refused_in_plain_words(client: Client, clerk: User) -> None:
    response = client.post(reverse("accounts:sign_in"), {"username": "carl", "password": "wrong"})
    assert "do not go together" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_six_wrong_passwords_lock_the_name(
    client: Client, clerk: User, settings: pytest.FixtureRequest
) -> None:
    settings.AXES_ENABLED = True  # type: ignore[attr-defined]
    for _ in range(6):
        response = client.post(reverse("accounts:sign_in"), {"username": "carl", "password": "wrong"})
    assert response.status_code == 429
    assert "15 minutes" in response.content.decode()
    right = client.post(reverse("accounts:sign_in"), {"username": "carl", "password": PASSWORD})
    assert right.status_code == 429


def test_the_page_of_one_who_is_signed_in_already_leads_home(
    client_for: Callable[[User], Client], clerk: User
) -> None:
    assert client_for(clerk).get(reverse("accounts:sign_in")).headers["Location"] == reverse("dashboard:home")


def test_signing_out_ends_the_session(client_for: Callable[[User], Client], clerk: User) -> None:
    client = client_for(clerk)
    assert client.post(reverse("accounts:sign_out")).status_code == 302
    assert client.get(reverse("dashboard:home")).status_code == 302


def test_a_link_cannot_sign_anyone_out(client_for: Callable[[User], Client], clerk: User) -> None:
    assert client_for(clerk).get(reverse("accounts:sign_out")).status_code == 405


def test_an_idle_session_ends_and_the_sign_in_page_says_why(
    client_for: Callable[[User], Client], clerk: User, settings: pytest.FixtureRequest
) -> None:
    client = client_for(clerk)
    client.get(reverse("dashboard:home"))
    session = client.session
    session["seen_at"] = time.time() - settings.SESSION_IDLE_SECONDS - 1  # type: ignore[attr-defined]
    session.save()
    response = client.get(reverse("dashboard:home"), follow=True)
    assert "You were signed out" in response.content.decode()


def test_polling_does_not_keep_a_session_alive(client_for: Callable[[User], Client], clerk: User) -> None:
    client = client_for(clerk)
    client.get(reverse("dashboard:home"))
    session = client.session
    session["seen_at"] = seen = time.time() - 60
    session.save()
    client.get(reverse("records:scrub_progress"), headers={"HX-Trigger-Name": "poll"})
    assert client.session["seen_at"] == seen
    client.get(reverse("records:list"))
    assert client.session["seen_at"] > seen


def test_a_one_time_password_opens_only_the_page_that_changes_it(client: Client, clinic: Clinic) -> None:
    user, one_time = staff.add_member(clinic=clinic, username="nora", role=Role.CLERK, by=None)
    sign_in(client, "nora", one_time)
    assert client.get(reverse("records:list")).headers["Location"] == reverse("audit:change_password")
    page = client.get(reverse("audit:change_password"))
    assert "Choose your own password" in page.content.decode()
    assert "old_password" not in page.content.decode()
    changed = {"new_password1": "quiet river stone", "new_password2": "quiet river stone"}
    assert client.post(reverse("audit:change_password"), changed).status_code == 302
    assert client.get(reverse("records:list")).status_code == 200
    user.refresh_from_db()
    assert user.check_password("quiet river stone")
    assert AuditEntry.objects.filter(action="change_password", actor=user).exists()


def test_changing_a_password_of_ones_own_asks_for_the_old_one(
    client_for: Callable[[User], Client], clerk: User
) -> None:
    client = client_for(clerk)
    new = {"new_password1": "quiet river stone", "new_password2": "quiet river stone"}
    refused = client.post(reverse("audit:change_password"), {"old_password": "wrong", **new})
    assert refused.status_code == 400
    assert client.post(reverse("audit:change_password"), {"old_password": PASSWORD, **new}).status_code == 302


def test_a_weak_password_is_refused(client_for: Callable[[User], Client], clerk: User) -> None:
    weak = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    response = client_for(clerk).post(reverse("audit:change_password"), weak)
    assert response.status_code == 400
    assert "12 characters" in response.content.decode()
