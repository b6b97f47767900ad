"""Fails closed and loses nothing: what cannot be scrubbed is set aside with the reason, and can be scrubbed again."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from privacy import engine
from privacy.engine import Scrubber, ScrubError
from privacy.presidio import EntityRecognizer
from records.models import Record, ScrubbedText
from records.services import scrubbing, uploads

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], Client]


class Raising(EntityRecognizer):
    """A recognizer with a fault that quotes the text it was given."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["NAME"], name="raising")

    def load(self) -> None:
        pass

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
        raise RuntimeError(text)


def received(clinic: Clinic, user: User, text: str = "Patient John Smith coughs.") -> Record:
    upload, _ = uploads.receive_upload(clinic=clinic, user=user, name="a.txt", data=text.encode())
    (record,) = uploads.confirm_upload(upload=upload, user=user).records
    return record


def scrub(record: Record) -> Record:
    scrubbing.scrub_upload(upload=record.upload)
    return Record.objects.get(pk=record.pk)


def a_raising_recognizer() -> Scrubber:
    return Scrubber([Raising()])


def a_model_that_does_not_load() -> Scrubber:
    raise ScrubError("the tagger's weights are missing")


def a_fault_nobody_foresaw() -> Scrubber:
    raise KeyError("John Smith")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (a_raising_recognizer, "ScrubError: recognizer raising failed: RuntimeError"),
        (a_model_that_does_not_load, "ScrubError: the tagger's weights are missing"),
        (a_fault_nobody_foresaw, "ScrubError: the scrubber failed: KeyError"),
    ],
)
def test_whatever_fails_sets_the_record_aside_with_the_reason_and_lets_no_text_through(
    clinic: Clinic, clerk: User, monkeypatch: pytest.MonkeyPatch, broken: Callable[[], Scrubber], reason: str
) -> None:
    record = received(clinic, clerk)
    monkeypatch.setattr(scrubbing, "get_scrubber", broken)
    record = scrub(record)
    assert (record.status, record.quarantine_reason) == (Record.Status.QUARANTINED, reason)
    assert not ScrubbedText.objects.exists()
    assert not record.redactions.exists()
    entry = AuditEntry.objects.get(action="quarantine_record")
    assert "Smith" not in str(entry.facts)


def test_a_text_above_the_limit_is_set_aside(
    clinic: Clinic, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = received(clinic, clerk)
    monkeypatch.setattr(engine, "MAX_CHARACTERS", 10)
    assert scrub(record).quarantine_reason == "ScrubError: text above 10 characters"


def test_a_fault_in_a_section_drops_the_section_and_not_the_upload(
    clinic: Clinic, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "get_scrubber", a_fault_nobody_foresaw)
    assert scrubbing.harmless("PLAN") == ""


def set_aside(
    clinic: Clinic, user: User, monkeypatch: pytest.MonkeyPatch, text: str = "John Smith coughs."
) -> Record:
    record = received(clinic, user, text)
    with monkeypatch.context() as broken:
        broken.setattr(scrubbing, "get_scrubber", a_model_that_does_not_load)
        return scrub(record)


def test_once_the_fault_is_put_right_a_record_is_scrubbed_again(
    clinic: Clinic,
    officer: User,
    client_for: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
    sent: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    record = set_aside(clinic, officer, monkeypatch)
    client = client_for(officer)
    page = client.get(reverse("records:record", args=[record.uuid])).content.decode()
    assert "the tagger&#x27;s weights are missing" in page
    address = reverse("records:record_scrub_again", args=[record.uuid])
    assert f'action="{address}"' in page
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(address, follow=True)
    assert "will be scrubbed again" in response.content.decode()
    assert sent == [("scrub_upload", str(record.upload.uuid))]
    assert Record.objects.get(pk=record.pk).quarantine_reason == ""
    assert (
        AuditEntry.objects.filter(action="scrub_again", actor=officer, subject_id=str(record.uuid)).count()
        == 1
    )
    assert scrub(record).status == Record.Status.SCRUBBED
    assert ScrubbedText.objects.filter(record=record).count() == 1


def test_all_of_a_clinic_s_are_scrubbed_again_at_once_and_nobody_else_s(
    clinic: Clinic,
    officer: User,
    other_clinic: Clinic,
    bob: User,
    client_for: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [
        set_aside(clinic, officer, monkeypatch, text) for text in ("John Smith coughs.", "Anna Roe sneezes.")
    ]
    theirs = set_aside(other_clinic, bob, monkeypatch)
    client = client_for(officer)
    listed = client.get(reverse("records:list"), {"status": "quarantined"}).content.decode()
    address = reverse("records:scrub_all_again")
    assert f'action="{address}"' in listed
    assert "2 records will be scrubbed again" in client.post(address, follow=True).content.decode()
    assert {scrub(record).status for record in ours} == {Record.Status.SCRUBBED}
    assert scrub(theirs).status == Record.Status.QUARANTINED
    assert AuditEntry.objects.get(action="scrub_again").facts == {"records": 2}


def test_a_record_that_is_not_set_aside_is_left_as_it_is(
    clinic: Clinic, officer: User, client_for: SignedIn
) -> None:
    record = scrub(received(clinic, officer))
    response = client_for(officer).post(
        reverse("records:record_scrub_again", args=[record.uuid]), follow=True
    )
    assert "not set aside any more" in response.content.decode()
    assert Record.objects.get(pk=record.pk).status == Record.Status.SCRUBBED
    assert (
        "No record is set aside"
        in client_for(officer).post(reverse("records:scrub_all_again"), follow=True).content.decode()
    )
    assert not AuditEntry.objects.filter(action="scrub_again").exists()


def test_a_record_whose_fault_is_still_there_comes_back_by_itself(
    clinic: Clinic, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = set_aside(clinic, officer, monkeypatch)
    assert scrubbing.scrub_again(clinic=clinic, user=officer, record=record) == 1
    monkeypatch.setattr(scrubbing, "get_scrubber", a_model_that_does_not_load)
    assert scrub(record).status == Record.Status.QUARANTINED


@pytest.mark.parametrize("name", ["records:record_scrub_again", "records:scrub_all_again"])
def test_scrubbing_again_is_a_reviewer_s_post(
    clinic: Clinic,
    officer: User,
    clerk: User,
    client: Client,
    client_for: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    record = set_aside(clinic, officer, monkeypatch)
    address = reverse(name, args=[record.uuid] if "record_" in name else [])
    assert client.post(address).status_code == 302
    assert client_for(officer).get(address).status_code == 405
    assert client_for(clerk).post(address).status_code == 403
    assert Record.objects.get(pk=record.pk).status == Record.Status.QUARANTINED
    page = client_for(clerk).get(reverse("records:record", args=[record.uuid])).content.decode()
    assert "Scrub it again" not in page


def test_another_clinic_s_record_cannot_be_scrubbed_again(
    clinic: Clinic, officer: User, bob: User, client_for: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = set_aside(clinic, officer, monkeypatch)
    assert client_for(bob).post(reverse("records:record_scrub_again", args=[record.uuid])).status_code == 404
    assert Record.objects.get(pk=record.pk).status == Record.Status.QUARANTINED
    assert AuditEntry.objects.filter(outcome="DENY", actor=bob).count() == 1


def test_doctor_says_whether_the_scrubber_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    def page() -> str:
        out = StringIO()
        call_command("doctor", stdout=out)
        return next(line for line in out.getvalue().splitlines() if line.startswith("scrubber"))

    assert page().endswith("loads")
    monkeypatch.setattr("config.management.commands.doctor.get_scrubber", a_model_that_does_not_load)
    assert "does not load (the tagger's weights are missing)" in page()
