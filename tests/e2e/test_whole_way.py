"""A clinic's first day in a real browser, on real processes: sign in, upload, review, train, deploy, summarize.

Web, workers and engine run as ``manage.py up`` starts them; the base is a tiny one of random weights, so the
summary's words say nothing, but every part that makes it is real. Ctrl-C at the end leaves nothing behind.
"""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browsing import chromium
from playwright.sync_api import Page, expect

from tests.e2e.conftest import visits
from tests.e2e.installation import Installation, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PASSWORD = "an administrator of tests"
MAKE_ADMIN = f"""
from accounts.models import Role
from audit import staff
staff.add_member(clinic=staff.create_clinic(name="Alder Clinic"), username="alice", role=Role.ADMIN, by=None,
                 password={PASSWORD!r})
"""
ALL_APPROVED = """
from records.models import Record
from records.services import review
from accounts.models import User
alice = User.objects.get(username="alice")
print(Record.objects.filter(status="scrubbed").count(),
      review.approve_records(clinic=alice.membership.clinic, records=Record.objects.all(), reviewer=alice, reason="test"))
"""
FROZEN = """
from records.services import datasets
from accounts.models import User
alice = User.objects.get(username="alice")
print(datasets.freeze_dataset(clinic=alice.membership.clinic, name="visits", user=alice, attestation="test"))
"""


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        opened.set_default_timeout(20_000)
        yield opened


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("PRECIS_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_from_an_empty_machine_to_a_summary_in_the_portal(
    installation: Installation, page: Page, tmp_path: Path
) -> None:
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    installation.environment["PRECIS_PORT"] = str(port)
    installation.manage("migrate", "--verbosity", "0")
    installation.shell(MAKE_ADMIN)
    up = installation.start("up", "manage.py", "up")
    wait_for(lambda: answers(f"{site}/sign-in/"), 60, "the web server")

    page.goto(site)
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    rows = [{"text": row["source"], "summary": row["target"], "section": "HPI"} for row in visits(30)]
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_label("Drop a file here").set_input_files(
        {
            "name": "visits.jsonl",
            "mimeType": "application/jsonl",
            "buffer": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        }
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import 30 records").click()
    expect(page.get_by_text("All records are scrubbed")).to_be_visible(timeout=60_000)
    assert installation.shell(ALL_APPROVED) == "30 30"

    assert installation.shell(FROZEN) == "visits"
    page.goto(f"{site}/runs/start/")
    page.get_by_label("local:tiny").check()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Start the run").click()
    model = page.get_by_role("link", name="first", exact=True)
    expect(model.first).to_be_visible(timeout=300_000)
    page.reload()
    expect(page.locator("canvas").first).to_be_visible()
    keep(page, "run")

    model.first.click()
    expect(page.get_by_role("heading", name="Before and after training")).to_be_visible()
    keep(page, "artifact")
    page.get_by_text("Deploy…").click()
    page.get_by_role("button", name="Deploy it").click()
    wait_for(lambda: '"ok"' in httpx.get(f"{site}/api/v1/health", trust_env=False).text, 60, "the engine")

    page.goto(f"{site}/portal/")
    page.get_by_label("Or paste a record").fill("John Smith has had a cough for three days. No fever.")
    page.locator("form", has=page.get_by_label("Or paste a record")).get_by_role("button").click()
    expect(page.get_by_text("Draft").first).to_be_visible(timeout=60_000)
    keep(page, "portal")

    up.send_signal(signal.SIGINT)
    up.wait(30)
    assert [process.cmdline() for process in installation.processes("")] == []
    assert "John Smith" not in "".join(path.read_text() for path in installation.var.rglob("*.log"))


def test_a_second_up_says_that_precis_is_running_already(installation: Installation) -> None:
    installation.environment["PRECIS_PORT"] = str(free_port())
    installation.start("up", "manage.py", "up")
    wait_for((installation.var / "log" / "web.log").exists, 60, "the first one")
    second = installation.start("second", "manage.py", "up")
    assert second.wait(30) == 1
    assert "already running" in (installation.var / "second.log").read_text()
