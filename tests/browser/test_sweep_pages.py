"""An administrator asks what machine a base needs, tries six settings and keeps the best: in a real browser."""

from pathlib import Path
from typing import Any

import model_rows
import pytest
from browsing import keep, sign_in
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Clinic, User
from jobs.supervisor import Outcome
from training.models import Evaluation, ModelArtifact, Status, Sweep, TrainingRun
from training.services.stages import claim, settle

pytestmark = pytest.mark.browser


def finish(sweep: Sweep, number: int, valid_loss: float, rouge_1: float) -> None:
    run = sweep.runs.get(name=f"{sweep.name}-{number}")
    for stage in run.stages.order_by("number"):
        claimed = claim(stage.uuid)
        assert claimed is not None
        metrics = {"valid_loss": valid_loss} if stage.name == "train" else {}
        settle(claimed, Outcome("succeeded", result={"metrics": metrics, "outputs": []}))
    artifact = ModelArtifact.objects.create(
        clinic=run.clinic, name=run.name, kind="gguf", stage=stage, path="x", sha256="0" * 64, bytes=1
    )
    tuned = {**model_rows.EVALUATION["tuned"], "rouge1": {"value": rouge_1, "low": 25.0, "high": 40.0}}
    Evaluation.objects.create(
        artifact=artifact, stage=stage, metrics={**model_rows.EVALUATION, "tuned": tuned}
    )


def test_six_settings_are_tried_and_the_best_is_kept(
    page: Page, server: str, clinic: Clinic, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    model_rows.frozen_dataset(clinic, alice)
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:start_run')}")
    page.get_by_text("Not sure which choices suit").click()
    keep(page, "start-run")
    page.get_by_role("button", name="Try 6 settings").click()
    expect(page.get_by_text("6 settings for smollm2-135m")).to_be_visible()
    sweep = Sweep.objects.get()
    for number, (loss, rouge) in enumerate([(1.512, 31.2), (1.448, 33.9), (1.47, 33.1)], start=1):
        finish(sweep, number, loss, rouge)
    claim(sweep.runs.get(name=f"{sweep.name}-4").stages.get(number=0).uuid)
    page.reload()
    keep(page, "sweep")
    page.get_by_role("button", name="Keep More passes").click()
    expect(page.get_by_role("heading", name=f"You keep {sweep.name}-2")).to_be_visible()
    keep(page, "sweep-kept")


@pytest.mark.slow
def test_the_machine_is_planned_beside_the_start_of_a_run(
    page: Page, server: str, clinic: Clinic, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:start_run')}")
    page.get_by_label("Base model").last.select_option("llama3.1-8b")
    page.get_by_role("button", name="Work it out").click()
    expect(page.get_by_text("with 12 GB for QLoRA in 4 bits")).to_be_visible(timeout=60_000)
    page.get_by_text("The figures").click()
    keep(page, "machine-plan")


def test_the_rehearsal_stands_on_the_run_page_before_and_after(
    page: Page, server: str, clinic: Clinic, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.training_run(clinic, alice)
    facts = {
        "seconds": 1260.0,
        "peak_bytes": 2_100_000_000,
        "limit_bytes": 15_000_000_000,
        "disk_bytes": {"needed": 800_000_000},
        "free_disk_bytes": 67_000_000_000,
        "chosen": {"tokens_at_once": 900, "recompute": False},
    }
    TrainingRun.objects.filter(pk=run.pk).update(preflight=facts)
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:run', args=[run.uuid])}")
    expect(page.get_by_text("Training takes about 21 minutes")).to_be_visible()
    expect(page.get_by_text("not yet").first).to_be_visible()
    train = run.stages.filter(name="train")
    used = {"seconds": 1160.0, "peak_bytes": 2_020_000_000}
    train.update(status=Status.SUCCEEDED, metrics={"used": used})
    page.reload()
    expect(page.get_by_text("+9 %")).to_be_visible()
    keep(page, "run-rehearsed")
