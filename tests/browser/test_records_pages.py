"""A privacy officer's morning in a real browser: upload, check, import, review by keyboard, propose."""

import os
from pathlib import Path

import pytest
from browsing import PASSWORD, keep, sign_in
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from records import store
from records.models import DatasetProposal, Record, Redaction, Upload
from records.services import scrubbing
from records.services.review import approve_records, latest_text

pytestmark = pytest.mark.browser

NOTES = """text,summary,patient,kind,section
"Dr. Ann Lee saw John Smith (MRN 4417823) on 05/03/2021.\r
He has had a dry cough 😀 for two weeks. Lungs clear. He lives beside the lighthouse.",Dry cough for two weeks; lungs clear.,P1,progress_note,ASSESSMENT
"Maria Gomez, seen 06/01/2022, phone 555-201-3344. Blood pressure 150/95. Started lisinopril 10 mg daily.",High blood pressure; lisinopril started.,P2,progress_note,PLAN
Follow-up of a sprained ankle. Swelling is down. No pain at rest.,Sprained ankle improves.,P3,progress_note,PLAN
broken,row
"""


def test_from_an_uploaded_file_to_a_proposed_dataset(page: Page, server: str, alice: User) -> None:
    sign_in(page, server, "alice")
    keep(page, "home-empty")
    page.get_by_role("link", name="Records", exact=True).click()
    keep(page, "records-empty")

    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_label("Drop a file here").set_input_files(
        {"name": "notes.csv", "mimeType": "text/csv", "buffer": NOTES.encode()}
    )
    expect(page.locator("#file-note")).to_contain_text("notes.csv")
    keep(page, "upload")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Row 5:")).to_be_visible()
    keep(page, "preview")
    page.get_by_role("button", name="Import 3 records").click()
    expect(page.get_by_text("3 records are still waiting")).to_be_visible()
    keep(page, "records-being-scrubbed")
    scrubbing.scrub_upload(upload=Upload.objects.get())
    expect(page.get_by_text("All records are scrubbed")).to_be_visible()
    page.get_by_role("link", name="Show the new list").click()
    keep(page, "records")

    page.get_by_role("link", name="R-000001").click()
    expect(page.locator("mark", has_text="John Smith")).to_be_visible()
    keep(page, "record")
    page.get_by_role("link", name="Scrubbed", exact=True).click()
    expect(page.get_by_text("[NAME_1]").first).to_be_visible()
    keep(page, "record-scrubbed")
    page.goto(server)
    keep(page, "home")

    review_by_keyboard(page)
    page.get_by_role("link", name="Leave for later").click()
    approve_records(
        clinic=alice.membership.clinic, records=Record.objects.all(), reviewer=alice, reason="browser test"
    )
    page.get_by_role("link", name="Review", exact=True).click()
    keep(page, "review-done")
    page.get_by_role("link", name="Propose a dataset").click()
    keep(page, "propose")
    page.get_by_label("Name of the dataset").fill("November 2026")
    page.get_by_role("button", name="Propose 3 records").click()
    expect(page.get_by_role("heading", name="November 2026")).to_be_visible()
    keep(page, "proposal")
    assert DatasetProposal.objects.get().text_count == 3
    page.get_by_role("link", name="Datasets", exact=True).click()
    keep(page, "datasets")
    page.get_by_role("link", name="Privacy policy").click()
    keep(page, "policy")


def review_by_keyboard(page: Page) -> None:
    """Reject one redaction, hide a missed place after an emoji and a Windows line end, approve: no mouse but to select."""
    page.get_by_role("link", name="Start reviewing").click()
    expect(page.get_by_text("3 of 3")).to_be_visible()
    keep(page, "review")
    record = Record.objects.get(number=1)
    while page.get_by_role("heading", name="Review R-000001").count() == 0:
        page.get_by_role("link", name="Leave for later").click()
    page.locator("#words").focus()
    mrn = record.redactions.get(kind="MRN")
    for _ in range(record.redactions.count()):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.value") == str(mrn.pk):
            break
    page.keyboard.press("x")
    page.get_by_label("What they are").select_option("LOCATION")
    select_word(page, "lighthouse")
    expect(page.locator("#selection")).to_contain_text("lighthouse")
    page.locator("#words").focus()
    page.keyboard.press("m")
    expect(page.locator("#mark-list")).to_contain_text("lighthouse (Place)")
    page.keyboard.press("?")
    expect(page.get_by_text("choose what they are")).to_be_visible()
    keep(page, "review-keys")
    page.locator("#words").focus()
    page.keyboard.press("a")
    expect(page.get_by_text("R-000001 is approved.")).to_be_visible()
    texts = store.open_scrubbed(latest_text(record))
    assert "MRN 4417823" in texts.source
    assert "He lives beside the [LOCATION_1]." in texts.source
    assert record.redactions.get(pk=mrn.pk).verdict == Redaction.Verdict.REJECTED


def select_word(page: Page, word: str) -> None:
    """Select a word in the text the way a double click does."""
    page.evaluate(
        """(word) => {
            const walker = document.createTreeWalker(document.getElementById("words"), NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const at = node.data.indexOf(word);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                const selection = document.getSelection();
                selection.removeAllRanges();
                selection.addRange(range);
            }
        }""",
        word,
    )


def test_a_file_chosen_before_the_script_has_come_is_named_all_the_same(
    page: Page, server: str, alice: User
) -> None:
    held: list[Route] = []
    sign_in(page, server, "alice")
    page.route("**/upload*.js", lambda route: held.append(route))  # a bound builtin cannot be wrapped
    page.goto(f"{server}/records/upload/", wait_until="commit")
    page.get_by_label("Drop a file here").set_input_files(
        {"name": "early.txt", "mimeType": "text/plain", "buffer": b"Cough for two weeks."}
    )
    expect(page.locator("#file-note")).to_be_empty()
    held[0].continue_()
    expect(page.locator("#file-note")).to_contain_text("early.txt")


def test_the_menu_opens_on_a_phone_and_by_keyboard(page: Page, server: str, officer: User) -> None:
    sign_in(page, server, "olga")
    page.set_viewport_size({"width": 360, "height": 700})
    expect(page.get_by_role("link", name="Datasets", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Datasets", exact=True)).to_be_visible()
    if folder := os.environ.get("PRECIS_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "menu-360-light.png")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Datasets", exact=True)).to_be_hidden()


def test_the_pages_of_staff_keys_and_the_log(
    page: Page, server: str, alice: User, officer: User, clerk: User
) -> None:
    sign_in(page, server, "alice")
    page.get_by_role("link", name="Staff").click()
    page.get_by_label("Name to sign in with").fill("nora")
    page.get_by_role("button", name="Add to the staff").click()
    expect(page.get_by_text("nora can sign in now")).to_be_visible()
    keep(page, "staff")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("What will use this key").fill("Ward software")
    page.get_by_role("button", name="Issue a key").click()
    expect(page.get_by_role("heading", name="The new key")).to_be_visible()
    keep(page, "keys")
    page.get_by_role("link", name="Audit log").click()
    page.get_by_role("button", name="Check the chain").click()
    expect(page.get_by_text("The chain is whole")).to_be_visible()
    keep(page, "audit-log")
    page.get_by_role("link", name="Change password").click()
    keep(page, "change-password")


def test_without_scripts_everything_still_works(page: Page, server: str, alice: User) -> None:
    assert page.context.browser
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()
    plain.goto(server)
    plain.get_by_label("Username").fill("alice")
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Sign in").click()
    plain.get_by_role("link", name="Upload", exact=True).click()
    plain.get_by_label("Drop a file here").set_input_files(
        {"name": "note.txt", "mimeType": "text/plain", "buffer": b"The keeper of the lighthouse has a cough."}
    )
    plain.get_by_role("button", name="Upload").click()
    plain.get_by_role("button", name="Import 1 record").click()
    scrubbing.scrub_upload(upload=Upload.objects.get())
    plain.get_by_role("link", name="Review", exact=True).click()
    plain.get_by_label("What they are").select_option("LOCATION")
    plain.get_by_label("Words that should be hidden too").fill("lighthouse")
    plain.get_by_role("button", name="Approve and go on").click()
    expect(plain.get_by_text("All done")).to_be_visible()
    text = store.open_scrubbed(latest_text(Record.objects.get())).source
    assert text == "The keeper of the [LOCATION_1] has a cough."
