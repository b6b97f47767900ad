"""An administrator issues a key with bounds; a clinician chooses how a summary is written: in a real browser."""

import re

import pytest
from browsing import keep, sign_in
from playwright.sync_api import Page, expect
from stub_engine import StubEngine

from accounts.models import ApiToken, User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_administrator_issues_a_key_that_may_little(page: Page, server: str, admin: User) -> None:
    sign_in(page, server, "alice")
    page.goto(f"{server}/audit/keys/")
    page.get_by_label("What will use this key").fill("ward software, 2nd floor")
    page.get_by_label("Get real names, dates and numbers back").uncheck()
    page.get_by_label("Valid for so many days").fill("30")
    keep(page, "keys")
    page.get_by_role("button", name="Issue a key").click()
    expect(page.get_by_text("The new key")).to_be_visible()
    expect(page.locator("code.secret")).to_have_text(re.compile("^precis_"))
    keep(page, "keys-issued")
    assert ApiToken.objects.get().scopes == ["summarize", "batch"]


def test_a_clinician_asks_for_a_problem_list(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("Zebulon Quarrington has had chest pain since Tuesday.")
    page.get_by_label("Written as").select_option(label="Problem list")
    page.get_by_role("button", name="Summarize", exact=True).last.click()
    expect(page.get_by_text("chest pain of Zebulon Quarrington (active)")).to_be_visible()
    keep(page, "portal-problem-list")
    # The choice holds for a record of the work list, too.
    page.get_by_role("button", name="Summarize R-").first.click()
    expect(page.get_by_role("heading", name=re.compile("Draft summary of R-.*problem list"))).to_be_visible()
    assert ["response_format" in asked for asked in engine.received] == [True, True]
