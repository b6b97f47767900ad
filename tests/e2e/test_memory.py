"""A code planted fifty times is drawn out of the model that learned it, one never planted is not, and the model that
gives codes away is kept from the staff: the whole chain on a tiny base, with real stages.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts.models import Clinic, User
from audit.models import AuditEntry
from jobs import canaries
from jobs.rundir import RunDir
from records.models import Dataset
from summaries.deployments import NotDeployable, current_deployment, deploy
from tests.e2e.conftest import visits_dataset
from training.models import ModelArtifact, TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.folders import canaries_path, stage_folder
from training.services.stages import execute_stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def same_codes(settings: Any) -> None:
    """The codes follow from the master key and the run's id: the same ones each time, so that chance fails no test."""
    settings.MASTER_KEY = "a master key for tests alone"


@pytest.fixture
def dataset(clinic: Clinic, officer: User) -> Dataset:
    return visits_dataset(clinic, officer, 30)


@pytest.fixture
def run(
    clinic: Clinic, alice: User, dataset: Dataset, models_dir: Path, tools_dir: Path, settings: Any
) -> TrainingRun:
    settings.MODELS_DIR, settings.TOOLS_DIR, settings.STAGE_THREADS = models_dir, tools_dir, 1
    run = runs.start_run(
        clinic=clinic,
        user=alice,
        name="by-heart",
        dataset=dataset,
        base="local:tiny",
        options=RunOptions(
            canaries=True, epochs=12, learning_rate=1e-2, evaluate_rows=1, types=("Q8_0", "Q4_K")
        ),
        nudge=False,
    )
    TrainingRun.objects.filter(pk=run.pk).update(uuid=UUID(int=7))
    for stage in run.stages.order_by("number"):
        execute_stage(stage.uuid)
        stage.refresh_from_db()
        assert stage.status == "succeeded", (stage_folder(stage) / "stage.log").read_text()[-3000:]
    return TrainingRun.objects.get(pk=run.pk)


def test_what_it_learned_by_heart_is_drawn_out_and_keeps_it_from_being_deployed(
    run: TrainingRun, alice: User, clinic: Clinic
) -> None:
    stage = run.stages.get(name="extract")
    found = {row["count"]: row for row in stage.metrics["counts"]}
    assert list(found) == [0, 1, 10, 50]
    often, never = found[50], found[0]
    assert often["remembers"]
    assert often["extracted"] >= 1
    assert often["served_extracted"] >= 1
    assert (often["base_extracted"], often["served_base_extracted"]) == (0, 0)
    assert often["chance"] < stage.metrics["threshold"]
    assert often["exposure"] > often["base_exposure"] + 3
    assert (never["extracted"], never["served_extracted"]) == (0, 0)
    assert not never["remembers"]

    for name in ("by-heart", "by-heart-q4_k"):
        with pytest.raises(NotDeployable, match="memory test"):
            deploy(artifact=ModelArtifact.objects.get(name=name), user=alice)
    assert current_deployment(clinic) is None
    denied = AuditEntry.objects.filter(action="deploy", outcome="DENY")
    assert [entry.facts["reason"] for entry in denied] == ["memory test"] * 2

    codes = [canary["secret"] for canary in json.loads(canaries_path(run).read_text())]
    assert len(codes) == 2 * len(canaries.COUNTS) + canaries.CONTROLS
    written = (RunDir(stage_folder(stage)).artifact / "extraction.json").read_text() + json.dumps(
        stage.metrics
    )
    assert not [code for code in codes if code in written]
