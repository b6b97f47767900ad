"""The upload pages in a real browser: the question of encoding by keyboard, and a scan's note before the import."""

from pathlib import Path

import pytest
from browsing import keep, sign_in
from corpus.writers import pdf_of, pdf_table, pdf_text
from playwright.sync_api import Page, expect

from accounts.models import User
from records import store
from records.models import Record

pytestmark = pytest.mark.browser

NOTE = "First line\nTook ½ tablet of 10 µg – “stable”, 37 °C\nGröße 1,80 m\n"


def test_a_clerk_says_by_keyboard_how_a_text_is_encoded(
    page: Page,
    server: str,
    clerk: User,
    tmp_path: Path,
) -> None:
    file = tmp_path / "note.txt"
    file.write_bytes(NOTE.encode("cp1252"))
    sign_in(page, server, clerk.username)
    page.goto(f"{server}/records/upload/")
    page.get_by_text("What should the file look like?").click()
    keep(page, "upload")
    page.get_by_label("Drop a file here, or choose one").set_input_files(file)
    page.get_by_role("button", name="Upload").press("Enter")
    expect(page.get_by_role("heading", name="How is the text written?")).to_be_visible()
    keep(page, "encoding")
    page.get_by_role("button", name="Read it this way").press("Enter")
    expect(
        page.get_by_role("heading", name="How is the text written?")
    ).to_be_visible()  # nothing is chosen yet
    page.get_by_label("Windows, Western Europe and America").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check the file")).to_be_visible()
    expect(page.get_by_text("Took ½ tablet of 10 µg")).to_be_visible()
    keep(page, "encoding-preview")
    page.get_by_role("button", name="Import 1 record").press("Enter")
    expect(page.get_by_role("heading", name="Records")).to_be_visible()
    assert store.load_original(Record.objects.get()).source == NOTE


def test_a_pdf_s_table_is_seen_before_it_is_imported(
    page: Page,
    server: str,
    clerk: User,
    tmp_path: Path,
) -> None:
    file = tmp_path / "labs.pdf"
    file.write_bytes(
        pdf_of(pdf_text("Labs of today") + b"\n" + pdf_table([["Test", "Value"], ["Potassium", "4.1"]]))
    )
    sign_in(page, server, clerk.username)
    page.goto(f"{server}/records/upload/")
    page.get_by_label("Drop a file here, or choose one").set_input_files(file)
    page.get_by_role("button", name="Upload").press("Enter")
    expect(page.get_by_text("Potassium | 4.1")).to_be_visible()
    keep(page, "pdf-preview")
