"""An administrator asks for a memory test, and reads what it found. PRECIS_SCREENSHOTS keeps pictures."""

import os
from pathlib import Path
from typing import Any

import model_rows
import pytest
from playwright.sync_api import Page, expect

from accounts.models import User

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("PRECIS_SCREENSHOTS")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width} px"
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_memory_test_is_asked_for_and_read(
    page: Page, server: str, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(alice.membership.clinic, alice)
    model_rows.memory_test(run, drawn_out=1)
    page.goto(server)
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()

    page.goto(f"{server}/models/{model_rows.model_of(run).uuid}/")
    expect(page.get_by_text("A code planted 50 times could be drawn out of this model")).to_be_visible()
    expect(page.get_by_text("Deploy…")).to_have_count(0)
    page.get_by_text("The figures").click()
    expect(page.get_by_role("rowheader", name="50 times")).to_be_visible()
    keep(page, "memory")

    page.goto(f"{server}/runs/start/")
    page.get_by_text("More choices").click()
    page.get_by_label("Test what the model remembers").check()
    keep(page, "start-with-memory-test")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Memory test")).to_be_visible()
    keep(page, "run-with-memory-test")
