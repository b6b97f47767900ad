"""What became of records: every dataset, training run, model, deployment and summary that they touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from records.models import Dataset, DatasetItem, Record, Revocation, Split
from summaries.engine import served_name
from summaries.models import Deployment, Shadow, Summary
from training.models import ModelArtifact, TrainingRun


@dataclass(frozen=True)
class Place:
    """A record's place in a dataset, also in one that it was erased from."""

    dataset: Dataset
    record: Record
    split: str
    is_erased: bool

    @property
    def use(self) -> str:
        return "Learned from" if self.split == Split.TRAIN else "Measured with"


@dataclass(frozen=True)
class Lineage:
    """In the order in which one came from the other."""

    places: list[Place]
    runs: list[TrainingRun]
    artifacts: list[ModelArtifact]
    deployments: list[Deployment]
    summaries: list[Summary]

    @property
    def datasets(self) -> list[Dataset]:
        """Each once, in the order of ``places``."""
        return list({place.dataset.pk: place.dataset for place in self.places}.values())

    @property
    def learned(self) -> set[int]:
        """The ids of datasets with one of the records in the part that models learn from."""
        return {place.dataset.pk for place in self.places if place.split == Split.TRAIN}

    @property
    def learners(self) -> list[ModelArtifact]:
        """Models whose weights the records may have shaped. Others were only watched or measured with them."""
        return [artifact for artifact in self.artifacts if artifact.stage.run.dataset_id in self.learned]

    @property
    def serving(self) -> Deployment | None:
        """The open deployment, where its model learned from one of the records."""
        learners = {artifact.pk for artifact in self.learners}
        return next(
            (each for each in self.deployments if not each.closed_at and each.artifact_id in learners), None
        )


def lineage_of(records: Sequence[Record]) -> Lineage:
    places = _places(records)
    datasets = {place.dataset.pk for place in places}
    runs = TrainingRun.objects.filter(dataset__in=datasets).select_related("dataset").order_by("created_at")
    artifacts = ModelArtifact.objects.filter(stage__run__dataset__in=datasets).select_related(
        "clinic", "stage__run"
    )
    deployments = Deployment.objects.filter(artifact__in=artifacts.values("pk"))
    made_of_it = Q(scrubbed_text__record__in=records) | Q(reviews__record__in=records)
    summaries = Summary.objects.filter(made_of_it).distinct().defer("blob")
    return Lineage(
        places=places,
        runs=list(runs),
        artifacts=list(artifacts.order_by("created_at", "name")),
        deployments=list(deployments.select_related("artifact", "deployed_by").order_by("opened_at")),
        summaries=list(summaries.select_related("author", "deployment__artifact").order_by("created_at")),
    )


def copies_elsewhere(lineage: Lineage) -> list[str]:
    """The names of learners' files on the engine elsewhere in the clinic, whence nobody but its keeper deletes them.

    It may have been engaged after some of them were served here; to look for one in vain does no harm.
    """
    if not settings.ENGINE_URL:
        return []
    shadowed = Shadow.objects.filter(artifact__in=lineage.learners).values_list("artifact", flat=True)
    served = {deployment.artifact_id for deployment in lineage.deployments} | set(shadowed)
    return [served_name(artifact.sha256) for artifact in lineage.learners if artifact.pk in served]


def with_corrections(records: Sequence[Record]) -> list[Record]:
    """These, and the records that were made of corrected summaries of theirs, and so on."""
    found = {record.pk: record for record in records}
    fresh = list(records)
    while fresh:
        made_of = Record.objects.filter(corrections__summary__scrubbed_text__record__in=fresh).distinct()
        fresh = [each for each in made_of.select_related("clinic") if each.pk not in found]
        found |= {record.pk: record for record in fresh}
    return list(found.values())


def patient_records(record: Record) -> list[Record]:
    """All records of the record's patient, itself among them, but for erased ones: nobody knows whose those were."""
    if record.status == Record.Status.ERASED:
        return [record]
    same = Record.objects.filter(clinic=record.clinic, patient_key=record.patient_key)
    return list(same.select_related("clinic"))


def look_alikes(records: Sequence[Record]) -> list[Record]:
    """Other records of the clinic that are almost the same as one of these, directly or through others."""
    groups = {record.near_duplicate_group for record in records} - {None}
    here = Q(clinic__in={record.clinic_id for record in records}, near_duplicate_group__in=groups)
    return list(Record.objects.filter(here).exclude(pk__in=[record.pk for record in records]))


def _places(records: Sequence[Record]) -> list[Place]:
    items = DatasetItem.objects.filter(scrubbed_text__record__in=records).defer("scrubbed_text__blob")
    standing = [
        Place(item.dataset, item.scrubbed_text.record, item.split, is_erased=False)
        for item in items.select_related("dataset", "scrubbed_text__record")
    ]
    revocations = Revocation.objects.filter(record__in=records).select_related("dataset", "record")
    erased = [Place(each.dataset, each.record, each.split, is_erased=True) for each in revocations]
    return sorted(standing + erased, key=lambda place: (place.dataset.frozen_at, place.record.number))
