"""What is trained, token by token, in a real browser: wide and on a phone, by mouse and by keyboard.

Set PRECIS_SCREENSHOTS to a folder to keep pictures.
"""

import os
from pathlib import Path
from typing import Any

import model_rows
import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from training.models import TrainingRun

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"


@pytest.fixture
def run(alice: User, settings: Any, own_var: Path) -> TrainingRun:
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.training_run(alice.membership.clinic, alice)
    model_rows.write_preview(run)
    return run


def test_the_tokens_of_a_run_are_reached_from_its_page_and_told_apart_without_colours(
    page: Page, server: str, run: TrainingRun
) -> None:
    page.goto(server)
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{server}/runs/{run.uuid}/")
    page.get_by_role("link", name="token by token").click()
    expect(page.get_by_role("heading", name="What is trained, token by token")).to_be_visible()
    first = page.locator("details.sample").first
    expect(first.locator(".tokens.kind-trained")).to_have_text("Chest pain.")
    expect(first.get_by_role("heading", level=3)).to_contain_text(["Begin", "Read only", "Learned", "End"])
    looks = [
        page.locator(f".token-kind.kind-{kind}").first.evaluate(
            "e => { const s = getComputedStyle(e); return s.borderBottomWidth + s.borderBottomStyle }"
        )
        for kind in ("masked", "trained", "end", "bos", "cut")
    ]
    assert len(set(looks)) == 5
    page.locator("details.sample summary").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.sample").last.locator(".tokens.kind-cut")).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("PRECIS_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"token-preview-{width}.png", full_page=True)
