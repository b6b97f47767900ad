"""A whole installation of its own: state folder, database, broker, and real processes."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import Clinic, User
from records.models import Dataset
from records.services import datasets, review, scrubbing, uploads
from tests.e2e.installation import ROOT, Installation
from tests.stages.conftest import models_dir, tools_dir  # noqa: F401  (fixtures)
from tests.stages.tiny import visit_rows


def visits(count: int) -> list[dict[str, str]]:
    """Visits of as many patients, none almost the same as another: those would all land in one part of a dataset."""
    more = "\nPatient: I walk {0} minutes, sleep {0} hours and drink {0} cups."
    return [
        {**row, "source": row["source"] + more.format(number)} for number, row in enumerate(visit_rows(count))
    ]


def visits_dataset(clinic: Clinic, officer: User, count: int) -> Dataset:
    """So many visits, uploaded, scrubbed, approved and frozen."""
    lines = "\n".join(
        json.dumps({"text": row["source"], "summary": row["target"], "section": row["section"]})
        for row in visits(count)
    )
    upload, _ = uploads.receive_upload(clinic=clinic, user=officer, name="a.jsonl", data=lines.encode())
    records = uploads.confirm_upload(upload=upload, user=officer).records
    scrubbing.scrub_upload(upload=upload)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="test")
    return datasets.freeze_dataset(clinic=clinic, name="visits", user=officer, attestation="test")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database of the kind under test that other processes can open too."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield f"sqlite:///{tmp_path / 'state' / 'e2e.sqlite3'}"
        return
    import psycopg

    name = f"e2e_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield url.rpartition("/")[0] + f"/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    url = os.environ.get("BROKER_URL", "")
    if not url.startswith("redis"):
        yield f"folder://{tmp_path / 'state' / 'broker'}"
        return
    import redis

    own = url.rpartition("/")[0] + "/9"
    redis.Redis.from_url(own).flushdb()
    yield own
    redis.Redis.from_url(own).flushdb()


@pytest.fixture
def installation(
    tmp_path: Path,
    models_dir: Path,  # noqa: F811
    tools_dir: Path,  # noqa: F811
    database_url: str,
    broker_url: str,
) -> Iterator[Installation]:
    var = tmp_path / "state"
    var.mkdir()
    there = Installation(
        var,
        {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "PRECIS_VAR": str(var),
            "PRECIS_MODELS_DIR": str(models_dir),
            "PRECIS_TOOLS_DIR": str(tools_dir),
            "PRECIS_LOCAL_MODELS": str(models_dir / "own"),
            "PRECIS_LEASE_SECONDS": "6",
            "PRECIS_CHECKPOINT_SECONDS": "1",
            "PRECIS_STAGE_THREADS": "1",
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
        },
    )
    yield there
    there.close()
