"""A trained model is cut, healed, weighed, stored more briefly, measured and deployed: all real stages on a tiny base."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Clinic, User
from jobs.rundir import RunDir
from records.models import Dataset
from summaries.deployments import deploy
from tests.e2e.conftest import visits_dataset
from training import frontier
from training.models import ModelArtifact, TrainingRun
from training.options import RunOptions, SmallerOptions
from training.services import runs, smaller
from training.services.folders import stage_folder
from training.services.stages import execute_stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def dataset(clinic: Clinic, officer: User) -> Dataset:
    return visits_dataset(clinic, officer, 80)


def work(run: TrainingRun) -> None:
    for stage in run.stages.order_by("number"):
        execute_stage(stage.uuid)
        stage.refresh_from_db()
        log = RunDir(stage_folder(stage)).log
        assert stage.status == "succeeded", log.read_text() if log.exists() else stage.error_type


def test_from_a_trained_model_to_a_smaller_one_that_answers(
    clinic: Clinic, alice: User, dataset: Dataset, models_dir: Path, tools_dir: Path, settings: Any
) -> None:
    settings.MODELS_DIR, settings.TOOLS_DIR, settings.STAGE_THREADS = models_dir, tools_dir, 1
    # A tiny model of a few steps says nothing that a record bears out.
    options = RunOptions(epochs=1, evaluate_rows=8, types=("Q8_0",), max_tokens=512, most_invented=100)
    source = runs.start_run(
        clinic=clinic, user=alice, name="whole", dataset=dataset, base="local:tiny", options=options
    )
    work(source)
    source.refresh_from_db()
    wanted = SmallerOptions(cut="deep", types=("Q8_0", "Q4_0"), mixed_like="Q4_0", most_lost=100)
    run = smaller.start_smaller(source=source, user=alice, name="small", options=wanted)
    work(run)
    variants = {each.artifact.name: each for each in frontier.variants_of(source)}
    assert set(variants) == {"whole", "small-q8_0", "small-q4_0", "small-mixed"}
    assert all(each.served and each.served["tokens_per_s"] >= 0 for each in variants.values())
    assert variants["small-q4_0"].artifact.bytes < variants["small-q8_0"].artifact.bytes
    small = ModelArtifact.objects.get(name="small-q4_0")
    assert small.parent == ModelArtifact.objects.get(name="whole-adapter")
    assert smaller.loss_of(small) is not None
    assert deploy(artifact=small, user=alice).artifact == small
