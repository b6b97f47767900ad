from collections.abc import Callable
from pathlib import Path

import pytest
from stub_engine import StubEngine, serve_too

from accounts.models import Clinic, Scope, User
from audit import staff
from summaries import shadows
from summaries.models import Shadow
from training.models import ModelArtifact

IssueKey = Callable[..., str]


@pytest.fixture
def issue_key(clinic: Clinic, admin: User) -> IssueKey:
    """A key of the clinic's; without scopes named it may do everything."""

    def issue(*scopes: Scope, requests_per_minute: int = 1000) -> str:
        asked = [scope.value for scope in scopes] or None
        return staff.issue_token(
            clinic=clinic, name="EHR", by=admin, scopes=asked, requests_per_minute=requests_per_minute
        )[1]

    return issue


@pytest.fixture
def candidate(artifact: ModelArtifact) -> ModelArtifact:
    """Another file of the deployed model's run."""
    return ModelArtifact.objects.filter(kind="gguf").exclude(pk=artifact.pk).get()


@pytest.fixture
def shadow(engine: StubEngine, candidate: ModelArtifact, admin: User, own_var: Path) -> Shadow:
    """Of every summary. The stub serves both files."""
    serve_too(own_var, candidate.sha256)
    return shadows.start(artifact=candidate, percent=100, user=admin)
