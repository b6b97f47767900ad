"""A clinician finds the wrong dose in a draft by keyboard, sees where the record says otherwise, in a real browser."""

import json

import pytest
from browsing import keep, sign_in
from playwright.sync_api import Page, expect
from stub_engine import StubEngine

from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TURNS = """Doctor: Good morning, Mrs. Quarrington. What brings you in?
Patient: My left knee has been swollen for three weeks.
Doctor: Did you fall, or twist it?
Patient: I knelt in the garden a whole afternoon. The next morning it was like a ball.
Doctor: Does it hurt at night?
Patient: A little, when I turn over. Mostly on the stairs.
Doctor: Any fever or chills?
Patient: No.
Doctor: Have you had this before?
Patient: Years ago, on the same side. It went away with rest.
Doctor: Do you smoke?
Patient: I stopped when my grandson was born.
Doctor: And wine, or beer?
Patient: A glass of wine on Sundays.
Doctor: How is your blood pressure at home?
Patient: My daughter writes it down for me. It has been fine, she says.
Doctor: Let me look at it. It is warm, and there is fluid above the kneecap. It is not red.
Patient: Is it the joint itself?
Doctor: I think it is the bursa. We will see on the film.
Patient: I have brought my tablets, so that you can see what I take.
Doctor: Please tell me.
Patient: Metoprolol 25 mg twice a day, for my heart.
Doctor: I will give you ibuprofen 600 mg for the knee, and see you in two weeks.""".splitlines()
DRAFT = (
    "[NAME_1] has had a swollen left knee for three weeks. She takes metoprolol 250 mg twice a day. "
    "A colonoscopy is scheduled. Ibuprofen 600 mg was given."
)


def test_the_wrong_dose_is_found_by_keyboard_and_the_record_beside_it(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    engine.answer = DRAFT
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("\n".join(TURNS))
    page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
    expect(page.get_by_role("heading", name="Look at these 2 sentences first")).to_be_visible()
    first = page.locator(".look-first li").first
    expect(first).to_contain_text("The record says “25 mg”")
    expect(first).to_contain_text("The record would bear out: “She takes metoprolol 25 mg twice a day.”")

    page.locator("#summary-text .claim").first.focus()
    page.keyboard.press("Tab")
    expect(page.locator("#summary-text .claim-wrong").first).to_be_focused()
    line = page.locator(".record-line.is-lit", has_text="Metoprolol 25 mg twice a day")
    expect(line).to_be_in_viewport()
    keep(page, "portal-checked")

    page.keyboard.press("Enter")
    expect(page.locator(".record-line:target")).to_contain_text("Metoprolol 25 mg")
    page.get_by_role("link", name="Check, edit and accept").click()
    expect(page.locator(".claim-wrong").first).to_contain_text("metoprolol 250 mg")
    keep(page, "summary-checked")
    page.get_by_role("button", name="Use this").press("Enter")
    expect(page.get_by_role("button", name="Use this")).to_be_hidden()
    page.get_by_role("button", name="Leave it out").press("Enter")
    expect(page.get_by_label("Your text")).to_have_value(
        DRAFT.replace("250 mg", "25 mg").replace(" A colonoscopy is scheduled.", "")
    )
    expect(page.locator("#edit-state del", has_text="colonoscopy")).to_be_visible()
    expect(page.get_by_text("Accepted by")).to_have_count(0)


def test_a_flagged_sentence_is_explained_beside_it_and_the_page_stays_as_it_is(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    engine.answer = (
        "Her left knee has been swollen for three months. She takes metoprolol 25 mg three times a day."
    )
    engine.under_schema = {
        "explanation": said("The record says three weeks, but the sentence says three months.", "number"),
        "rewrite": json.dumps({"rewrite": "She takes metoprolol 25 mg twice a day."}),
    }
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("\n".join(TURNS))
    page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
    button = page.get_by_role("button", name="Explain sentence 1")
    button.scroll_into_view_if_needed()
    stood_at = page.evaluate("scrollY")
    button.press("Enter")
    expect(page.locator("#explanation-1")).to_contain_text("The model explains: The record says three weeks")
    assert page.evaluate("scrollY") == stood_at, "the page did not jump"
    expect(button).to_be_focused()
    engine.under_schema["explanation"] = said("The sentence is supported by the record.", "supported")
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(page.locator("#explanation-2")).to_contain_text("Needs a look.")
    expect(page.locator("#summary-text")).to_contain_text("metoprolol 25 mg three times a day")
    keep(page, "portal-explained")

    page.get_by_role("link", name="Check, edit and accept").click()
    page.get_by_label("Your text").press_sequentially("X")
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(page.locator("#explanation-2")).to_contain_text("The check finds nothing wrong with that.")
    keep(page, "summary-explained")
    page.locator("#explanation-2").get_by_role("button", name="Use this").press("Enter")
    expect(page.get_by_label("Your text")).to_have_value(
        "XHer left knee has been swollen for three months. She takes metoprolol 25 mg twice a day."
    )


def said(text: str, category: str) -> str:
    return json.dumps({"category": category, "explanation": text})
