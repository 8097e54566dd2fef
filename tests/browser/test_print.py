"""The printed deck in a real browser: whole pages on A4 and Letter, light even in a dark room, and no title cut."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import LAPTOP, Window, chromium
from tests.support.servers import serving

pytestmark = pytest.mark.browser

CHAPTERS = 48
LONG = 9
"""The chapter that fills more than a page."""

ROOM_PT = 60.0
"""What has to be below the top of a title: itself, and a line of what follows."""

BOTTOM_MARGIN_PT = 19 * 72 / 25.4

TITLE = re.compile(rb"/Title \((\d+) Chapter[^)]*\)\s*/Dest \[(\d+) 0 R /XYZ [\d.]+ ([\d.]+) 0\]")


def make_chapter(number: int) -> str:
    paragraphs = 70 if number == LONG else number * 7 % 11 + 1
    text = "\n\n".join(["A line that says what happens now. " * 4] * paragraphs)
    return f"# Chapter {number}\n\n{text}\n\n<!-- speaker_note: {'Say this. ' * (number * 5 % 29)} -->\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    deck = tmp_path_factory.mktemp("printed") / "show.md"
    deck.write_text("\n---\n\n".join(make_chapter(number) for number in range(1, CHAPTERS + 1)))
    with serving(str(deck)) as server:
        window = Window(browser, f"{server.url}/print", LAPTOP)
        yield window.page
        assert window.console_errors == []
        window.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_every_title_stands_whole_on_its_page_with_what_follows(page: Page, paper: str) -> None:
    printed = page.pdf(format=paper, tagged=True, outline=True)
    found = TITLE.findall(printed)
    assert sorted(int(number) for number, _, _ in found) == list(range(1, CHAPTERS + 1))
    assert min(float(top) for _, _, top in found) > BOTTOM_MARGIN_PT + ROOM_PT
    sheets = len(re.findall(rb"/Type /Page\b", printed))
    used = {sheet for _, sheet, _ in found}
    assert len(used) < sheets - 1, "the title has a page of its own, and the long chapter more than one"
    assert sheets < CHAPTERS, "short chapters share a page"


def test_a_dark_browser_prints_dark_letters_on_white(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    look: dict[str, Any] = page.evaluate(
        """() => {
          const body = getComputedStyle(document.body);
          const shown = (selector) => getComputedStyle(document.querySelector(selector)).display !== 'none';
          return { ground: body.backgroundColor, ink: body.color, bar: shown('.on-screen'),
            wide: document.documentElement.scrollWidth > innerWidth };
        }"""
    )
    assert look == {"ground": "rgb(255, 255, 255)", "ink": "rgb(14, 18, 24)", "bar": False, "wide": False}
    page.emulate_media(media="screen")
    assert page.locator(".on-screen").is_visible()


def test_the_presenter_finds_the_page_in_the_list_of_keys(browser: Browser) -> None:
    with serving("none") as server:
        desk = Window(browser, f"{server.url}/presenter", LAPTOP)
        desk.page.keyboard.press("?")
        with desk.context.expect_page() as opened:
            desk.page.get_by_role("link", name="Print the deck with its notes").click()
        opened.value.wait_for_load_state()
        assert opened.value.url == f"{server.url}/print"
        assert desk.page.url == f"{server.url}/presenter", "the presenter's page stays"
        desk.close()
