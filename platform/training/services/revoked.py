"""Models that may not answer, nor teach, any more: what they learned was erased."""

from django.db import models
from django.db.models import Q

from accounts.models import Clinic
from records.models import Dataset, Split
from training.models import ModelArtifact


def revoked_artifacts(clinic: Clinic) -> models.QuerySet[ModelArtifact]:
    """Models that learned from a record that was erased since, or from what such a model wrote. They are not deployed."""
    learned = Dataset.objects.filter(revocations__split=Split.TRAIN)
    own = ModelArtifact.objects.filter(clinic=clinic)
    revoked = own.filter(stage__run__dataset__in=learned)
    known: set[int] = set()
    while (found := set(revoked.values_list("pk", flat=True))) != known:
        known = found
        revoked = own.filter(Q(pk__in=known) | Q(stage__run__options__teacher__in=_keys(revoked)))
    return revoked


def _keys(teachers: models.QuerySet[ModelArtifact]) -> list[str]:
    """As the options of the runs that they taught name them."""
    return [f"model:{uuid}" for uuid in teachers.values_list("uuid", flat=True)]


def is_revoked(artifact: ModelArtifact) -> bool:
    return revoked_artifacts(artifact.clinic).filter(pk=artifact.pk).exists()
