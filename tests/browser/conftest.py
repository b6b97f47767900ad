"""A real headless Chromium and the site it opens, for tests of records' pages."""

from collections.abc import Iterator

import pytest
from browsing import chromium
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about; must be empty at the end of a test."""
    return []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file of tests, since it takes seconds to start; each test has a profile of its own."""
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        # Playwright runs an event loop in this thread, which Django would take for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield browser


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    said = list(complaints)  # what it says of being closed amid a request is no complaint
    context.close()
    assert said == []


@pytest.fixture
def server(live_server: LiveServer, settings: pytest.FixtureRequest) -> str:
    return str(live_server.url)
