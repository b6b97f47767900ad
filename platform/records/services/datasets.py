"""Datasets: reviewed records frozen for training, no patient and no near-duplicates in two splits."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.db import models, transaction

from accounts.models import Clinic, User
from audit import log
from records import store
from records.models import Dataset, DatasetItem, Record, ScrubbedText, Split
from records.services.near_duplicates import groups
from records.services.review import NotReviewable, newest_texts

# Shares of the patients whose records are held out from training.
VALID_SHARE, TEST_SHARE = 0.1, 0.1
MIN_PATIENTS = 3


class NotEnoughRecords(Exception):
    """Too few reviewed records with a summary. The message says how many there are."""


class DatasetRevoked(Exception):
    """A record of the dataset was erased. Whoever wants to train freezes a new dataset, without it."""


class NameTaken(Exception):
    """A dataset of this name exists. Datasets never change, so a new one needs a new name."""


Assigned = list[tuple[ScrubbedText, str]]


def ready_records(clinic: Clinic) -> models.QuerySet[Record]:
    """Records that can be trained on: reviewed, and with a reference summary."""
    return Record.objects.filter(clinic=clinic, status=Record.Status.APPROVED, has_summary=True)


def unlabelled_records(clinic: Clinic) -> models.QuerySet[Record]:
    """Reviewed records without a summary: a teacher may write one, and a model then learn from it."""
    return Record.objects.filter(clinic=clinic, status=Record.Status.APPROVED, has_summary=False)


def unlabelled_count(dataset: Dataset) -> int:
    """How many of the dataset's records have no summary; all of them are there to train on."""
    return dataset.items.filter(scrubbed_text__record__has_summary=False).count()


def freeze_dataset(
    *,
    clinic: Clinic,
    name: str,
    user: User,
    attestation: str,
    seed: int = 7,
    records: Iterable[Record] | None = None,
) -> Dataset:
    """Freeze reviewed records (all, unless ``records`` are given), split by patient and by ``seed``.

    ``attestation`` is why two people need not sign, on the word of whoever holds the machine's shell. Pages go
    through ``proposals`` instead.
    """
    chosen = ready_records(clinic) if records is None else records
    assigned = assign_splits(chosen, seed)
    return freeze(clinic=clinic, name=name, user=user, seed=seed, assigned=assigned, attestation=attestation)


def freeze_as_given(
    *,
    clinic: Clinic,
    name: str,
    user: User,
    attestation: str,
    train: Sequence[Record],
    valid: Sequence[Record],
) -> tuple[Dataset, list[Record]]:
    """Freeze a split that came in two files; returns the dataset and the training records that were left out.

    A patient (or text, or almost the same text) that stands in both files stays in validation only: scores would
    flatter otherwise.
    """
    together = groups([*train, *valid])
    held_out = {together[record.pk] for record in valid}
    kept, left_out = (
        [record for record in train if (together[record.pk] in held_out) == shared]
        for shared in (False, True)
    )
    pairs = [(record, Split.TRAIN.value) for record in kept] + [
        (record, Split.VALID.value) for record in valid
    ]
    dataset = freeze(
        clinic=clinic, name=name, user=user, seed=0, assigned=_newest(pairs), attestation=attestation
    )
    return dataset, left_out


def assign_splits(records: Iterable[Record], seed: int) -> Assigned:
    """The newest text of each record, and its part. Raises ``NotEnoughRecords``.

    What has no summary can only be trained on, once a teacher has written one: a record of which the patient is held
    out is left out.
    """
    chosen = list(records)
    together = groups(chosen)
    splits = _split_patients({together[record.pk] for record in chosen if record.has_summary}, seed)
    placed = [(record, splits.get(together[record.pk], Split.TRAIN.value)) for record in chosen]
    return _newest(
        [(record, split) for record, split in placed if record.has_summary or split == Split.TRAIN]
    )


@transaction.atomic
def freeze(
    *, clinic: Clinic, name: str, user: User, seed: int, assigned: Assigned, attestation: str = ""
) -> Dataset:
    """The row and its items. The database refuses one that has neither two signatures nor an attestation."""
    if Dataset.objects.filter(clinic=clinic, name=name).exists():
        raise NameTaken(name)
    counts = Counter(split for _, split in assigned)
    if not counts[Split.TRAIN] or not (counts[Split.VALID] + counts[Split.TEST]):
        raise NotEnoughRecords(
            "A dataset needs records to train on and others to hold out. Review more records."
        )
    dataset = Dataset.objects.create(
        clinic=clinic,
        name=name,
        content_hash=content_hash(assigned),
        seed=seed,
        train_count=counts[Split.TRAIN],
        valid_count=counts[Split.VALID],
        test_count=counts[Split.TEST],
        attestation=attestation,
        frozen_by=user,
    )
    DatasetItem.objects.bulk_create(
        [DatasetItem(dataset=dataset, scrubbed_text=text, split=split) for text, split in assigned],
        batch_size=500,
    )
    log.record(
        clinic=clinic,
        actor=user,
        action="freeze_dataset",
        subject=dataset,
        records=len(assigned),
        content_hash=dataset.content_hash,
        attestation=attestation,
    )
    return dataset


def rows_of(dataset: Dataset) -> Iterator[dict[str, str]]:
    """The dataset as training rows. ``patient`` is the same for one patient's rows, in this dataset alone.

    Raises ``DatasetRevoked``, and ``SealBroken`` for a text that the scrub gate did not write.
    """
    if dataset.revocations.exists():
        raise DatasetRevoked(dataset.uuid)
    items = dataset.items.select_related("scrubbed_text__record__clinic").order_by("pk")
    for item in items.iterator(chunk_size=500):
        texts = store.open_scrubbed(item.scrubbed_text)
        yield {
            "id": item.scrubbed_text.record.label,
            "split": item.split,
            "source": texts.source,
            "target": texts.target,
            "section": item.scrubbed_text.record.section,
            "patient": _patient_of(dataset, item.scrubbed_text.record),
        }


def _patient_of(dataset: Dataset, record: Record) -> str:
    """Another one in each dataset: a run's folder shall not tell who is who in the database, nor in another run."""
    return store.keyed_hash("row-patient", dataset.clinic, str(dataset.uuid), record.patient_key)[:32]


def content_hash(assigned: Assigned) -> str:
    """Seals and splits in a fixed order: the same content has the same hash, whatever its name."""
    content = sorted((text.seal, split) for text, split in assigned)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _split_patients(patients: set[str], seed: int) -> dict[str, str]:
    """Patients in an order that only ``seed`` decides; the first ones are held out."""
    order = sorted(patients, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).hexdigest())
    if len(order) < MIN_PATIENTS:
        raise NotEnoughRecords(
            f"{len(order)} patients have reviewed records with a summary; {MIN_PATIENTS} are needed."
        )
    tests = max(1, round(TEST_SHARE * len(order)))
    valids = max(1, round(VALID_SHARE * len(order)))
    splits = [Split.TEST] * tests + [Split.VALID] * valids
    return {
        patient: (splits[place] if place < len(splits) else Split.TRAIN).value
        for place, patient in enumerate(order)
    }


def _newest(pairs: Sequence[tuple[Record, str]]) -> Assigned:
    """Each record's newest scrubbed text in its place; raises ``NotReviewable`` for one that has none."""
    keys = [record.pk for record, _ in pairs]
    texts: dict[int, ScrubbedText] = {}
    for start in range(0, len(keys), 500):  # SQLite bounds the number of parameters
        found = newest_texts().filter(record__in=keys[start : start + 500]).defer("blob")
        texts |= {text.record_id: text for text in found}
    if len(texts) < len(set(keys)):
        raise NotReviewable("A record has not been scrubbed.")
    return [(texts[record.pk], split) for record, split in pairs]
