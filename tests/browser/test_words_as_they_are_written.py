"""A clinician sees the words of a summary while the model writes them, and can stop it: in a real browser."""

import time
from collections.abc import Iterator

import pytest
from browsing import enter_on, keep, press_until_focused, sign_in, sign_in_by_keyboard
from playwright.sync_api import Locator, Page, expect
from stub_engine import StubEngine

from accounts.models import User
from audit.models import AuditEntry
from summaries.models import Summary

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

PASTED = (
    "Cardiology follow-up. Mary Ellsworth (DOB 02/11/1971, MRN 00482913) reports chest tightness on climbing "
    "stairs for three weeks, relieved by rest. No syncope. ECG normal. Plan: metoprolol 25 mg twice daily, exercise test."
)
SUMMARY = "[NAME_1] has had exertional chest tightness for three weeks. ECG is normal. Metoprolol 250 mg was started."
FIRST_WORDS = "Mary Ellsworth has had exertional chest"
LAST_WORDS = "250 mg was started"


@pytest.fixture
def engine(engine: StubEngine) -> Iterator[StubEngine]:
    """It waits in the middle of each answer until the test lets it go on."""
    engine.answer = SUMMARY
    engine.goes_on.clear()
    yield engine
    engine.goes_on.set()


@pytest.fixture
def box(page: Page) -> Locator:
    return page.get_by_label("Or paste a record")


def summarize(page: Page, server: str, box: Locator) -> None:
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    box.fill(PASTED)
    page.get_by_role("button", name="Summarize", exact=True).last.click()
    expect(page.locator("#words")).to_contain_text(FIRST_WORDS)


def test_the_first_words_stand_there_before_the_last_are_written(
    page: Page, server: str, box: Locator, engine: StubEngine, clinician: User
) -> None:
    summarize(page, server, box)
    expect(page.get_by_role("heading", name="Being written – not checked yet")).to_be_visible()
    expect(page.get_by_text("Do not use these words yet.")).to_be_visible()
    expect(page.locator("#words")).to_have_attribute("aria-live", "off")
    expect(page.get_by_role("status").filter(has_text="The summary is being written")).to_have_count(1)
    expect(page.locator("#words")).not_to_contain_text(LAST_WORDS)
    assert (
        page.locator("#words").evaluate("(words) => words.closest('[aria-live=polite], [role=status]')")
        is None
    )
    keep(page, "portal-writing")

    engine.goes_on.set()
    expect(page.locator("#summary-text")).to_contain_text(LAST_WORDS)
    expect(page.locator("#summary-text .claim-wrong")).to_contain_text("250 mg")
    expect(page.get_by_text("Being written – not checked yet")).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text="The draft is written")).to_have_count(1)
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    expect(box).to_have_value(PASTED)
    keep(page, "portal-written")


def test_by_keyboard_the_focus_stays_and_escape_stops(
    page: Page, server: str, box: Locator, engine: StubEngine, clinician: User
) -> None:
    sign_in_by_keyboard(page, server, "dina")
    page.goto(f"{server}/portal/")
    press_until_focused(page, "Or paste a record")
    page.keyboard.insert_text(PASTED)
    enter_on(page, "Summarize")
    pressed = page.get_by_role("button", name="Summarize", exact=True).last
    expect(page.locator("#words")).to_contain_text(FIRST_WORDS)
    expect(pressed).to_be_focused()
    page.keyboard.press("Enter")  # while one is written, another is not begun
    assert len(engine.received) == 1

    page.keyboard.press("Escape")
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator("#words")).to_be_hidden()
    expect(page.locator("#words")).to_be_empty()
    expect(pressed).to_be_focused()
    expect(box).to_have_value(PASTED)
    keep(page, "portal-stopped")


def test_the_stop_button_ends_it_on_the_server_too(
    page: Page, server: str, box: Locator, engine: StubEngine, clinician: User
) -> None:
    summarize(page, server, box)
    enter_on(page, "Stop")
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Summarize", exact=True).last).to_be_focused()
    expect(box).to_have_value(PASTED)
    # This server, unlike gunicorn, learns of it with the next words that it cannot send.
    engine.goes_on.set()
    end = time.monotonic() + 20
    while not AuditEntry.objects.filter(action="cancel_summary", actor=clinician).exists():
        assert time.monotonic() < end, "the server goes on writing for nobody"
        time.sleep(0.1)
    assert not Summary.objects.exists()

    page.get_by_role("button", name="Summarize", exact=True).last.click()
    expect(page.locator("#summary-text")).to_contain_text(LAST_WORDS)


def test_an_engine_that_dies_in_the_middle_leaves_no_words_and_all_of_the_text(
    page: Page, server: str, box: Locator, engine: StubEngine, clinician: User
) -> None:
    engine.breaks_off = True
    engine.answer = SUMMARY.replace("tightness", "\u2028tightness")  # JSON leaves this end of a line as it is
    summarize(page, server, box)
    expect(page.locator("#words")).to_contain_text("tightness")
    engine.goes_on.set()
    expect(page.get_by_role("alert")).to_contain_text("The engine stopped in the middle of a summary.")
    expect(page.get_by_role("alert")).to_contain_text("Try again in 5 seconds.")
    expect(page.get_by_role("alert")).to_contain_text("it was taken away")
    expect(page.get_by_text(FIRST_WORDS)).to_have_count(0)
    expect(box).to_have_value(PASTED)
    keep(page, "portal-broken-off")


def test_a_long_record_shows_how_far_it_is(
    page: Page, server: str, box: Locator, engine: StubEngine, clinician: User
) -> None:
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    box.fill("\n".join(f"Patient: The cough was {day} times worse on day {day}." for day in range(300)))
    page.get_by_role("button", name="Summarize", exact=True).last.click()
    expect(page.locator("#writing")).to_contain_text("A long record: part 1 of ")
    keep(page, "portal-writing-long")
    engine.goes_on.set()
    expect(page.get_by_role("link", name="Check, edit and accept")).to_be_visible()


def test_without_scripts_the_page_comes_back_with_the_draft(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    engine.goes_on.set()
    sign_in(page, server, "dina")
    assert page.context.browser is not None
    plain = page.context.browser.new_context(java_script_enabled=False)
    plain.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    other = plain.new_page()
    other.goto(f"{server}/portal/")
    other.get_by_label("Or paste a record").fill(PASTED)
    other.get_by_role("button", name="Summarize", exact=True).last.click()
    expect(other.locator("#summary-text")).to_contain_text(LAST_WORDS)
    expect(other.get_by_label("Or paste a record")).to_have_value(PASTED)
    expect(other.get_by_text("Being written")).to_be_hidden()
