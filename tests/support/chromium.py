"""A real Chromium for the tests: found on the machine, a context of its own for each page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.servers import wait_for

ARTIFACTS = Path(__file__).parents[2] / "artifacts"

PROJECTOR = (1920, 1080)
LAPTOP = (1440, 900)
PHONE = (390, 844)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# Several windows share one screen here: none of them is to be slowed for being behind another.
FLAGS += ["--disable-renderer-backgrounding", "--disable-background-timer-throttling"]


COMMANDS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first is the same engine without the browser's own windows: a page costs it a third of the CPU."""


def chromium_path() -> str:
    """The browser to use. Absent: skipped on a user's machine, a failure in CI."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, COMMANDS)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium on PATH: the browser tests must run in CI")
        pytest.skip("NO CHROMIUM FOUND: the browser tests did not run. Install Debian's chromium, or set CHROMIUM")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


def until_true(page: Page, expression: str, arg: object = None) -> None:
    """Wait until a JavaScript expression is true. Playwright's own wait evaluates a string, which our pages forbid."""
    wait_for(lambda: bool(page.evaluate(expression, arg)))


class Window:
    """A page in a context of its own, and everything its console complained about."""

    def __init__(self, browser: Browser, url: str, size: tuple[int, int], scheme: str = "dark") -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="light" if scheme == "light" else "dark",
            has_touch=size == PHONE,
        )
        self.console_errors: list[str] = []
        self.page: Page = self.watch(self.context.new_page())
        self.page.goto(url)

    def watch(self, page: Page) -> Page:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console_errors.append(f"{message.text} {message.location}")

    def save_screenshot(self, name: str) -> Path:
        """Save a screenshot among the test artefacts."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def close(self) -> None:
        self.context.close()


@contextmanager
def windows() -> Iterator[list[Window]]:
    """What is put in here is closed in the end."""
    opened: list[Window] = []
    try:
        yield opened
    finally:
        for one in opened:
            one.close()
