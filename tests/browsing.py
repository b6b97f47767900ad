"""What browser tests share: signing in, pictures, and hands that use the keyboard alone.

Set PRECIS_SCREENSHOTS to a folder to keep a picture of every page, wide and narrow, light and dark.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

PASSWORD = "a long enough password"
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The shell where there is one: Chromium without the windows around its pages, in half the processor time."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


def keep(page: Page, name: str, *, is_ours: bool = True) -> None:
    """Pictures of the page as it is now; nothing runs over the edge of a phone, and on our own axe finds nothing serious."""
    folder = os.environ.get("PRECIS_SCREENSHOTS")
    page.wait_for_load_state()
    serious = _serious(page) if is_ours else []
    assert not serious, f"{name}: {serious}"
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


def _serious(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


def sign_in(page: Page, server: str, name: str) -> None:
    page.goto(server)
    keep(page, "sign-in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def sign_in_by_keyboard(page: Page, server: str, name: str) -> None:
    page.goto(server)
    press_until_focused(page, "Username")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def forget_refusals(complaints: list[str], status: int) -> None:
    """The browser complains about each answer with this status, which is what the test asked for."""
    assert complaints
    assert all(str(status) in complaint for complaint in complaints), complaints
    complaints.clear()


def press_until_focused(page: Page, label: str, exact: bool = False) -> None:
    field = page.get_by_label(label, exact=exact)
    _tab_to(page, lambda: field.evaluate("(field) => field === document.activeElement"))


def enter_on(page: Page, name: str) -> None:
    """Tab to a button or link of this name and press Enter."""
    _tab_to(page, lambda: page.evaluate("document.activeElement.textContent.trim()") == name)
    page.keyboard.press("Enter")


def _tab_to(page: Page, is_there: Callable[[], bool]) -> None:
    for _ in range(80):
        if is_there():
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there")
