"""Records that are almost the same: found when they are imported, and kept together when a dataset is split."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from django.db import connection
from django.db.models import Q

from accounts.models import Clinic
from config.keys import derive
from privacy.minhash import ALIKE, Signer, similarities
from records.models import Record, RecordBand

Node = TypeVar("Node", int, str)
# Bands are written and looked up by hand: with a Python object for each of a record's 21, finding near-duplicates
# would take as long as the import itself.
_BANDS = RecordBand._meta.db_table
_PARAMETERS = 500  # SQLite bounds their number in a query


class Unions(Generic[Node]):
    """Sets that are joined one pair at a time; each is known by its smallest member."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}

    def find(self, node: Node) -> Node:
        while (above := self._above.get(node, node)) != node:
            self._above[node] = self._above.get(above, above)
            node = above
        return node

    def join(self, first: Node, second: Node) -> None:
        low, high = sorted((self.find(first), self.find(second)))
        self._above[high] = self._above[low] = low

    def members(self) -> list[Node]:
        """All that were ever joined to another, or to themselves."""
        return list(self._above)


def signer_of(clinic: Clinic) -> Signer:
    """Signatures of two clinics cannot be compared, not even by whoever has both databases."""
    return Signer(derive(f"minhash:{clinic.uuid}"))


def note_near_duplicates(*, clinic: Clinic, fresh: Sequence[Record]) -> int:
    """Compare records that were just created, in their order, with all that came before.

    Writes bands, the most similar earlier record and the group. Returns how many resemble another record. Needs the
    clinic's lock, which the import holds: two imports at once would not see one another.
    """
    signer = signer_of(clinic)
    bands = {record.pk: signer.bands(_signature(record)) for record in fresh}
    met = _meetings({value for values in bands.values() for value in values})
    known = _fetch(clinic, {pk for pks in met.values() for pk in pks})
    groups: Unions[int] = Unions()
    alike = []
    for record in fresh:
        candidates = {pk for value in bands[record.pk] for pk in met[value]}
        if _compare(record, [known[pk] for pk in sorted(candidates & known.keys())], groups):
            alike.append(record)
        known[record.pk] = record
        for value in bands[record.pk]:
            met[value].append(record.pk)
    _insert_bands((pk, value) for pk, values in bands.items() for value in values)
    _save(clinic, alike, groups)
    return len(alike)


def groups(records: Iterable[Record]) -> dict[int, str]:
    """For each record's id, a key that records share which no two parts of a dataset may share.

    That is those of one patient, and those that are almost the same, directly or through others. Models that learn
    from one and are measured on the other look better than they are.
    """
    keys = {record.pk: record.patient_key for record in records}
    patients: Unions[str] = Unions()
    first: dict[int | None, str] = {}
    # Asked anew: a later import may have joined groups since these records were fetched.
    for part in _parts(keys):
        grouped = Record.objects.filter(pk__in=part).exclude(near_duplicate_group=None)
        for pk, group in grouped.values_list("pk", "near_duplicate_group"):
            patients.join(first.setdefault(group, keys[pk]), keys[pk])
    return {pk: patients.find(key) for pk, key in keys.items()}


def forget(record: Record) -> None:
    """Take out what could tell that a record resembles another. The group of those that are left stays."""
    record.bands.all().delete()
    record.near_duplicates.update(near_duplicate_of=None, similarity=None)
    Record.objects.filter(pk=record.pk).update(
        signature=None, near_duplicate_of=None, similarity=None, near_duplicate_group=None
    )


def _insert_bands(rows: Iterator[tuple[int, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {_BANDS} (record_id, value) VALUES (%s, %s)", list(rows))  # noqa: S608


def _compare(record: Record, candidates: Sequence[Record], groups: Unions[int]) -> bool:
    shares = similarities(_signature(record), [_signature(each) for each in candidates])
    alike = [(share, each) for share, each in zip(shares, candidates, strict=True) if share >= ALIKE]
    for _, each in alike:
        groups.join(_group(record), _group(each))
    if alike:
        share, nearest = max(alike, key=lambda pair: (pair[0], -pair[1].number))
        record.near_duplicate_of, record.similarity = nearest, share
    return bool(alike)


def _save(clinic: Clinic, alike: Sequence[Record], groups: Unions[int]) -> None:
    Record.objects.bulk_update(alike, ["near_duplicate_of", "similarity"], batch_size=100)
    here = Record.objects.filter(clinic=clinic).exclude(status=Record.Status.ERASED)
    for group in groups.members():
        here.filter(Q(near_duplicate_group=group) | Q(number=group)).update(
            near_duplicate_group=groups.find(group)
        )


def _group(record: Record) -> int:
    """A record that resembles none is the first of its own group."""
    return record.number if record.near_duplicate_group is None else record.near_duplicate_group


def _signature(record: Record) -> bytes:
    assert record.signature is not None, "only signed records have bands"
    return bytes(record.signature)


def _meetings(values: Iterable[int]) -> defaultdict[int, list[int]]:
    """Which records were here before in each band, as ids."""
    met: defaultdict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        for part in _parts(values):
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(f"SELECT value, record_id FROM {_BANDS} WHERE value IN ({marks})", part)  # noqa: S608
            for value, record in cursor.fetchall():
                met[value].append(record)
    return met


def _fetch(clinic: Clinic, keys: Iterable[int]) -> dict[int, Record]:
    wanted = Record.objects.filter(clinic=clinic).only(
        "number", "signature", "near_duplicate_group", "clinic"
    )
    return {record.pk: record for part in _parts(keys) for record in wanted.filter(pk__in=part)}


def _parts(values: Iterable[int]) -> Iterator[list[int]]:
    listed = list(values)
    for start in range(0, len(listed), _PARAMETERS):
        yield listed[start : start + _PARAMETERS]
