"""An administrator has a teacher write summaries and asks for an adapter: in a real browser, with what goes wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from browsing import forget_refusals, keep, sign_in
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Clinic, User
from jobs.supervisor import Outcome
from records.readers import Row
from records.services import datasets
from records.services.review import approve_records
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows
from training.models import TrainingRun
from training.options import RunOptions
from training.services import runs
from training.services.stages import claim, execute_stage, settle

pytestmark = pytest.mark.browser

TEACHER = "<b>llama</b> 3.1"
DATASET = "autumn <img src=x onerror=alert(1)>"
UNLABELLED = "Patient with a rash on the left arm for {days} days. No fever. Given cetirizine {days} times."
Start = Callable[..., TrainingRun]


@pytest.fixture
def start(clinic: Clinic, alice: User, settings: Any, own_var: Path) -> Start:
    """A dataset with six records that have a summary and four that have none, and a teacher on the clinic's server."""
    model_rows.pretend_installed(settings, own_var)
    settings.TEACHER_URL, settings.TEACHER_MODEL = "http://127.0.0.1:9", TEACHER
    labelled = model_rows.scrubbed_records(clinic, alice)
    rows = [Row(n, UNLABELLED.format(days=n), "", patient=f"U{n}", kind="visit note") for n in range(40, 44)]
    unlabelled = import_rows(clinic=clinic, user=alice, rows=rows).records
    for record in unlabelled:
        scrub_record(record=record)
    approve_records(clinic=clinic, records=[*labelled, *unlabelled], reviewer=alice, reason="a test")
    dataset = datasets.freeze_dataset(
        clinic=clinic,
        name=DATASET,
        user=alice,
        attestation="a test",
        records=datasets.ready_records(clinic) | datasets.unlabelled_records(clinic),
    )

    def started(name: str = "taught-1", **options: Any) -> TrainingRun:
        chosen = RunOptions(teacher="server", **options)
        return runs.start_run(
            clinic=clinic, user=alice, name=name, dataset=dataset, base=model_rows.BASE, options=chosen
        )

    return started


def test_a_teacher_and_an_adapter_are_chosen_and_no_refusal_costs_a_choice(
    page: Page, server: str, start: Start, complaints: list[str]
) -> None:
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:start_run')}")
    page.get_by_text("More choices").click()
    page.get_by_text("Let another model write summaries").click()
    keep(page, "start-taught")
    page.get_by_label("Name", exact=True).fill("taught-1")
    page.get_by_label("How the adapter is made").select_option("dora")
    page.get_by_label("As an adapter on the shared base").check()
    page.get_by_label("Teacher", exact=True).select_option("server")
    page.get_by_label("It summarizes").select_option("all")
    page.get_by_label("Summaries written of each record").fill("3")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("DoRA cannot be served upon a shared base.")
    expect(page.get_by_label("As an adapter on the shared base")).to_be_checked()
    expect(page.get_by_label("As an adapter on the shared base")).to_be_visible()
    expect(page.get_by_label("Summaries written of each record")).to_be_visible()
    keep(page, "start-taught-refused")

    page.get_by_label("How the adapter is made").select_option("lora")
    page.evaluate("document.querySelector('[name=teacher] :checked').value = 'model:<b>nobody</b>'")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing was started. Look at Teacher.")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_text("That teacher is not here, or may not teach. Choose again.")).to_be_in_viewport()
    keep(page, "start-teacher-unknown")
    page.get_by_label("Teacher", exact=True).select_option("server")
    page.get_by_label("Summaries written of each record").fill("")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="taught-1")).to_be_visible()
    chosen = RunOptions.from_json(TrainingRun.objects.get().options)
    assert (chosen.teacher, chosen.teach, chosen.teacher_drafts) == ("server", "all", 1)
    assert chosen.types == ("LORA", "Q8_0", "Q4_K")
    expect(page.locator("main img, main b")).to_have_count(0)
    keep(page, "run-taught-waiting")
    forget_refusals(complaints, 400)


def test_the_run_page_tells_what_a_teacher_wrote(page: Page, server: str, start: Start) -> None:
    run = start()
    stage = claim(run.stages.get(name="teach").uuid)
    assert stage is not None
    left_out = {"cut_off": 3, "copied": 41, "ungrounded": 1080}
    told = {"asked": 1415, "kept": 291, "left_out": left_out, "teacher": TEACHER, "teacher_sha256": "ab" * 32}
    settle(stage, Outcome("succeeded", result={"metrics": told, "outputs": []}))
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:run', args=[run.uuid])}")
    expect(page.get_by_text(f"1,415 summaries written by {TEACHER}, 291 kept")).to_be_visible()
    keep(page, "run-taught")


def test_a_run_whose_teacher_is_gone_says_so_and_what_to_do(
    page: Page, server: str, start: Start, settings: Any
) -> None:
    run = start()
    settings.TEACHER_URL = ""
    execute_stage(run.stages.get(name="teach").uuid)
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:run', args=[run.uuid])}")
    expect(page.get_by_text("Start a run with another teacher, or without one.")).to_be_visible()
    keep(page, "run-teacher-gone")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("may not teach").first).to_be_visible()
    assert TrainingRun.objects.get().status == "failed"


def test_the_sizes_of_an_adapter_say_why_there_is_but_one(
    page: Page, server: str, clinic: Clinic, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(clinic, alice, "notes", model_rows.scored_evaluation(invents=24))
    model = model_rows.model_of(run)
    model.quantization = "LORA"
    model.save()
    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('training:run', args=[run.uuid])}")
    page.get_by_role("link", name="Make it smaller").click()
    expect(
        page.get_by_text("only whole files are made smaller. Train again without that choice.")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Make it smaller")).to_have_count(0)
    keep(page, "sizes-of-an-adapter")
