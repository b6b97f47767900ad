"""A real headless Chromium and the site it opens, for tests of records' pages."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; must be empty at the end of a test."""
    return []


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, complaints: list[str]) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    # Playwright runs an event loop in this thread, which Django would take for asynchronous code.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        opened = context.new_page()
        opened.set_default_timeout(15_000)
        opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert complaints == []


@pytest.fixture
def server(live_server: LiveServer, settings: pytest.FixtureRequest) -> str:
    return str(live_server.url)
