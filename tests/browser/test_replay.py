"""The mark of a replay in a real browser: always in sight, over no word; its clock stands with the show's."""

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_stage import MIN_SHARE
from tests.journal.test_recordings import RECORDINGS
from tests.support.chromium import Window, chromium, windows
from tests.support.servers import Server

pytestmark = pytest.mark.browser

PLACES = [
    ("/", (1920, 1080)),
    ("/", (1280, 720)),
    ("/", (1024, 768)),
    ("/", (390, 844)),
    ("/presenter", (1920, 1080)),
    ("/presenter", (1366, 768)),
    ("/remote", (390, 844)),
    ("/remote", (360, 640)),
]
CHAPTERS = (1, 2, 10)
"""Those that the recording shows: a cover, a story with its system, a table of evidence."""

COVERED = """() => {
  const mark = [...document.querySelectorAll('.replay-mark')].find((one) => !one.closest('.view'));
  const place = mark.getBoundingClientRect(), found = [];
  const words = document.createTreeWalker(document.querySelector('#show'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const one = words.currentNode.parentElement;
    if (mark.contains(one) || !words.currentNode.data.trim() || one.closest('.unseen, [hidden], dialog')) continue;
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(words.currentNode);
    for (const box of range.getClientRects()) {
      // A line's box is higher than its letters.
      const spare = box.height * 0.2;
      const apart = box.left >= place.right || box.right <= place.left;
      if (apart || box.top + spare >= place.bottom || box.bottom - spare <= place.top) continue;
      // What is scrolled out of its box is not seen.
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      if (one.contains(document.elementFromPoint(x, y))) found.push(one.textContent);
    }
  }
  return found;
}"""

SAY = """document.querySelector('#r-said').innerHTML = '<p class="said">' + 'A line for every screen. '.repeat(9);"""

GEOMETRY = """() => [...document.querySelectorAll('#show *')]
  .filter((one) => !one.closest('.replay-mark') && !one.closest('[id=r-sampled], .age'))
  .map((one) => { const b = one.getBoundingClientRect(); return [one.tagName, b.x, b.y, b.width, b.height].join(); })"""

MARK = """() => {
  const mark = [...document.querySelectorAll('.replay-mark')].find((one) => !one.closest('.view'));
  const box = mark.getBoundingClientRect();
  return { font: parseFloat(getComputedStyle(mark).fontSize), text: mark.innerText, top: box.top, bottom: box.bottom,
    left: box.left, right: box.right, cut: [...mark.children].some((one) => one.scrollWidth > one.clientWidth + 1) };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("replay") / "old.journal"
    path.write_bytes(gzip.decompress(RECORDINGS[-1].read_bytes()))
    server = Server(words=["replay", str(path), "--speed", "20", "--no-open", "--port", "0"])
    yield server
    server.stop()
    server.remove_state()


def go_to(replay: Server, number: int) -> None:
    replay.client.post(f"/goto/{number}")
    replay.until(lambda state: state["chapter"]["number"] == number and state["replay"]["rate"] == 0)


@pytest.mark.parametrize(("path", "size"), PLACES)
def test_the_mark_is_in_sight_over_no_word_and_moves_nothing(
    browser: Browser, replay: Server, path: str, size: tuple[int, int]
) -> None:
    with windows() as opened:
        opened.append(Window(browser, f"{replay.url}{path}", size))
        page = opened[-1].page
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        for number in CHAPTERS:
            go_to(replay, number)
            expect(page.locator("#r-spoken")).to_contain_text(f"Chapter {number} ")
            mark = page.evaluate(MARK)
            assert mark["text"].split("\n")[0].strip() == "REPLAY"
            assert "recorded " in mark["text"]
            assert not mark["cut"]
            assert 0 <= mark["left"] < mark["right"] <= size[0]
            assert -1 <= mark["top"] < mark["bottom"] <= size[1] + 1
            if path == "/" and size[0] > size[1]:
                assert mark["font"] >= MIN_SHARE * min(size[1], 0.75 * size[0]) - 0.01
            assert page.evaluate(COVERED) == []
            if path == "/":
                assert page.evaluate(f"() => {{ {SAY} return ({COVERED})(); }}") == []
            elif path == "/presenter":
                expect(page.locator("#conn")).to_have_text("live")  # it is connected, and that word would be wrong
                expect(page.locator("#conn")).to_be_hidden()
        _assert_moves_nothing(page)
        opened[-1].save_screenshot(f"replay-{path.strip('/') or 'stage'}-{size[0]}")


def _assert_moves_nothing(page: Page) -> None:
    before = page.evaluate(GEOMETRY)
    page.evaluate(
        "() => { for (const mark of document.querySelectorAll('.replay-mark')) mark.style.display = 'none'; }"
    )
    assert page.evaluate(GEOMETRY) == before


def test_the_clock_of_a_page_stands_while_the_replay_waits_and_the_curtain_hides_no_mark(
    browser: Browser, replay: Server
) -> None:
    go_to(replay, 2)
    with windows() as opened:
        opened.append(Window(browser, f"{replay.url}/", (1280, 720)))
        page = opened[-1].page
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        moment = page.evaluate("demo.now()")
        page.wait_for_timeout(2500)  # beats come meanwhile, and say what time it is
        assert page.evaluate("demo.now()") == moment
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        replay.client.post("/blackout", data={"on": "true"})
        expect(page.locator(".curtain")).to_be_visible()
        on_top = """() => {
          document.querySelector('.replay-mark').style.pointerEvents = 'auto';
          const box = document.querySelector('.replay-mark').getBoundingClientRect();
          const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
          return hit.closest('.replay-mark') !== null;
        }"""
        assert page.evaluate(on_top)
        replay.client.post("/blackout", data={"on": "false"})
        expect(page.locator(".curtain")).to_have_count(0)
