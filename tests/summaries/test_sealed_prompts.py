"""The model sees placeholders whatever the clinic's datasets hold, and no prompt goes without the scrub gate's seal."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from stub_engine import StubEngine
from traces import files_holding, rows_holding

from accounts.models import Clinic, User
from records import store
from records.models import PrivacyPolicy, Record
from records.services import review, scrubbing, uploads
from summaries import services
from summaries.models import Deployment, Summary

ClientFor = Callable[[User], Client]
TEXT = "Zebulon Quarrington, MRN 7741203, was seen on 05/03/2021 with chest pain."
PLANTED = ("Quarrington", "7741203", "05/03/2021")


def record_by(clinic: Clinic, user: User, operator: str) -> Record:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator=operator)
    line = json.dumps({"text": TEXT, "summary": "Mr. Quarrington: chest pain."})
    upload, _ = uploads.receive_upload(clinic=clinic, user=user, name="a.jsonl", data=line.encode())
    (record,) = uploads.confirm_upload(upload=upload, user=user).records
    scrubbing.scrub_record(record=record)
    assert review.latest_text(record).operator == operator
    return Record.objects.get(pk=record.pk)


def summarize(client: Client, record: Record) -> str:
    response = client.post(reverse("summaries:summarize"), {"record": record.uuid})
    assert response.status_code == 200, response.content.decode()
    return response.content.decode()


@pytest.mark.parametrize("operator", ["placeholder", "surrogate", "mask"])
def test_the_model_sees_placeholders_and_the_clinician_real_values_which_nobody_keeps(
    engine: StubEngine,
    clinic: Clinic,
    clinician: User,
    client_for: ClientFor,
    own_var: Path,
    caplog: pytest.LogCaptureFixture,
    operator: str,
) -> None:
    record = record_by(clinic, clinician, operator)
    caplog.set_level(logging.DEBUG)
    page = summarize(client_for(clinician), record)
    assert "Zebulon Quarrington</mark> has chest pain." in page
    (prompt,) = engine.received
    assert "[NAME_1], MRN [MRN_1], was seen on [DATE_1]" in prompt
    for word in PLANTED:
        assert word not in prompt
        assert word not in caplog.text
        assert rows_holding(word) == []
        assert files_holding(word, own_var) == []
    saved, _ = services.open_summary(summary=Summary.objects.get(), user=clinician)
    assert saved.startswith("[NAME_1], MRN [MRN_1]")


@pytest.mark.parametrize(
    ("operator", "told"), [("placeholder", "[NAME_1]"), ("surrogate", "[NAME_1]"), ("mask", "*****")]
)
def test_when_the_original_is_gone_made_up_words_are_not_shown_as_real_ones(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor, operator: str, told: str
) -> None:
    record = record_by(clinic, clinician, operator)
    made_up = store.open_scrubbed(review.latest_text(record)).source.split(",")[0]
    store.delete_original(clinic, record.uuid)
    page = summarize(client_for(clinician), record)
    assert told in engine.received[0]
    if operator == "surrogate":
        assert made_up not in engine.received[0]
        assert made_up not in page


@pytest.mark.parametrize("operator", ["placeholder", "surrogate", "mask"])
def test_a_redaction_taken_away_by_sql_is_noticed(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor, operator: str
) -> None:
    record = record_by(clinic, clinician, operator)
    record.redactions.filter(field="source", kind="MRN").delete()
    response = client_for(clinician).post(reverse("summaries:summarize"), {"record": record.uuid})
    assert response.status_code == 400
    assert "redactions changed" in response.content.decode()
    assert engine.received == []


# -- what the database refuses, by SQL -----------------------------------------------------------------------------


def insert(clinic: Clinic, user: User, **changes: Any) -> None:
    row = {
        "uuid": "0" * 32 if connection.vendor == "sqlite" else "00000000-0000-4000-8000-000000000000",
        "clinic_id": clinic.pk,
        "deployment_id": Deployment.objects.get(clinic=clinic).pk,
        "author_id": user.pk,
        "section": "",
        "style": "",
        "is_cut_off": False,
        "blob": b"x",
        "seconds": 1.0,
        "generated_tokens": 1,
        "created_at": timezone.now(),
        "source_seal": "a" * 64,
        **changes,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO summaries_summary ({names}) VALUES ({marks})", list(row.values()))


def test_a_sealed_summary_is_let_in(engine: StubEngine, clinic: Clinic, clinician: User) -> None:
    insert(clinic, clinician)
    assert Summary.objects.count() == 1


@pytest.mark.parametrize("seal", ["", "a" * 63, "a" * 64 + "\n", "A" * 64, "x" * 64])
def test_a_summary_of_a_text_without_a_seal_is_refused(
    engine: StubEngine, clinic: Clinic, clinician: User, seal: str
) -> None:
    with pytest.raises(DatabaseError):
        insert(clinic, clinician, source_seal=seal)
    assert not Summary.objects.exists()


def test_a_summary_of_another_clinic_s_text_is_refused(
    engine: StubEngine, clinic: Clinic, clinician: User, other_clinic: Clinic, bob: User
) -> None:
    theirs = review.latest_text(record_by(other_clinic, bob, "placeholder"))
    with pytest.raises(DatabaseError, match="of its own clinic"):
        insert(clinic, clinician, scrubbed_text_id=theirs.pk)


def test_a_summary_whose_prompt_was_exchanged_is_not_shown(
    engine: StubEngine, clinic: Clinic, clinician: User, client_for: ClientFor
) -> None:
    summarize(client_for(clinician), record_by(clinic, clinician, "placeholder"))
    Summary.objects.update(source_seal="b" * 64)
    with pytest.raises(store.SealBroken):
        services.open_summary(summary=Summary.objects.get(), user=clinician)


@pytest.mark.parametrize(
    ("scrubbed", "same"),
    [
        ("[NAME_1] met [NAME_2] here.", True),
        ("A met B here.", True),
        ("Anna met Paul here.", True),
        ("Anna met Paul here", False),
        ("Anna saw Paul here.", False),
        ("and Anna met Paul here. More", False),
        ("here.", False),
        ("", False),
    ],
)
def test_only_what_stands_in_the_place_of_identifiers_may_differ(scrubbed: str, same: bool) -> None:
    from privacy.kinds import Kind, Span

    spans = [Span(0, 4, Kind.NAME), Span(9, 13, Kind.NAME)]
    assert scrubbing.says_the_same("Anna met Paul here.", spans, scrubbed) == same
    assert scrubbing.says_the_same("No name.", [], "No name.")
    assert not scrubbing.says_the_same("No name.", [], "No name. More")
