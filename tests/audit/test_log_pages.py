"""The page of the audit log."""

from collections.abc import Callable

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry, ChainHead

SignedIn = Callable[[User], Client]


def write(clinic: Clinic, user: User, action: str, times: int = 1) -> None:
    with transaction.atomic():
        for _ in range(times):
            log.record(clinic=clinic, actor=user, action=action, subject=user, records=3)


def test_the_log_shows_the_newest_entries_first_fifty_a_page(
    client_for: SignedIn, officer: User, clinic: Clinic
) -> None:
    write(clinic, officer, "view_record", times=60)
    client = client_for(officer)
    first = client.get(reverse("audit:log"))
    assert len(first.context["page"].object_list) == 50
    assert "Page 1 of 2" in first.content.decode()
    assert "View record" in client.get(reverse("audit:log"), {"page": "2"}).content.decode()


def test_the_log_is_filtered_by_what_was_done(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    write(clinic, officer, "freeze_dataset")
    write(clinic, officer, "view_record")
    page = client_for(officer).get(reverse("audit:log"), {"action": "freeze_dataset"}).context["page"]
    assert {entry.action for entry in page} == {"freeze_dataset"}


def test_a_nonsense_page_and_filter_are_met_calmly(client_for: SignedIn, officer: User) -> None:
    response = client_for(officer).get(reverse("audit:log"), {"page": "x", "action": "<script>"})
    assert response.status_code == 200
    assert "<script>" not in response.content.decode().partition("<main")[2].partition("</main>")[0]


def test_the_log_of_another_clinic_is_not_shown(
    client_for: SignedIn, officer: User, other_clinic: Clinic, bob: User
) -> None:
    write(other_clinic, bob, "view_record")
    assert "bob" not in client_for(officer).get(reverse("audit:log")).content.decode()


def test_a_whole_chain_is_said_to_be_whole(client_for: SignedIn, officer: User) -> None:
    response = client_for(officer).post(reverse("audit:check"), follow=True)
    assert "The chain is whole" in response.content.decode()


def test_a_broken_chain_is_named(client_for: SignedIn, officer: User, clinic: Clinic) -> None:
    head = ChainHead.objects.get(clinic=clinic)
    ChainHead.objects.filter(pk=head.pk).update(sequence=head.sequence + 5)
    response = client_for(officer).post(reverse("audit:check"), follow=True)
    assert "not as it was written" in response.content.decode()


def test_checking_needs_a_post(client_for: SignedIn, officer: User) -> None:
    assert client_for(officer).get(reverse("audit:check")).status_code == 405


@pytest.mark.parametrize(("name", "method"), [("audit:log", "get"), ("audit:check", "post")])
def test_a_clerk_may_not_read_the_log(
    client_for: SignedIn, client: Client, clerk: User, name: str, method: str
) -> None:
    assert getattr(client, method)(reverse(name)).status_code == 302
    assert getattr(client_for(clerk), method)(reverse(name)).status_code == 403
    assert AuditEntry.objects.filter(outcome="DENY", actor=clerk, action=name).count() == 1
