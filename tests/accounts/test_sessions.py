"""Automatic logoff, one-time passwords, and users who are no longer staff."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django.urls import reverse
from tests_support import later

from accounts.models import Clinic, Role, User
from audit import staff
from config import vault

pytestmark = pytest.mark.django_db
HOME = "/"


def test_an_idle_session_ends(client_for: Callable[[User], Client], alice: User, monkeypatch: Any) -> None:
    client = client_for(alice)
    assert client.get(HOME).status_code == 200
    later(monkeypatch, minutes=16)
    response = client.get(HOME)
    assert response.status_code == 302
    assert "timeout=1" in response["Location"]


def test_a_page_that_polls_does_not_keep_the_session_alive(
    client_for: Callable[[User], Client], alice: User, monkeypatch: Any
) -> None:
    client = client_for(alice)
    client.get(HOME)
    for minutes in (8, 14):
        later(monkeypatch, minutes=minutes)
        assert client.get(HOME, headers={"HX-Trigger-Name": "poll"}).status_code == 200
    later(monkeypatch, minutes=16)
    assert client.get(HOME, headers={"HX-Trigger-Name": "poll"}).status_code == 302


def test_a_busy_session_ends_after_twelve_hours_all_the_same(
    client_for: Callable[[User], Client], alice: User, monkeypatch: Any
) -> None:
    client = client_for(alice)
    client.get(HOME)
    for minutes in range(10, 12 * 60, 10):
        later(monkeypatch, minutes=minutes)
        assert client.get(HOME).status_code == 200
    later(monkeypatch, minutes=12 * 60 + 5)
    assert client.get(HOME).status_code == 302


def test_a_deactivated_member_s_next_request_is_refused(
    client_for: Callable[[User], Client], alice: User, clerk: User
) -> None:
    client = client_for(clerk)
    assert client.get(reverse("records:list")).status_code == 200
    staff.deactivate_member(user=clerk, by=alice)
    assert client.get(reverse("records:list")).status_code == 302


def test_a_one_time_password_opens_the_page_that_changes_it_and_no_other(clinic: Clinic, alice: User) -> None:
    user, password = staff.add_member(clinic=clinic, username="eve", role=Role.CLERK, by=alice)
    client = Client()
    assert client.login(username="eve", password=password)
    assert client.get(reverse("records:list"))["Location"] == reverse("audit:change_password")
    staff.change_password(user=user, password="a new and long password")
    assert authenticate(username="eve", password=password) is None


def test_a_clinic_s_key_is_not_in_the_database_unwrapped(clinic: Clinic) -> None:
    blob = vault.encrypt(clinic.wrapped_key, "a:1", b"words")
    assert vault.decrypt(clinic.wrapped_key, "a:1", blob) == b"words"
    assert b"words" not in blob
    with pytest.raises(vault.VaultError):
        vault.decrypt(clinic.wrapped_key, "a:2", blob)
    with pytest.raises(vault.VaultError):
        vault.decrypt(staff.create_clinic(name="Cedar").wrapped_key, "a:1", blob)
    with pytest.raises(vault.VaultError):
        vault.decrypt(clinic.wrapped_key, "a:1", blob[:-1])
