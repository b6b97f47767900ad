"""A clinician summarizes, edits, looks at her changes and accepts, without a mouse: in a real browser.

Only ``page.keyboard`` acts on the pages; the tests merely look.
"""

from pathlib import Path

import pypdfium2
import pytest
from browsing import enter_on, keep, press_until_focused, sign_in_by_keyboard
from playwright.sync_api import Page, expect
from stub_engine import StubEngine, serve_too
from traces import rows_holding
from written import summarize_text

from accounts.models import Clinic, User
from summaries import reviewing, shadows
from summaries.models import Shadow, Summary, SummaryEdit, SummaryReview
from training.models import ModelArtifact

pytestmark = pytest.mark.browser
expect.set_options(timeout=20_000)

PASTED = (
    "Cardiology follow-up. Mary Ellsworth (DOB 02/11/1971, MRN 00482913) reports chest tightness on climbing "
    "stairs for three weeks, relieved by rest. No syncope. ECG normal. Plan: metoprolol 25 mg twice daily, exercise test."
)
SUMMARY = "[NAME_1] has had exertional chest tightness for two weeks. ECG is normal. Metoprolol was started."


@pytest.fixture
def engine(engine: StubEngine) -> StubEngine:
    engine.answer = SUMMARY
    return engine


def open_a_draft(page: Page, server: str) -> None:
    """From signing in to the page on which it is decided about, by keyboard alone."""
    sign_in_by_keyboard(page, server, "dina")
    page.goto(f"{server}/portal/")
    press_until_focused(page, "Or paste a record")
    page.keyboard.insert_text(PASTED)
    enter_on(page, "Summarize")
    enter_on(page, "Check, edit and accept")


def replace_word(page: Page, steps: int, letters: int, word: str) -> None:
    """From the text's beginning ``steps`` letters on, ``letters`` of them replaced."""
    page.keyboard.press("Control+Home")
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
    for _ in range(letters):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.type(word)


def test_from_a_pasted_record_to_an_accepted_summary(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    sign_in_by_keyboard(page, server, "dina")
    page.goto(f"{server}/portal/")
    press_until_focused(page, "Or paste a record")
    page.keyboard.insert_text(PASTED)
    enter_on(page, "Summarize")
    expect(page.locator("#summary-text")).to_contain_text("Mary Ellsworth has had exertional")
    enter_on(page, "Check, edit and accept")
    expect(page.get_by_label("Your text")).to_be_focused()
    keep(page, "summary-draft")

    replace_word(page, SUMMARY.index("two"), 3, "three")
    expect(page.locator(".changes ins")).to_have_text("three")
    expect(page.locator(".changes del")).to_have_text("two")
    expect(page.locator("#edit-state")).to_contain_text("Saved ")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Call Zebulon Quarrington.")
    expect(page.get_by_text("1 identifier caught.")).to_be_visible()
    expect(page.locator("#edit-state")).to_contain_text("“Zebulon Quarrington” → [NAME_2]")
    keep(page, "summary-edited")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "weeks" not in kept, "others may sit at this machine after her"

    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Look at it once more")).to_be_visible()
    expect(page.get_by_label("Your text")).to_be_focused()
    assert not SummaryReview.objects.exists(), "what is accepted is what she has seen"
    page.goto(f"{server}/summaries/{Summary.objects.get().uuid}/")
    expect(page.get_by_label("Your text")).to_have_value(SUMMARY.replace("two", "three") + " Call [NAME_2].")
    press_until_focused(page, "Your text")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Accepted by dina")).to_be_visible()
    expect(page.locator("#accepted-text")).to_contain_text("for three weeks")
    expect(page.locator(".changes del")).to_have_text("two")
    expect(page.get_by_role("heading", name="Draft summary")).to_be_visible()
    keep(page, "summary-accepted")
    review = SummaryReview.objects.select_related("summary__clinic").get()
    assert reviewing.text_of(review).endswith(
        "for three weeks. ECG is normal. Metoprolol was started. Call [NAME_2]."
    )
    assert not SummaryEdit.objects.exists()
    assert rows_holding("Quarrington") == []

    page.goto(f"{server}/summaries/")
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    enter_on(page, "Accepted 1")
    page.wait_for_url("**status=accepted*")
    keep(page, "summaries-accepted")


def test_a_draft_is_rejected_rated_and_never_printed_as_final(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    open_a_draft(page, server)
    expect(page.get_by_label("Your text")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_text("DRAFT – not accepted", exact=True)).to_be_visible()
    expect(page.get_by_label("Your text")).to_be_hidden()
    page.emulate_media(media="screen")
    enter_on(page, "Rate the draft, if you have a moment")
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="Complete").get_by_label("1")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    enter_on(page, "Reject…")
    press_until_focused(page, "Why")
    page.keyboard.type("It says what")
    keep(page, "summary-rejecting")
    enter_on(page, "Reject the draft")
    expect(page.get_by_role("heading", name="Rejected by dina")).to_be_visible()
    expect(page.get_by_text("It says what the record does not.")).to_be_visible()
    expect(page.get_by_text("complete 2/5")).to_be_visible()
    keep(page, "summary-rejected")


def test_every_printed_page_of_a_draft_says_so(
    page: Page, server: str, engine: StubEngine, clinic: Clinic, clinician: User
) -> None:
    engine.answer = "\n".join(f"The cough was there on day {day}." for day in range(120))
    summary = summarize_text(clinic=clinic, text=PASTED, user=clinician).summary
    sign_in_by_keyboard(page, server, "dina")
    for banner in ("DRAFT – not accepted", ""):
        page.goto(f"{server}/summaries/{summary.uuid}/")
        printed = pypdfium2.PdfDocument(page.pdf(format="A4"))
        texts = [sheet.get_textpage().get_text_bounded() for sheet in printed]
        assert len(texts) > 2
        assert "on day 119." in "".join(texts)
        assert all(("DRAFT" in text) == bool(banner) and banner in text for text in texts)
        assert "What the model saw" not in "".join(texts)
        if banner:
            reviewing.accept(summary=summary, user=clinician)


def test_a_session_that_ended_does_not_cost_the_edit(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    open_a_draft(page, server)
    expect(page.get_by_label("Your text")).to_be_focused()
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+End")
    page.keyboard.type(" No syncope.")
    expect(page.get_by_text("You have been signed out.")).to_be_visible()
    expect(page.get_by_label("Your text")).to_have_value(f"{SUMMARY} No syncope.")
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # as signing in again in another tab does
    page.keyboard.type(" Rest helps.")
    expect(page.locator("#edit-state")).to_contain_text("Saved ")
    edit = reviewing.edit_of(Summary.objects.select_related("clinic").get(), clinician)
    assert edit is not None
    assert edit.text == f"{SUMMARY} No syncope. Rest helps."


def test_corrections_are_handed_on_by_keyboard(
    page: Page, server: str, engine: StubEngine, clinician: User, clerk: User, clinic: Clinic
) -> None:
    for week in ("three", "four"):
        summary = summarize_text(clinic=clinic, text=f"{PASTED} Seen {week} times.", user=clinician).summary
        reviewing.accept(summary=summary, user=clinician, text=SUMMARY.replace("two", week))
    sign_in_by_keyboard(page, server, "carl")
    enter_on(page, "Corrections")
    expect(page.get_by_text("2 corrections wait to be trained on.")).to_be_visible()
    keep(page, "corrections")
    enter_on(page, "Train on what we fixed")
    expect(page.get_by_text("2 corrections are records now.")).to_be_visible()
    keep(page, "corrections-handed-on")


def test_a_model_is_tested_on_what_was_corrected_by_keyboard(
    page: Page, server: str, engine: StubEngine, clinician: User, clinic: Clinic, alice: User, own_var: Path
) -> None:
    for days in range(2, 8):
        text = f"{PASTED} Seen {days} times."
        summary = summarize_text(clinic=clinic, text=text, user=clinician).summary
        reviewing.accept(summary=summary, user=clinician, text=SUMMARY.replace("two", "three"))
    candidate = ModelArtifact.objects.get(name="summarizer-1-q4_k")
    serve_too(own_var, candidate.sha256)
    sign_in_by_keyboard(page, server, "alice")
    page.goto(f"{server}/summaries/corrections/")
    enter_on(page, "Test a model on these")
    expect(page.get_by_text("No model runs as a shadow")).to_be_visible()
    page.goto(f"{server}/models/{candidate.uuid}/")
    enter_on(page, "Try it as a shadow…")
    expect(page.get_by_label("Also ask it about the newest drafts")).to_be_checked()
    keep(page, "shadow-start")
    enter_on(page, "Start the shadow")
    expect(page.get_by_text("6 drafts wait to be asked about")).to_be_visible()
    engine.answer = SUMMARY.replace("two", "three")
    for _ in range(6):
        shadows.answer_next(str(Shadow.objects.get().uuid))
    page.reload()
    expect(page.get_by_text("It would have needed less correcting.")).to_be_visible()
    expect(page.get_by_role("row", name="Words struck out that came back")).to_contain_text("0 of 6")
    keep(page, "shadow-corrections")
