"""A privacy officer's morning in a real browser: upload, check, import, review by keyboard, freeze.

Set PRECIS_SCREENSHOTS to a folder to keep a picture of every page, wide and narrow, light and dark.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from records import store
from records.models import Dataset, Record, Redaction, Upload
from records.services import scrubbing
from records.services.review import approve_records, latest_text

pytestmark = pytest.mark.browser

PASSWORD = "a long enough password"
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"
NOTES = """text,summary,patient,kind,section
"Dr. Ann Lee saw John Smith (MRN 4417823) on 05/03/2021.\r
He has had a dry cough 😀 for two weeks. Lungs clear. He lives beside the lighthouse.",Dry cough for two weeks; lungs clear.,P1,progress_note,ASSESSMENT
"Maria Gomez, seen 06/01/2022, phone 555-201-3344. Blood pressure 150/95. Started lisinopril 10 mg daily.",High blood pressure; lisinopril started.,P2,progress_note,PLAN
Follow-up of a sprained ankle. Swelling is down. No pain at rest.,Sprained ankle improves.,P3,progress_note,PLAN
broken,row
"""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    # Playwright runs an event loop in this thread, which Django would take for asynchronous code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        opened.set_default_timeout(15_000)
        complaints: list[str] = []
        opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert complaints == []


@pytest.fixture
def server(live_server: LiveServer, settings: pytest.FixtureRequest) -> str:
    return str(live_server.url)


def keep(page: Page, name: str) -> None:
    """Pictures of the page as it is now, and a check that nothing runs over the edge of a phone."""
    folder = os.environ.get("PRECIS_SCREENSHOTS")
    for width, scheme in ((1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{name} is wider than {width} px"
        )
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def sign_in(page: Page, server: str, name: str) -> None:
    page.goto(server)
    keep(page, "sign-in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_from_an_uploaded_file_to_a_frozen_dataset(page: Page, server: str, alice: User) -> None:
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
    page.get_by_role("link", name="Freeze a dataset").click()
    keep(page, "freeze")
    page.get_by_label("Name of the dataset").fill("November 2026")
    page.get_by_role("button", name="Freeze 3 records").click()
    expect(page.get_by_role("heading", name="November 2026")).to_be_visible()
    keep(page, "dataset")
    assert Dataset.objects.get().train_count == 1
    page.get_by_role("link", name="Datasets", exact=True).click()
    keep(page, "datasets")


def review_by_keyboard(page: Page) -> None:
    """Reject one redaction, hide a missed place after an emoji and a Windows line end, approve: no mouse but to select."""
    page.get_by_role("link", name="Start reviewing").click()
    expect(page.get_by_text("3 of 3")).to_be_visible()
    keep(page, "review")
    page.locator("#words").focus()
    record = Record.objects.get(number=1)
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
    keep(page, "review-marked")
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
