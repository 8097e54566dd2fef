"""`kill -9` with the room watching: every page comes back by itself, to the same chapter, and the show moves on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium
from tests.support.crashes import free_port
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

TITLE = re.compile("Many hands")


def test_after_a_kill_all_pages_come_back_by_themselves(tmp_path: Path) -> None:
    port, journal = free_port(), str(tmp_path / "show")
    with chromium() as browser:
        with serving("none", "--journal", journal, port=port) as server:
            server.until(lambda state: state["seq"] > 0)
            sizes = {"/": PROJECTOR, "/presenter": LAPTOP, "/remote": PHONE}
            windows = {path: Window(browser, f"{server.url}{path}", size) for path, size in sizes.items()}
            stage, desk, phone = (window.page for window in windows.values())
            for page in (stage, desk, phone):
                connected(page)
            assert server.client.post("/goto/3").status_code == 200
            for page in (stage, desk, phone):
                expect(page.locator("body")).to_contain_text(TITLE)
            server.kill()
        for page in (stage, desk, phone):
            expect(page.locator("#link")).to_be_visible(timeout=10_000)
        with serving("none", "--journal", journal, port=port) as again:
            for page in (stage, desk, phone):
                connected(page)
                expect(page.locator("body")).to_contain_text(TITLE)
            steps_on(again, stage, desk, phone)
        for window in windows.values():
            window.close()


def connected(page: Page) -> None:
    expect(page.locator("#link")).to_be_hidden(timeout=15_000)
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=15_000)


def steps_on(server: Server, stage: Page, desk: Page, phone: Page) -> None:
    """A tap on the phone, then a key on the presenter's page: each is one step on every screen."""
    phone.get_by_role("button", name="Next").tap()
    for page in (stage, desk, phone):
        expect(page.locator("body")).to_contain_text("A chapter can act", timeout=10_000)
    # The presenter's page has the title of the next chapter, too: a key on the one before would rightly be refused.
    expect(desk.locator("#r-bar")).to_contain_text("4 / 5", timeout=10_000)
    desk.keyboard.press("PageDown")
    expect(stage.locator("h1")).to_have_text("Your turn", timeout=10_000)
    assert server.state()["progress"] == "[5/5]"
