"""The stage through a whole kill: nothing moves, nothing is too small for the last row, and it says what happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from tests.scripts.test_docs import ROOT
from tests.support.chromium import Window, chromium, windows
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

Open = Callable[..., Window]

WALLS = [(1280, 720), (1024, 768), (3840, 2160)]

MAX_SHIFT = 0.02
"""Layout shift over all states of a kill, as Chromium counts it."""

MIN_SHARE = 0.028
"""The smallest type that the room must read, as a share of the screen's height (on 4:3: of the same width's)."""

SOON_MS = 20_000

WATCH_SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      window.shifts.push([entry.value, entry.sources.map((s) => s.node?.id || s.node?.className || s.node?.nodeName)]);
    }
  }).observe({ type: 'layout-shift' });
}"""

SMALLEST = """() => {
  const words = document.createTreeWalker(document.querySelector('#show'), NodeFilter.SHOW_TEXT);
  const found = [];
  while (words.nextNode()) {
    const one = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || one.closest('.unseen, [hidden]')) continue;
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    found.push([parseFloat(getComputedStyle(one).fontSize), words.currentNode.data.trim().slice(0, 30)]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Server, path: str, size: tuple[int, int], scheme: str = "dark") -> Window:
            opened.append(Window(browser, f"{server.url}{path}", size, scheme))
            expect(opened[-1].page.locator("body")).to_have_attribute("data-link", "up", timeout=SOON_MS)
            return opened[-1]

        yield make


@contextmanager
def staged() -> Iterator[Server]:
    with serving("tests.support.staged_kill:StagedKill", cwd=ROOT) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        try:
            yield server
        finally:
            server.kill_with_watchdog()


@pytest.fixture
def show() -> Iterator[Server]:
    with staged() as server:
        yield server


def test_a_kill_moves_nothing_and_the_record_tells_it(show: Server, window: Open) -> None:
    opened = window(show, "/", (1280, 720))
    page, line = opened.page, opened.page.locator("#r-record")
    assert show.client.post("/goto/4?from=1").status_code == 200
    expect(line).to_contain_text("Killing node-2", timeout=SOON_MS)
    page.evaluate(WATCH_SHIFTS)
    expect(line).to_contain_text("node-2 killed", timeout=SOON_MS)
    expect(line).to_contain_text("detected in", timeout=SOON_MS)
    expect(line).to_contain_text("restarts in")
    assert show.client.post("/chaos/kill-node-2/heal").status_code == 202
    expect(line).to_contain_text("recovered in", timeout=SOON_MS)
    expect(line).to_contain_text("all running", timeout=SOON_MS)
    expect(page.locator(".verdict")).to_be_visible(timeout=SOON_MS)
    expect(page.locator(".ruling")).to_have_text("Confirmed")
    expect(page.locator(".hero .num")).to_have_text("0")
    expect(page.locator(".hero .of")).to_have_text("of 580 requests failed")
    expect(page.locator(".claimed")).to_contain_text("One node of three dies")
    opened.save_screenshot("stage-verdict")
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < MAX_SHIFT, shifts
    assert opened.console_errors == []


@pytest.mark.parametrize("size", WALLS)
def test_nothing_that_the_room_must_read_is_too_small(show: Server, window: Open, size: tuple[int, int]) -> None:
    page = window(show, "/", size).page
    least = MIN_SHARE * min(size[1], size[0] * 0.75) - 0.1
    for number, seen in enumerate((".cover", ".story", ".prediction"), 1):
        if number > 1:
            assert show.client.post("/advance").status_code == 200
        expect(page.locator(seen)).to_be_visible(timeout=SOON_MS)
        found, words = page.evaluate(SMALLEST)
        assert found >= least, (seen, words)
    assert show.client.post("/advance").status_code == 200
    for seen in ("Killing node-2", "node-2 killed", "detected in", "restarts in", "recovered in"):
        if seen == "recovered in":
            assert show.client.post("/chaos/kill-node-2/heal").status_code == 202
        expect(page.locator("#r-record")).to_contain_text(seen, timeout=SOON_MS)
        found, words = page.evaluate(SMALLEST)
        assert found >= least, (seen, words)
    for word in ("Confirmed", "Refuted", "Not seen"):
        expect(page.locator(".ruling")).to_have_text(word, timeout=SOON_MS)
        expect(page.locator(".verdict")).to_be_visible(timeout=SOON_MS)
        found, words = page.evaluate(SMALLEST)
        assert found >= least, (word, words)
        assert show.client.post("/advance").status_code == 200
    expect(page.locator(".evidence tbody tr")).to_have_count(3, timeout=SOON_MS)
    found, words = page.evaluate(SMALLEST)
    assert found >= least, ("evidence", words)


def test_the_main_number_the_story_and_the_verdict_are_large(show: Server, window: Open) -> None:
    page = window(show, "/", (1280, 720)).page
    show.client.post("/advance")
    share = "(e) => parseFloat(getComputedStyle(e).fontSize) / innerHeight"
    expect(page.locator(".story .words")).to_be_visible(timeout=SOON_MS)
    assert page.locator(".story .words").evaluate(share) >= 0.04
    assert page.locator(".figure .num").evaluate(share) >= 0.12
    show.client.post("/goto/5?from=2")
    expect(page.locator(".verdict")).to_be_visible(timeout=SOON_MS)
    assert page.locator(".hero .num").evaluate(share) >= 0.3
    assert page.locator(".hero .of").evaluate(share) >= 0.05


OVERLAPS = """(names) => {
  const line = document.querySelector('.said').getBoundingClientRect();
  const seen = (e) => e.checkVisibility({ visibilityProperty: true });
  return [...document.querySelectorAll(names)].filter(seen).filter((e) => {
    const b = e.getBoundingClientRect();
    return b.left < line.right && b.right > line.left && b.top < line.bottom && b.bottom > line.top;
  }).map((e) => e.textContent.trim());
}"""


@pytest.mark.parametrize("size", [*WALLS, (390, 844), (360, 640), (844, 390)])
def test_a_line_of_the_presenter_covers_no_number_no_heading_and_nothing_that_broke(
    show: Server, window: Open, size: tuple[int, int]
) -> None:
    page = window(show, "/", size).page
    show.client.post("/goto/2?from=1")
    assert show.client.post("/chaos/kill-node-2").status_code == 202
    assert show.client.post("/say", data={"text": "Look at node-2"}).status_code == 200
    expect(page.locator("#r-record")).to_contain_text("node-2 killed", timeout=SOON_MS)
    expect(page.locator(".said")).to_be_in_viewport(ratio=1, timeout=SOON_MS)
    assert (
        page.evaluate(OVERLAPS, ".figure, .node, .curves-place text, .record, .link, .chapter-text h1, .chapter-text p")
        == []
    )


def test_two_curves_of_a_low_screen_have_their_words_beside_each_other(show: Server, window: Open) -> None:
    page = window(show, "/", (1024, 768)).page
    show.client.post("/goto/2?from=1")
    words = page.locator(".plot .box :is(.name, .value)")
    expect(words).to_have_count(4, timeout=SOON_MS)
    found = [box for word in words.all() if (box := word.bounding_box())]
    for n, one in enumerate(found):
        for other in found[n + 1 :]:
            apart = one["y"] + one["height"] <= other["y"] + 2 or other["y"] + other["height"] <= one["y"] + 2
            assert apart or one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]


def test_several_faults_share_one_strip_and_none_is_cut(show: Server, window: Open) -> None:
    page = window(show, "/", (1280, 720)).page
    show.client.post("/goto/2?from=1")
    for node in ("node-1", "node-2", "node-3"):
        assert show.client.post(f"/chaos/kill-{node}").status_code == 202
    items = page.locator(".record .item")
    expect(items).to_have_count(3, timeout=SOON_MS)
    for node in ("node-1", "node-2", "node-3"):
        expect(items.filter(has_text=f"{node} killed")).to_have_count(1, timeout=SOON_MS)
    boxes = [box for item in items.all() if (box := item.bounding_box())]
    assert len({box["y"] for box in boxes}) == 1, "side by side"
    cut = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
    assert page.locator(".record :is(b, .end)").evaluate_all(cut) == []


def test_the_evidence_has_every_prediction_with_what_was_measured(show: Server, window: Open) -> None:
    page = window(show, "/", (1280, 720)).page
    assert show.client.post("/goto/4?from=1").status_code == 200
    show.until(lambda state: any(fault["detected_after_sec"] is not None for fault in state["chaos"]), 40)
    assert show.client.post("/chaos/kill-node-2/heal").status_code == 202
    show.until(lambda state: state["chapter"]["status"] == "done", 40)
    for number in (5, 6, 7):
        assert show.client.post(f"/goto/{number}").status_code == 200
        show.until(lambda state: state["chapter"]["status"] in ("done", "idle"))
    rows = page.locator(".evidence tbody tr")
    expect(rows).to_have_count(3, timeout=SOON_MS)
    expect(rows.nth(0)).to_contain_text("Kill node-2")
    expect(rows.nth(0)).to_contain_text("no request fails")
    expect(rows.nth(0)).to_contain_text("0 of 580 requests failed")
    for place in (3, 4):
        expect(rows.nth(0).locator("td").nth(place)).to_contain_text(" s")
    assert rows.locator(".is").all_inner_texts() == ["Confirmed", "Refuted", "Not seen"]
    low = window(show, "/", (1024, 768)).page
    table, record = low.locator(".evidence table"), low.locator(".record")
    expect(low.locator(".evidence tbody tr")).to_have_count(3, timeout=SOON_MS)
    assert table.evaluate("(e) => e.getBoundingClientRect().bottom") <= record.evaluate(
        "(e) => e.getBoundingClientRect().top"
    )
    assert all(row.locator(".clip").first.is_visible() for row in rows.all())
