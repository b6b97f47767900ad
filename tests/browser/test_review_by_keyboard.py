"""Thirty records reviewed without a mouse, signed by two people, read blind, frozen: in a real browser.

Only ``page.keyboard`` acts on the pages; the tests merely look.
"""

import pytest
from browsing import enter_on, keep, press_until_focused, sign_in_by_keyboard
from model_rows import pretend_installed
from playwright.sync_api import Page, expect

from accounts.models import Clinic, User
from audit import log
from records import store
from records.models import Dataset, DatasetProposal, PrivacyPolicy, Record, Redaction, SampledText
from records.readers import Row
from records.services.release import check_releasable
from records.services.review import latest_text, waiting_records
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows
from training.models import TrainingRun

pytestmark = pytest.mark.browser

COUNT = 30
# "05/03" is a date to the scrubber, though never a sure one.
NOTE = """Patient {name} (MRN 44178{number:02}) came on 05/03/2021 with a cough of {number} days.
No fever, lungs clear. Strength of the left hand 4/5. {more}
Seen again on 05/{day:02}. Fluids advised."""
NAMES = ["John Smith", "Maria Gomez", "Ann Lee", "Peter Novak", "Ruth Kaplan"]
MISSED = "Lives in the lighthouse of the bay."


@pytest.fixture
def records(clinic: Clinic, officer: User) -> list[Record]:
    """Thirty scrubbed records of as many patients; one of them holds a place that no rule can know."""
    rows = [
        Row(
            number,
            NOTE.format(
                name=NAMES[number % 5],
                number=number,
                day=number,
                more=MISSED if number == 17 else "Sleeps well.",
            ),
            f"Cough for {number} days; fluids.",
            patient=f"P{number}",
        )
        for number in range(1, COUNT + 1)
    ]
    found = import_rows(clinic=clinic, user=officer, rows=rows).records
    for record in found:
        scrub_record(record=record)
    return [Record.objects.get(pk=record.pk) for record in found]


def test_thirty_records_by_keyboard_then_signed_read_blind_frozen_and_open_for_training(
    page: Page,
    server: str,
    clinic: Clinic,
    officer: User,
    alice: User,
    records: list[Record],
    settings: pytest.FixtureRequest,
    own_var: object,
) -> None:
    pretend_installed(settings, own_var)  # type: ignore[arg-type]
    PrivacyPolicy.objects.filter(clinic=clinic).update(max_leak_rate=0.2)  # fourteen texts to read
    sign_in_by_keyboard(page, server, "olga")
    page.goto(f"{server}/records/review/")
    review_all(page, clinic)
    assert Record.objects.filter(status=Record.Status.APPROVED, reviewed_by=officer).count() == COUNT
    assert_what_was_decided()

    page.goto(f"{server}/datasets/propose/")
    press_until_focused(page, "Name of the dataset")
    page.keyboard.type("Autumn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Autumn")).to_be_visible()
    keep(page, "review-proposed")
    enter_on(page, "Sign as olga")
    expect(page.get_by_text("Another person must sign too")).to_be_visible()
    keep(page, "review-signed-once")
    assert page.get_by_role("button", name="Freeze").count() == 0
    proposal = DatasetProposal.objects.get()

    as_alice(page, server)
    page.goto(f"{server}/datasets/proposed/{proposal.uuid}/")
    enter_on(page, "Sign as alice")
    expect(page.get_by_text("Both have signed")).to_be_visible()
    keep(page, "review-sign")
    read_blind(page, proposal)
    page.goto(f"{server}/datasets/proposed/{proposal.uuid}/")
    keep(page, "review-read")
    enter_on(page, "Freeze 30 records")
    expect(page.get_by_role("heading", name="Autumn")).to_be_visible()
    keep(page, "review-frozen")
    dataset = Dataset.objects.get()
    assert {each.signer.username for each in dataset.proposal.signatures.all()} == {"olga", "alice"}
    check_releasable(dataset)
    start_a_run(page, server)
    assert TrainingRun.objects.get().dataset == dataset
    assert log.faults(clinic) == []


def review_all(page: Page, clinic: Clinic) -> None:
    """Approve what the page shows, thirty times; reject a false date in some, hide a missed place in one."""
    for number in range(COUNT):
        expect(page.get_by_text(f"{COUNT - number} of {COUNT}")).to_be_visible()
        page.wait_for_load_state()
        record = waiting_records(clinic).first()
        assert record is not None
        expect(page.get_by_role("heading", name=f"Review {record.label}")).to_be_visible()
        assert_focus_is_on_the_first_doubtful_place(page, record)
        if number == 1:
            keep(page, "review")
        if record.number in (4, 9, 23):
            go_to_redaction(page, f"05/{record.number:02}")
            page.keyboard.press("x")
        if record.number == 17:
            mark_the_lighthouse(page)
        page.keyboard.press("a")
    expect(page.get_by_text("All done")).to_be_visible()


def assert_focus_is_on_the_first_doubtful_place(page: Page, record: Record) -> None:
    focused = page.evaluate("document.activeElement.value")
    doubtful = record.redactions.filter(score__lt=0.85).order_by("field", "start").first()
    first = doubtful or record.redactions.order_by("field", "start").first()
    assert first is not None
    assert focused == str(first.pk)


def go_to_redaction(page: Page, words: str) -> None:
    """Step with j until the focus is on a hidden place that reads so."""
    for _ in range(20):
        if (
            page.evaluate("document.activeElement.parentElement.querySelector('[data-start]').textContent")
            == words
        ):
            return
        page.keyboard.press("j")
    raise AssertionError("the keys do not lead there")


def mark_the_lighthouse(page: Page) -> None:
    """Walk to the word from the place that has the focus, take in three more, name the kind, hide; undo, redo."""
    for _ in range(60):
        if page.evaluate("getSelection().toString()") == "lighthouse":
            break
        page.keyboard.press("ArrowLeft")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#selection")).to_contain_text("lighthouse of the bay")
    page.keyboard.press("t")
    page.keyboard.type("Place")
    page.keyboard.press("Enter")
    expect(page.locator("#mark-list")).to_contain_text("lighthouse of the bay (Place)")
    assert page.evaluate("document.activeElement.name") == "reject"
    page.keyboard.press("u")
    expect(page.locator("#mark-list")).to_be_empty()
    for key in ("ArrowLeft", "ArrowRight", "m"):
        page.keyboard.press(key)
    expect(page.locator("#mark-list")).to_contain_text("bay (Place)")
    page.keyboard.press("u")
    for key in (
        "ArrowLeft",
        "ArrowLeft",
        "ArrowLeft",
        "Shift+ArrowRight",
        "Shift+ArrowRight",
        "Shift+ArrowRight",
        "m",
    ):
        page.keyboard.press(key)
    expect(page.locator("#mark-list")).to_contain_text("lighthouse of the bay (Place)")
    keep(page, "review-marked")


def assert_what_was_decided() -> None:
    rejected = Redaction.objects.filter(verdict=Redaction.Verdict.REJECTED)
    assert sorted(each.record.number for each in rejected) == [4, 9, 23]
    added = Redaction.objects.get(verdict=Redaction.Verdict.ADDED)
    assert (added.record.number, added.kind) == (17, "LOCATION")
    texts = {
        record.number: store.open_scrubbed(latest_text(record)).source for record in Record.objects.all()
    }
    assert "Lives in the [LOCATION_1]." in texts[17]
    assert [number for number, text in texts.items() if f"on 05/{number:02}." in text] == [4, 9, 23]


def read_blind(page: Page, proposal: DatasetProposal) -> None:
    """Fourteen texts, with nothing on the page that tells what was found in them."""
    enter_on(page, "Read the next text")
    for number in range(1, 15):
        expect(page.get_by_text(f"{number - 1} of 14")).to_be_visible()
        page.wait_for_load_state()
        assert page.locator(".redaction, .legend").count() == 0
        assert page.evaluate("document.activeElement.id") == "words"
        if number == 3:
            keep(page, "review-sample")
        page.keyboard.press("a")
    expect(page.get_by_text("Your clinic's limit of 20 % is met.")).to_be_visible()
    assert SampledText.objects.filter(proposal=proposal, read_by__username="alice").count() == 14


def start_a_run(page: Page, server: str) -> None:
    page.goto(f"{server}/runs/start/")
    press_until_focused(page, "Name", exact=True)
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="first")).to_be_visible()


def as_alice(page: Page, server: str) -> None:
    page.context.clear_cookies()
    sign_in_by_keyboard(page, server, "alice")
