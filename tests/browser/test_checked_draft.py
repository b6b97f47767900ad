"""A clinician finds the wrong dose in a draft by keyboard, sees where the record says otherwise, in a real browser."""

import json
import re
from typing import Any

import pytest
from browsing import forget_refusals, keep, sign_in
from playwright.sync_api import Locator, Page, expect
from stub_engine import StubEngine

from accounts.models import User
from tests.scripted_teacher import KEY, NAME, scripted_teacher

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
    }
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("\n".join(TURNS))
    page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
    button = page.get_by_role("button", name="Explain sentence 1")
    button.scroll_into_view_if_needed()
    stood_at = page.evaluate("scrollY")
    button.press("Enter")
    expect(explanation(page, 1)).to_contain_text("The model explains: The record says three weeks")
    assert page.evaluate("scrollY") == stood_at, "the page did not jump"
    expect(button).to_be_focused()
    engine.under_schema["explanation"] = said("The sentence is supported by the record.", "supported")
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(explanation(page, 2)).to_contain_text("Needs a look.")
    expect(page.locator("#summary-text")).to_contain_text("metoprolol 25 mg three times a day")
    keep(page, "portal-explained")

    page.get_by_role("link", name="Check, edit and accept").click()
    page.get_by_label("Your text").press_sequentially("X")
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(explanation(page, 2)).to_contain_text("Needs a look.")
    keep(page, "summary-explained")
    page.locator("[data-to='She takes metoprolol 25 mg twice a day.']").press("Enter")
    expect(page.get_by_label("Your text")).to_have_value(
        "XHer left knee has been swollen for three months. She takes metoprolol 25 mg twice a day."
    )


def test_a_sentence_with_two_errors_the_model_writes_anew_and_only_what_the_check_bears_out_is_offered(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    engine.answer = (
        "Her right knee has been swollen for three months. She takes metoprolol 250 mg three times a day."
    )
    engine.under_schema = {"rewrite": rewritten("Her left knee has been swollen for three weeks.")}
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("\n".join(TURNS))
    page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
    page.get_by_role("link", name="Check, edit and accept").click()
    expect(page.locator("#checked .claim-wrong")).to_have_count(2)
    page.get_by_role("button", name="Explain sentence 1").press("Enter")
    expect(explanation(page, 1)).to_contain_text(
        "The model would write: “Her left knee has been swollen for three weeks.” The check finds nothing wrong with that."
    )
    engine.under_schema["rewrite"] = rewritten("She takes metoprolol 50 mg twice a day.")
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(explanation(page, 2)).to_contain_text("Leave it out, unless you know it from elsewhere.")
    expect(page.locator("#checked")).not_to_contain_text("50 mg twice")
    keep(page, "summary-rewritten")
    explanation(page, 1).get_by_role("button", name="Use this").press("Enter")
    expect(page.get_by_label("Your text")).to_have_value(
        "Her left knee has been swollen for three weeks. She takes metoprolol 250 mg three times a day."
    )
    expect(page.locator("#checked .claim-wrong")).to_have_count(1)


def test_a_larger_model_explains_and_where_it_is_away_the_page_says_so(
    page: Page, server: str, engine: StubEngine, clinician: User, settings: Any, complaints: list[str]
) -> None:
    engine.answer = (
        "Her left knee has been swollen for three months. She takes metoprolol 25 mg three times a day."
    )
    answer = said("The record says three weeks, but the sentence says three months.", "number")
    settings.EXPLAINER_KEY, settings.EXPLAINER_MODEL = KEY, NAME
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    with scripted_teacher(lambda _: answer) as larger:
        settings.EXPLAINER_URL = larger.url
        page.get_by_label("Or paste a record").fill("\n".join(TURNS))
        page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
        page.get_by_role("button", name="Explain sentence 1").press("Enter")
        expect(explanation(page, 1)).to_contain_text(f"{NAME} explains: The record says three weeks")
        assert len(engine.received) == 1, "the model that wrote was not asked"
    page.get_by_role("button", name="Explain sentence 2").press("Enter")
    expect(explanation(page, 2)).to_contain_text("The engine does not answer. Try again")
    expect(page.locator("#summary-text .claim-wrong")).to_have_count(2)
    keep(page, "portal-explained-by-a-larger")
    forget_refusals(complaints, 503)


def test_an_edited_text_is_checked_while_she_types_and_accepted_with_its_own_check(
    page: Page, server: str, engine: StubEngine, clinician: User
) -> None:
    engine.answer = DRAFT
    engine.under_schema = {"explanation": said("The record says nothing of a colonoscopy.", "missing")}
    sign_in(page, server, "dina")
    page.goto(f"{server}/portal/")
    page.get_by_label("Or paste a record").fill("\n".join(TURNS))
    page.get_by_role("button", name="Summarize", exact=True).last.press("Enter")
    page.get_by_role("link", name="Check, edit and accept").click()
    expect(page.locator("#checked .claim-wrong")).to_have_count(2)
    page.get_by_role("button", name="Explain sentence 3").press("Enter")
    expect(explanation(page, 3)).to_contain_text("The model explains:")

    box = page.get_by_label("Your text")
    box.press("Control+Home")
    box.press_sequentially("She had a biopsy in 1987. ")
    expect(page.locator("#checked .claim-wrong")).to_have_text(
        [
            "She had a biopsy in 1987.",
            "She takes metoprolol 250 mg twice a day.",
            "A colonoscopy is scheduled.",
        ]
    )
    expect(page.get_by_text("3 sentences to look at, marked above.")).to_be_visible()
    expect(explanation(page, 4)).to_contain_text("The model explains:")  # It was asked for before.
    expect(box).to_be_focused()
    box.press_sequentially("Nothing else. ")
    expect(box).to_have_value(re.compile("^She had a biopsy in 1987. Nothing else. "))
    keep(page, "summary-edit-checked")

    box.fill("She takes metoprolol 25 mg twice a day.")
    expect(page.locator("#checked .claim-wrong")).to_have_count(0)
    expect(page.locator("#checked")).to_contain_text("ibuprofen")  # It is left out now.
    page.get_by_role("button", name="Accept this text").press("Enter")
    expect(page.get_by_role("heading", name="Accepted by dina")).to_be_visible()
    expect(page.get_by_text("the check held 0 of 1 sentence against the record")).to_be_visible()
    expect(page.locator(".claim-wrong")).to_have_count(0)
    page.locator("#accepted-text .claim").first.focus()
    expect(page.locator(".record-line.is-lit").first).to_contain_text("Metoprolol 25 mg")
    keep(page, "summary-accepted-checked")


def explanation(page: Page, number: int) -> Locator:
    return page.locator(f"#why-{number} .explanation")


def said(text: str, category: str) -> str:
    return json.dumps({"category": category, "explanation": text})


def rewritten(sentence: str) -> str:
    return json.dumps({"rewrite": sentence})
