"""A privacy officer reads a model's evaluation, prints it, and holds another model against it.

Set PRECIS_SCREENSHOTS to a folder to keep pictures of the pages, wide and narrow, and the PDF.
"""

import os
from pathlib import Path
from typing import Any

import model_rows
import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from accounts.models import User

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("PRECIS_SCREENSHOTS")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{name} is wider than {width} px"
        )
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def printed(page: Page) -> tuple[int, str]:
    """Pages and text of the page as Chromium prints it to PDF."""
    content = page.pdf(format="A4", prefer_css_page_size=True)
    if folder := os.environ.get("PRECIS_SCREENSHOTS"):
        (Path(folder) / "report.pdf").write_bytes(content)
    document = pypdfium2.PdfDocument(content)
    text = "\n".join(leaf.get_textpage().get_text_range() for leaf in document)
    return len(document), text


def test_an_evaluation_is_read_printed_and_compared(
    page: Page, server: str, alice: User, officer: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    clinic = alice.membership.clinic
    made = [
        model_rows.model_of(
            model_rows.finished_run(clinic, alice, name, model_rows.scored_evaluation(invents=invents))
        )
        for name, invents in (("autumn-1", 2), ("autumn-2", 24))
    ]
    page.goto(server)
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()

    page.goto(f"{server}/models/{made[0].uuid}/")
    keep(page, "evaluation")
    page.get_by_role("link", name="Report to print").click()
    expect(page.get_by_role("button", name="Print, or save as PDF")).to_be_visible()
    keep(page, "report")
    pages, text = printed(page)
    assert pages >= 3
    words = " ".join(text.split())
    assert made[0].sha256 in words
    assert "Summaries with a number not in the record" in words
    assert "(29.2 to 70.8)" in words
    assert text.count("Clinician's summary") == 20
    assert "Print, or save" not in text

    page.get_by_role("link", name="Back to autumn-1").click()
    page.get_by_role("link", name="Compare with another model").click()
    page.get_by_label("Compare autumn-1 with").select_option(label="autumn-2")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="24 records in common")).to_be_visible()
    keep(page, "compare")
