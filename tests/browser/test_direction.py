"""Text that runs from right to left: wherever a deck's or a presenter's words stand, they run their own way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.test_pages import connected
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, until_true, windows
from tests.support.right_to_left_subject import WORD
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]

TEXTS = """(word) => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.replace(/^\\P{L}*/u, '').startsWith(word)) continue;
    const place = node.parentElement;
    const inside = place.closest('article, section, dialog, header, div[id], nav, main')?.id;
    found.push([getComputedStyle(place).direction, `${inside} ${place.tagName} ${node.data.trim()}`]);
  }
  return found;
}"""
"""Each text on the page that begins with this word: the direction it runs in, and where it stands."""

PLACES = {
    "/": ("Redis (title)", "one (1)", "li (1)", "td", "guess", "verdict", "say (1)", "a (1)"),
    "/presenter": ("one (1)", "two (2)", "li (1)", "guess", "verdict", "say (1)", "a (1)", "node-1"),
    "/remote": ("one (1)", "two (2)", "li (1)", "node-1"),
}
"""What of it stands there on the first chapter."""


@pytest.fixture(scope="module")
def show() -> Iterator[Server]:
    with serving("tests.support.right_to_left_subject:Rightward", env={"PYTHONPATH": str(ROOT)}) as server:
        server.until(lambda state: bool(state["health"]) and state["chapter"]["status"] == "done")
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def read(window: Window, *wanted: str) -> list[list[str]]:
    """The texts, once all of these are there."""
    until_true(window.page, "words => words.every((word) => document.body.textContent.includes(word))", list(wanted))
    texts: list[list[str]] = window.page.evaluate(TEXTS, WORD)
    return texts


@pytest.mark.parametrize("path", PLACES)
def test_every_text_of_a_deck_runs_its_own_way(show: Server, browser: Browser, path: str) -> None:
    size = {"/": PROJECTOR, "/presenter": LAPTOP, "/remote": PHONE}[path]
    with windows() as opened:
        opened.append(Window(browser, f"{show.url}{path}", size))
        connected(opened[0].page)
        show.client.post("/goto/1")
        show.client.post("/say", json={"text": f"{WORD} say (1)"})
        seen = read(opened[0], *(f"{WORD} {place}" for place in PLACES[path]))
        show.client.post(f"/chaos/{show.state()['chaos'][0]['name']}")
        show.until(lambda state: state["chaos"][0]["state"] == "active")
        show.client.post("/goto/2")
        seen += read(opened[0], f"{WORD} two (2)?", *([f"{WORD} error"] if path != "/" else []))
        show.client.post("/goto/3")
        seen += read(opened[0], f"{WORD} three (3)?")
        show.client.post("/heal")
        show.until(lambda state: state["chaos"][0]["state"] == "idle")
        assert len(seen) > 20
        assert sorted({where for direction, where in seen if direction != "rtl"}) == []


def test_our_own_words_keep_running_from_the_left(show: Server, browser: Browser) -> None:
    with windows() as opened:
        opened.append(Window(browser, f"{show.url}/presenter", LAPTOP))
        connected(opened[0].page)
        assert {direction for direction, _ in opened[0].page.evaluate(TEXTS, "End all faults")} == {"ltr"}
