"""An administrator follows a run and deploys its model, a clinician gets a summary: in a real browser."""

from pathlib import Path
from threading import RLock
from typing import Any

import model_rows
import pytest
from browsing import forget_refusals, keep, sign_in
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer
from stub_engine import stub_engine

from accounts.models import User
from jobs.supervisor import Outcome
from training.models import TrainingRun
from training.services.stages import settle

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

PASTED = """Cardiology follow-up, 03/14/2026. Mary Ellsworth (DOB 02/11/1971, MRN 00482913) returns with her husband Tom.
She reports chest tightness on climbing stairs for three weeks, relieved by rest. No syncope, no edema.
BP 142/88, pulse 78 regular. ECG without ischemic changes. Plan: exercise test next week at Mercy General Hospital,
start metoprolol 25 mg twice daily, call 617-555-0143 with the result."""
SUMMARY = "[NAME_1] has had exertional chest tightness for three weeks. ECG is normal. Metoprolol was started; an exercise test is planned."


@pytest.fixture
def between_requests(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A lock for a test that writes rows while a page polls: on SQLite both use one connection."""
    lock, answer = RLock(), WSGIHandler.__call__

    def one_at_a_time(handler: WSGIHandler, environ: Any, start_response: Any) -> Any:
        with lock:
            return answer(handler, environ, start_response)

    monkeypatch.setattr(WSGIHandler, "__call__", one_at_a_time)
    return lock


@pytest.fixture
def server(live_server: LiveServer, settings: Any, own_var: Path) -> str:
    model_rows.pretend_installed(settings, own_var)
    return str(live_server.url)


def plotted(page: Page) -> int:
    """How many pixels of the chart have colour."""
    return int(
        page.evaluate(
            """() => {
                const canvas = document.querySelector("#loss-chart canvas");
                const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return data.filter((value, index) => index % 4 === 3 && value > 0).length;
            }"""
        )
    )


def test_a_run_is_started_and_followed_across_a_reload(
    page: Page, server: str, alice: User, between_requests: Any
) -> None:
    clinic = alice.membership.clinic
    sign_in(page, server, "alice")
    page.goto(f"{server}/runs/")
    keep(page, "runs-empty")
    model_rows.frozen_dataset(clinic, alice, name="November 2026")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_text("More choices").click()
    keep(page, "start-run")
    page.get_by_label("Name", exact=True).fill("autumn-1")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="autumn-1")).to_be_visible()
    expect(page.get_by_text("The curve appears once training has begun.")).to_be_visible()
    keep(page, "run-waiting")

    with between_requests:
        run = TrainingRun.objects.get()
        model_rows.begin_training(run)
    expect(page.get_by_text("about 4 minutes left")).to_be_visible()
    expect(page.locator("#loss-chart canvas")).to_be_visible()
    keep(page, "run-training")
    page.reload()
    expect(page.locator("#loss-chart canvas")).to_be_visible()
    assert plotted(page) > 1000
    page.get_by_text("Stop this run…").click()
    page.wait_for_timeout(2500)
    expect(page.get_by_role("button", name="Stop it now")).to_be_visible()  # polling leaves it open
    page.goto(f"{server}/runs/")
    keep(page, "runs")

    page.goto(f"{server}/runs/{run.uuid}/")
    with between_requests:
        settle(
            run.stages.get(name="train"),
            Outcome("failed", "DiskFull", "The disk is full. Free 2 GB, then try again."),
        )
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()  # the page noticed by itself
    keep(page, "run-failed")


def test_from_a_finished_run_to_a_summary_in_the_portal(
    page: Page, server: str, alice: User, own_var: Path, complaints: list[str]
) -> None:
    run = model_rows.finished_run(alice.membership.clinic, alice, name="autumn-1")
    artifact = model_rows.model_of(run)
    sign_in(page, server, "alice")
    page.goto(f"{server}/portal/")
    keep(page, "portal-without-model")
    page.goto(f"{server}/runs/{run.uuid}/")
    expect(page.locator("#loss-chart canvas")).to_be_visible()
    keep(page, "run-finished")
    page.get_by_role("link", name="autumn-1", exact=True).first.click()
    expect(page.get_by_role("heading", name="Before and after training")).to_be_visible()
    keep(page, "artifact")
    page.get_by_text("Deploy…").click()
    keep(page, "artifact-deploying")
    page.get_by_role("button", name="Deploy it").click()
    expect(page.get_by_text("autumn-1 is deployed.")).to_be_visible()
    page.goto(f"{server}/models/")
    keep(page, "models")

    with stub_engine(own_var, artifact.sha256) as engine:
        engine.answer = SUMMARY
        page.get_by_role("link", name="Summarize", exact=True).click()
        keep(page, "portal")
        page.get_by_label("Or paste a record").fill(PASTED)
        page.locator("form", has=page.get_by_label("Or paste a record")).get_by_role("button").click()
        expect(page.locator("#summary-text")).to_contain_text(
            "Mary Ellsworth has had exertional chest tightness"
        )
        assert "Ellsworth" not in engine.received[0]
        assert page.get_by_label("Or paste a record").input_value() == PASTED
        page.get_by_text("Show placeholders").click()
        keep(page, "portal-summary")
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        page.get_by_role("button", name="Summarize R-000006").click()
        expect(page.locator(".seen")).to_contain_text("[SSN_1]")
        page.get_by_role("link", name="the saved copy").click()
        keep(page, "summary")
        page.get_by_role("link", name="Earlier summaries").click()
        keep(page, "summaries")

    # The engine is gone now: what was typed is not.
    page.goto(f"{server}/portal/")
    keep(page, "portal-engine-away")
    page.get_by_label("Or paste a record").fill(PASTED)
    page.locator("form", has=page.get_by_label("Or paste a record")).get_by_role("button").click()
    expect(page.get_by_text("What you typed is still in the box.")).to_be_visible()
    assert page.get_by_label("Or paste a record").input_value() == PASTED
    keep(page, "portal-trouble")
    forget_refusals(complaints, 503)


def test_a_session_that_ended_does_not_cost_the_text(
    page: Page, server: str, clinician: User, complaints: list[str]
) -> None:
    sign_in(page, server, "dina")
    page.get_by_role("link", name="Summarize", exact=True).click()
    page.get_by_label("Or paste a record").fill(PASTED)
    page.context.clear_cookies(name="sessionid")
    page.locator("form", has=page.get_by_label("Or paste a record")).get_by_role("button").click()
    expect(page.get_by_text("You have been signed out.")).to_be_visible()
    assert page.get_by_label("Or paste a record").input_value() == PASTED
    elsewhere = page.context.new_page()
    sign_in(elsewhere, server, "dina")  # another CSRF token from here on
    page.locator("form", has=page.get_by_label("Or paste a record")).get_by_role("button").click()
    expect(page.get_by_text("No model is deployed yet.").last).to_be_visible()
    assert page.get_by_label("Or paste a record").input_value() == PASTED
    forget_refusals(complaints, 503)


def test_a_deserted_run_page_ends_on_the_sign_in_page(page: Page, server: str, alice: User) -> None:
    run = model_rows.training_run(alice.membership.clinic, alice)
    sign_in(page, server, "alice")
    page.goto(f"{server}/runs/{run.uuid}/")
    expect(page.get_by_text("step 30 of 120")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    expect(page.get_by_label("Username")).to_be_visible()
    expect(page.get_by_text("step 30 of 120")).to_be_hidden()


def test_the_api_page_works_under_our_content_policy(page: Page, server: str, clinician: User) -> None:
    sign_in(page, server, "dina")
    page.goto(f"{server}/api/v1/docs")
    page.get_by_text("/api/v1/summaries").first.click()
    expect(page.get_by_role("heading", name="Request body")).to_be_visible()
    keep(page, "api", is_ours=False)
