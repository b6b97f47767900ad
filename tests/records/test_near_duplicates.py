"""Texts that are almost the same are found at upload, and never stand in two parts of a dataset."""

import random
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from records.models import Record, RecordBand
from records.readers import Row
from records.services import datasets, near_duplicates, review, scrubbing, uploads

pytestmark = pytest.mark.django_db

WORDS = [
    "cough",
    "fever",
    "chest",
    "pain",
    "knee",
    "ankle",
    "lungs",
    "clear",
    "rest",
    "fluids",
    "better",
    "worse",
    "daily",
    "weekly",
    "sleep",
    "walk",
]


def note(seed: int, changed: int = 0) -> str:
    """200 words; ``changed`` of them differ from those of the same seed with no change."""
    words = [f"{word}{number}" for number, word in enumerate(random.Random(seed).choices(WORDS, k=200))]
    for place in range(changed):
        words[3 + 6 * place] = f"other{place}"
    return " ".join(words)


def imported(clinic: Clinic, user: User, *texts: str, patient: str = "P{}") -> list[Record]:
    rows = [
        Row(number, text, f"Summary {number} of {text[:9]}.", patient=patient.format(f"{number}{text[-4:]}"))
        for number, text in enumerate(texts)
    ]
    records = uploads.import_rows(clinic=clinic, user=user, rows=rows).records
    return [Record.objects.get(pk=record.pk) for record in records]


def approved(clinic: Clinic, user: User, *texts: str) -> list[Record]:
    records = imported(clinic, user, *texts)
    for record in records:
        scrubbing.scrub_record(record=record)
    review.approve_records(clinic=clinic, records=records, reviewer=user, reason="test")
    return [Record.objects.get(pk=record.pk) for record in records]


def test_a_changed_word_is_found_and_another_text_is_not(clinic: Clinic, clerk: User) -> None:
    first, other = imported(clinic, clerk, note(1), note(2))
    (again,) = imported(clinic, clerk, note(1, changed=1))
    assert (again.near_duplicate_of, other.near_duplicate_of) == (first, None)
    assert again.similarity == pytest.approx(0.97, abs=0.08)


def test_two_of_one_file_are_found_too(clinic: Clinic, clerk: User) -> None:
    first, second = imported(clinic, clerk, note(1), note(1, changed=1))
    assert (first.near_duplicate_of, second.near_duplicate_of) == (None, first)


def test_case_and_white_space_do_not_hide_one(clinic: Clinic, clerk: User) -> None:
    first, second = imported(clinic, clerk, note(1), note(1, changed=1).upper().replace(" ", "\n  "))
    assert second.near_duplicate_of == first


def test_the_same_text_under_another_section_is_one(clinic: Clinic, clerk: User) -> None:
    rows = [Row(1, note(1), "A.", section="PLAN"), Row(2, note(1), "A.", section="COURSE")]
    first, second = uploads.import_rows(clinic=clinic, user=clerk, rows=rows).records
    assert (second.near_duplicate_of, second.similarity) == (first, 1.0)


def test_another_clinic_s_records_are_never_compared(
    clinic: Clinic, clerk: User, other_clinic: Clinic, bob: User
) -> None:
    (ours,), (theirs,) = imported(clinic, clerk, note(1)), imported(other_clinic, bob, note(1))
    assert theirs.near_duplicate_of is None
    assert bytes(ours.signature or b"") != bytes(theirs.signature or b"")
    assert not {*ours.bands.values_list("value", flat=True)} & {*theirs.bands.values_list("value", flat=True)}


def test_a_chain_is_one_group_though_its_ends_differ(clinic: Clinic, clerk: User) -> None:
    ends = imported(clinic, clerk, note(1), note(1, changed=21))
    assert ends[1].near_duplicate_of is None
    imported(clinic, clerk, *(note(1, changed) for changed in range(3, 21, 3)))
    assert {record.near_duplicate_group for record in Record.objects.all()} == {ends[0].number}


def test_a_group_holds_patients_and_near_duplicates_together(clinic: Clinic, clerk: User) -> None:
    one = imported(clinic, clerk, note(1), note(2), patient="same")
    two = imported(clinic, clerk, note(2, changed=1), note(3))
    found = near_duplicates.groups([*one, *two])
    assert len({found[one[0].pk], found[one[1].pk], found[two[0].pk]}) == 1
    assert found[two[1].pk] != found[one[0].pk]


@pytest.mark.parametrize("seed", range(5))
def test_a_dataset_never_splits_near_duplicates(clinic: Clinic, officer: User, seed: int) -> None:
    approved(clinic, officer, *(note(text, changed) for text in range(8) for changed in range(3)))
    dataset = datasets.freeze_dataset(
        clinic=clinic, name="first", user=officer, attestation="a test", seed=seed
    )
    splits: dict[int | None, set[str]] = {}
    for item in dataset.items.select_related("scrubbed_text__record"):
        splits.setdefault(item.scrubbed_text.record.near_duplicate_group, set()).add(item.split)
    assert len(splits) == 8
    assert all(len(found) == 1 for found in splits.values())


def test_records_that_are_all_alike_cannot_be_held_out_from_one_another(
    clinic: Clinic, officer: User
) -> None:
    approved(clinic, officer, *(note(1, changed) for changed in range(5)))
    with pytest.raises(datasets.NotEnoughRecords):
        datasets.freeze_dataset(clinic=clinic, name="first", user=officer, attestation="a test")


def test_a_near_duplicate_of_a_held_out_record_is_left_out_of_training(clinic: Clinic, officer: User) -> None:
    train = approved(clinic, officer, note(1), note(2), note(3))
    valid = approved(clinic, officer, note(2, changed=1))
    dataset, left_out = datasets.freeze_as_given(
        clinic=clinic, name="given", user=officer, attestation="a test", train=train, valid=valid
    )
    assert left_out == [train[1]]
    assert (dataset.train_count, dataset.valid_count) == (2, 1)


def test_pages_say_which_record_is_almost_the_same(
    clinic: Clinic, clerk: User, client_for: Callable[[User], Client]
) -> None:
    first, second = approved(clinic, clerk, note(1), note(1, changed=1))
    client = client_for(clerk)
    assert f"almost the same as {first.label}" in client.get(reverse("records:list")).content.decode()
    page = client.get(reverse("records:record", args=[second.uuid])).content.decode()
    assert reverse("records:record", args=[first.uuid]) in page
    assert AuditEntry.objects.get(clinic=clinic, action="import_records").facts["near_duplicates"] == 1


def test_the_message_after_an_import_counts_them(
    clinic: Clinic, clerk: User, client_for: Callable[[User], Client]
) -> None:
    imported(clinic, clerk, note(1))
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=clerk, name="a.txt", data=note(1, changed=1).encode()
    )
    answer = client_for(clerk).post(reverse("records:upload_confirm", args=[upload.uuid]), follow=True)
    assert "1 say almost the same as another record" in answer.content.decode()


def test_every_record_of_an_import_has_its_bands(clinic: Clinic, clerk: User) -> None:
    imported(clinic, clerk, note(1), "Hi", "…")
    assert RecordBand.objects.count() == 3 * 21
