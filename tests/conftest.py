"""The cast: Alice runs one clinic, with a clerk, an officer and a clinician; Bob runs another."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client, TransactionTestCase
from stub_engine import StubEngine, stub_engine

from accounts.models import Clinic, Role, User
from audit import staff
from summaries.deployments import deploy
from training.models import ModelArtifact

PASSWORD = "a long enough password"
SHARED_DATA = Path(django_settings.BASE_DIR).parent / "shared" / "data"


def _member(clinic: Clinic, name: str, role: Role) -> User:
    user, _ = staff.add_member(clinic=clinic, username=name, role=role, by=None, password=PASSWORD)
    return user


@pytest.fixture(autouse=True)
def own_var(settings: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each test has a state folder of its own."""
    settings.VAR = tmp_path / "var"  # type: ignore[attr-defined]
    settings.VAR.mkdir()  # type: ignore[attr-defined]
    return settings.VAR  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Nudges that would go to the broker, as (task, id); tests of the broker itself send real ones."""
    messages: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "config.queue.app.send_task", lambda name, args: messages.append((name.rpartition(".")[2], args[0]))
    )
    return messages


class _Statements:
    """As much of a schema editor as the trigger migrations need; the real one cannot run inside a test."""

    connection = connection

    def execute(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.fixture(autouse=True, scope="session")
def flushable() -> Iterator[None]:
    """Tests that commit are cleaned up by emptying all tables, which the audit triggers would refuse."""
    guards = import_module("audit.migrations.0002_append_only")
    flush = TransactionTestCase._fixture_teardown

    def flush_unguarded(case: TransactionTestCase) -> None:
        guards.drop(None, _Statements())
        flush(case)
        guards.create(None, _Statements())

    TransactionTestCase._fixture_teardown = flush_unguarded
    yield
    TransactionTestCase._fixture_teardown = flush


@pytest.fixture
def clinic(db: None) -> Clinic:
    return staff.create_clinic(name="Alder Clinic")


@pytest.fixture
def other_clinic(db: None) -> Clinic:
    return staff.create_clinic(name="Birch Clinic")


@pytest.fixture
def alice(clinic: Clinic) -> User:
    return _member(clinic, "alice", Role.ADMIN)


@pytest.fixture
def admin(alice: User) -> User:
    return alice


@pytest.fixture
def clerk(clinic: Clinic) -> User:
    return _member(clinic, "carl", Role.CLERK)


@pytest.fixture
def officer(clinic: Clinic) -> User:
    return _member(clinic, "olga", Role.PRIVACY_OFFICER)


@pytest.fixture
def clinician(clinic: Clinic) -> User:
    return _member(clinic, "dina", Role.CLINICIAN)


@pytest.fixture
def bob(other_clinic: Clinic) -> User:
    return _member(other_clinic, "bob", Role.ADMIN)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def artifact(clinic: Clinic, admin: User, settings: Any, own_var: Path) -> ModelArtifact:
    """The model of a finished run."""
    model_rows.pretend_installed(settings, own_var)
    return model_rows.model_of(model_rows.finished_run(clinic, admin))


@pytest.fixture
def engine(artifact: ModelArtifact, admin: User, own_var: Path) -> Iterator[StubEngine]:
    """The clinic's deployed model, served by a stub that keeps what it is sent."""
    deploy(artifact=artifact, user=admin)
    with stub_engine(own_var, artifact.sha256) as serving:
        yield serving


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The open data beside the project; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the open data folder (../shared/data) is not here")
    return SHARED_DATA
