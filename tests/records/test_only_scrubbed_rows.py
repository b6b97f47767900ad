"""What the database itself refuses, whoever asks it: raw SQL past every service. Runs on the database of DATABASE_URL."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from records import store
from records.models import Dataset, DatasetItem, PrivacyPolicy, Record, ScrubbedText
from records.services import datasets, review, scrubbing, uploads

pytestmark = pytest.mark.django_db

NOTE = "Patient John Smith (MRN 4417823) was seen on 05/03/2021 for a cough of {} days."
# Records that resemble one another are kept in one split, so each goes on in words of its own.
ENDINGS = [
    "Lungs are clear, throat is red, tonsils swollen, and swallowing hurts on both sides since yesterday evening.",
    "There is wheezing over all fields; the inhaler helps for some hours, sleep is broken by shortness of breath.",
    "Also reports itching eyes, a running nose and sneezing outdoors, worse while mowing the lawn or cutting hay.",
    "No weight loss. Stools are regular, appetite good; walks two miles daily without chest pain or swollen ankles.",
    "The knee gives way on stairs, squatting is painful, and the joint line is tender where the meniscus lies.",
]


def uploaded(
    clinic: Clinic, user: User, count: int = 1, patient: str = "P{}", first: int = 2
) -> list[Record]:
    lines = [
        json.dumps(
            {
                "text": f"{NOTE.format(n + first)} {ENDINGS[(n + first) % len(ENDINGS)]}",
                "summary": f"Mr. Smith: cough, {n + first} days.",
                "patient": patient.format(n),
            }
        )
        for n in range(count)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=user, name="notes.jsonl", data="\n".join(lines).encode()
    )
    return uploads.confirm_upload(upload=upload, user=user).records


def scrubbed(clinic: Clinic, user: User, count: int = 1, **more: Any) -> list[Record]:
    records = uploaded(clinic, user, count, **more)
    for record in records:
        scrubbing.scrub_record(record=record)
    return [Record.objects.get(pk=record.pk) for record in records]


def frozen(clinic: Clinic, user: User) -> Dataset:
    records = scrubbed(clinic, user, 4)
    review.approve_records(clinic=clinic, records=records, reviewer=user, reason="test")
    return datasets.freeze_dataset(clinic=clinic, name="first", user=user, attestation="test")


def insert_text(record: Record, **changes: Any) -> None:
    """A row of records_scrubbedtext by SQL, as somebody at a database shell would write it."""
    row = {
        "record_id": record.pk,
        "version": 9,
        "blob": b"\x01" * 120,
        "seal": "0" * 64,
        "scrubber": "rules-1",
        "operator": "placeholder",
        "created_at": timezone.now(),
        **changes,
    }
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO records_scrubbedtext ({names}) VALUES ({marks})", list(row.values()))


def insert_item(dataset: Dataset, text: ScrubbedText | None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO records_datasetitem (dataset_id, scrubbed_text_id, split) VALUES (%s, %s, 'train')",
            [dataset.pk, text.pk if text else None],
        )


def test_a_scrubbed_record_may_have_another_version(clinic: Clinic, officer: User) -> None:
    (record,) = scrubbed(clinic, officer)
    insert_text(record)
    assert record.scrubbed_texts.count() == 2


@pytest.mark.parametrize("status", ["received", "quarantined", "erased"])
def test_a_record_that_was_not_scrubbed_can_have_no_scrubbed_text(
    clinic: Clinic, officer: User, status: str
) -> None:
    (record,) = uploaded(clinic, officer)
    Record.objects.filter(pk=record.pk).update(status=status)
    with pytest.raises(DatabaseError, match="only a scrubbed record"):
        insert_text(record)


@pytest.mark.parametrize(
    "changes",
    [
        {"seal": ""},
        {"seal": "0" * 63},
        {"seal": "0" * 65},
        {"seal": "0" * 64 + "\n"},
        {"seal": "G" * 64},
        {"seal": None},
        {"scrubber": ""},
        {"operator": "none"},
        {"operator": ""},
    ],
)
def test_a_text_without_a_seal_a_scrubber_or_an_operator_is_refused(
    clinic: Clinic, officer: User, changes: dict[str, Any]
) -> None:
    (record,) = scrubbed(clinic, officer)
    with pytest.raises(DatabaseError):
        insert_text(record, **changes)
    assert record.scrubbed_texts.count() == 1


def test_a_dataset_takes_a_reviewed_text(clinic: Clinic, officer: User) -> None:
    dataset = frozen(clinic, officer)
    (record,) = scrubbed(clinic, officer, patient="Q{}", first=54)
    review.approve_records(clinic=clinic, records=[record], reviewer=officer, reason="test")
    insert_item(dataset, review.latest_text(record))
    assert dataset.items.count() == 5


def test_a_dataset_refuses_a_text_that_nobody_reviewed(clinic: Clinic, officer: User) -> None:
    dataset = frozen(clinic, officer)
    (record,) = scrubbed(clinic, officer, patient="Q{}", first=54)
    with pytest.raises(DatabaseError, match="reviewed texts of its own clinic"):
        insert_item(dataset, review.latest_text(record))


def test_a_dataset_refuses_a_text_of_another_clinic(
    clinic: Clinic, officer: User, other_clinic: Clinic, bob: User
) -> None:
    dataset = frozen(clinic, officer)
    (theirs,) = scrubbed(other_clinic, bob)
    review.approve_records(clinic=other_clinic, records=[theirs], reviewer=bob, reason="test")
    with pytest.raises(DatabaseError, match="reviewed texts of its own clinic"):
        insert_item(dataset, review.latest_text(theirs))


def test_a_dataset_refuses_a_row_that_refers_to_no_scrubbed_text(clinic: Clinic, officer: User) -> None:
    with pytest.raises(DatabaseError):
        insert_item(frozen(clinic, officer), None)


def test_a_reviewed_text_with_a_made_up_seal_never_becomes_a_training_row(
    clinic: Clinic, officer: User
) -> None:
    dataset = frozen(clinic, officer)
    (record,) = scrubbed(clinic, officer, patient="Q{}", first=54)
    review.approve_records(clinic=clinic, records=[record], reviewer=officer, reason="test")
    insert_text(record)
    insert_item(dataset, review.latest_text(record))
    with pytest.raises(store.SealBroken):
        list(datasets.rows_of(dataset))


@pytest.mark.parametrize("table", ["records_scrubbedtext", "records_dataset", "records_datasetitem"])
def test_what_is_frozen_is_still_frozen_after_the_tables_were_rebuilt(
    clinic: Clinic, officer: User, table: str
) -> None:
    frozen(clinic, officer)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET id = id")


# -- the clinic's operator -----------------------------------------------------------------------------------------


def texts_by(clinic: Clinic, user: User, operator: str, **more: Any) -> tuple[Record, store.Texts]:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator=operator)
    (record,) = scrubbed(clinic, user, **more)
    text = review.latest_text(record)
    assert text.operator == operator
    return record, store.open_scrubbed(text)


def test_a_clinic_that_chose_surrogates_gets_a_patient_s_words_replaced_alike_in_every_record(
    clinic: Clinic, officer: User
) -> None:
    first, second = (texts_by(clinic, officer, "surrogate", patient="same", first=days)[1] for days in (2, 7))
    assert "Smith" not in first.source + first.target
    assert "[" not in first.source
    assert first.source.replace("2 days", "") == second.source.replace("7 days", "")
    _, other = texts_by(clinic, officer, "surrogate", patient="another", first=20)
    assert other.source.split("was seen on")[0] != first.source.split("was seen on")[0]


def test_a_clinic_that_chose_asterisks_gets_them(clinic: Clinic, officer: User) -> None:
    _, texts = texts_by(clinic, officer, "mask")
    assert texts.source.startswith("Patient ***** (MRN *****) was seen on *****")


def test_a_review_after_the_clinic_changed_its_operator_makes_a_version_by_the_new_one(
    clinic: Clinic, officer: User
) -> None:
    record, _ = texts_by(clinic, officer, "placeholder")
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator="mask")
    review.review_record(record=record, reviewer=officer)
    assert review.latest_text(record).operator == "mask"
    assert record.scrubbed_texts.count() == 2
    review.review_record(record=record, reviewer=officer)
    assert record.scrubbed_texts.count() == 2


@pytest.mark.parametrize(
    ("operator", "says"),
    [("placeholder", "A placeholder such as"), ("surrogate", "are made up"), ("mask", "Asterisks stand")],
)
def test_the_record_s_page_says_what_stands_for_the_identifiers(
    clinic: Clinic, officer: User, client_for: Callable[[User], Client], operator: str, says: str
) -> None:
    record, _ = texts_by(clinic, officer, operator)
    address = reverse("records:record", args=[record.uuid])
    assert says in client_for(officer).get(address, {"text": "scrubbed"}).content.decode()


def test_every_operator_of_the_library_can_be_chosen_and_no_other() -> None:
    from privacy.operators import Operator

    assert set(PrivacyPolicy.Operator.values) == set(Operator)


def test_rows_for_training_carry_the_clinic_s_surrogates(clinic: Clinic, officer: User) -> None:
    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.filter(clinic=clinic).update(operator="surrogate")
    rows = list(datasets.rows_of(frozen(clinic, officer)))
    assert len(rows) == DatasetItem.objects.count() == 4
    assert not any("Smith" in row["source"] + row["target"] or "[" in row["source"] for row in rows)
