"""The home page, the menu and the pages of errors."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Clinic, User
from dashboard.overview import Overview, next_step
from dashboard.template_tags import counted, words
from dashboard.views import broken
from records.models import Record, Upload

SignedIn = Callable[[User], Client]
NOTHING = {
    "waiting_for_scrub": 0,
    "waiting_for_review": 0,
    "reviewed": 0,
    "quarantined": 0,
    "proposals": 0,
    "datasets": 0,
    "running": 0,
    "models_made": 0,
    "deployment": None,
}


def records(clinic: Clinic, uploader: User, status: str, count: int) -> None:
    upload = Upload.objects.create(clinic=clinic, uploader=uploader, suffix=".txt")
    Record.objects.bulk_create(
        Record(
            clinic=clinic,
            upload=upload,
            number=number,
            patient_key="p",
            fingerprint=f"{status}{number}",
            status=status,
        )
        for number in range(1, count + 1)
    )


def menu(client: Client) -> list[str]:
    return [item.label for item in client.get(reverse("dashboard:home")).context["navigation"]]


def test_the_menu_shows_only_what_a_role_may_do(
    client_for: SignedIn, clerk: User, officer: User, clinician: User, alice: User
) -> None:
    assert menu(client_for(clerk)) == ["Home", "Upload", "Records", "Corrections"]
    assert "Review" in menu(client_for(officer))
    assert "Summarize" not in menu(client_for(officer))
    assert "Review" not in menu(client_for(clinician))
    assert "Staff" in menu(client_for(alice))


def test_every_item_of_the_menu_opens(client_for: SignedIn, alice: User) -> None:
    client = client_for(alice)
    for item in client.get(reverse("dashboard:home")).context["navigation"]:
        response = client.get(item.url)
        assert response.status_code in {200, 302}, item.label
        if response.status_code == 200:
            assert [each.label for each in response.context["navigation"] if each.is_active] == [item.label]


def test_home_says_who_is_signed_in_and_that_nothing_leaves(client_for: SignedIn, officer: User) -> None:
    page = client_for(officer).get(reverse("dashboard:home")).content.decode()
    for words_shown in ("olga", "Privacy officer, Alder Clinic", "Everything stays on this machine"):
        assert words_shown in page


@pytest.mark.parametrize("setting", ["ENGINE_URL", "TEACHER_URL", "EXPLAINER_URL"])
def test_where_a_server_of_the_clinic_is_asked_no_page_says_that_nothing_leaves_the_machine(
    client_for: SignedIn, officer: User, settings: Any, setting: str
) -> None:
    setattr(settings, setting, "http://10.0.0.5:8000")
    page = client_for(officer).get(reverse("dashboard:home")).content.decode()
    assert "Everything stays in the clinic" in page
    assert "on this machine" not in page


def test_home_counts_the_own_clinics_records_only(
    client_for: SignedIn, officer: User, clinic: Clinic, bob: User, other_clinic: Clinic
) -> None:
    records(clinic, officer, Record.Status.SCRUBBED, 3)
    records(other_clinic, bob, Record.Status.SCRUBBED, 5)
    response = client_for(officer).get(reverse("dashboard:home"))
    assert response.context["numbers"].waiting_for_review == 3
    assert "Review 3 records" in response.content.decode()


@pytest.mark.parametrize(
    ("state", "person", "title"),
    [
        ({}, "alice", "Upload the first records"),
        ({"waiting_for_review": 1}, "alice", "Review 1 record"),
        ({"waiting_for_review": 2}, "clerk", "Upload records"),
        ({"reviewed": 9}, "officer", "Propose a dataset"),
        ({"reviewed": 9, "proposals": 1}, "officer", "Sign a proposed dataset"),
        ({"reviewed": 9, "datasets": 1}, "alice", "Train the clinic's model"),
        ({"reviewed": 9, "datasets": 1, "models_made": 1}, "alice", "Put a trained model to work"),
        ({}, "clinician", None),
    ],
)
def test_the_next_step_is_the_first_open_one_that_the_role_allows(
    request: pytest.FixtureRequest, state: dict[str, int], person: str, title: str | None
) -> None:
    step = next_step(Overview(**{**NOTHING, **state}), request.getfixturevalue(person))  # type: ignore[arg-type]
    assert (step.title if step else None) == title


def test_home_needs_a_signed_in_person_and_a_get(client: Client, client_for: SignedIn, clerk: User) -> None:
    assert client.get(reverse("dashboard:home")).status_code == 302
    assert client_for(clerk).post(reverse("dashboard:home")).status_code == 405


def test_an_unknown_address_gets_our_own_page(client_for: SignedIn, client: Client, clerk: User) -> None:
    for visitor in (client, client_for(clerk)):
        response = visitor.get("/nowhere/")
        assert response.status_code == 404
        assert "There is no such page or record" in response.content.decode()


def test_the_page_for_a_fault_needs_neither_session_nor_database(rf: RequestFactory) -> None:
    response = broken(rf.get("/"))
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()


def test_pages_forbid_scripts_and_styles_from_elsewhere(client_for: SignedIn, clerk: User) -> None:
    response = client_for(clerk).get(reverse("dashboard:home"))
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert " style=" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "said"),
    [("freeze_dataset", "Freeze dataset"), ("records:review", "Review"), ("apitoken", "API key"), ("", "")],
)
def test_names_are_said_as_words(name: str, said: str) -> None:
    assert words(name) == said


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [(1, "record", "1 record"), (1200, "record", "1,200 records"), (2, "entry,entries", "2 entries")],
)
def test_counts_are_said_with_their_noun(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
