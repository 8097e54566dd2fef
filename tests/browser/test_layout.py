"""The pages at the edges of what they hold: no part under another, none beyond its screen, no text too small."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.scripts.test_docs import ROOT
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, windows
from tests.support.long_texts_subject import BY_HAND, LONG
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

TURNED = (844, 390)

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Server, path: str, size: tuple[int, int], scheme: str = "dark") -> Window:
            opened.append(Window(browser, f"{server.url}{path}", size, scheme))
            expect(opened[-1].page.locator("body")).to_have_attribute("data-link", "up", timeout=10_000)
            return opened[-1]

        yield make


@contextmanager
def stretched(*options: str, faults: tuple[str, ...] = ()) -> Iterator[Server]:
    words = [word for option in options for word in ("-o", option)]
    with serving("tests.support.long_texts_subject:LongTextsSubject", *words, cwd=ROOT) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        for fault in faults:
            assert server.client.post(f"/chaos/{fault}").status_code == 202
        server.until(lambda state: sum(one["state"] == "active" for one in state["chaos"]) == len(faults))
        try:
            yield server
        finally:
            server.kill_with_watchdog()


@pytest.fixture(scope="module")
def wide() -> Iterator[Server]:
    """Cards have the whole wall, and one of them is down."""
    with stretched("curves=false", faults=("far",)) as server:
        yield server


@pytest.fixture(scope="module")
def long() -> Iterator[Server]:
    """A long name is down, and two faults are in place on it."""
    with stretched("long=true", faults=("far", "near")) as server:
        yield server


@contextmanager
def silence(server: Server, page: Page) -> Iterator[None]:
    """The server says nothing more, and the page has seen it."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        expect(page.locator("#link")).to_be_visible(timeout=10_000)
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


BOXES = """(name) => [...document.querySelectorAll(name)].map(e => e.getBoundingClientRect())
  .map(r => [r.left, r.top, r.right, r.bottom].map(Math.round))"""

CUT = """() => [...document.querySelectorAll('.node :is(header b, .word:not(.unseen))')]
  .filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"""

SMALLEST = """() => {
  const words = document.createTreeWalker(document.querySelector('#show'), NodeFilter.SHOW_TEXT);
  const found = [];
  while (words.nextNode()) {
    const one = words.currentNode.parentElement;
    if (!words.currentNode.data.trim() || one.closest('.unseen, [hidden]') || !one.checkVisibility()) continue;
    found.push(parseFloat(getComputedStyle(one).fontSize));
  }
  return Math.min(...found);
}"""


def boxes(page: Page, name: str) -> list[list[int]]:
    """Left, top, right and bottom of each, in pixels."""
    found: list[list[int]] = page.evaluate(BOXES, name)
    assert found, name
    return found


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def inside(page: Page, name: str) -> None:
    """Each of them, whole, on the screen."""
    for one in page.locator(name).all():
        expect(one, one.inner_text()).to_be_in_viewport(ratio=1)


def part_of_each_other(found: list[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Pairs of boxes that overlap."""
    return [(a, b) for a, b in combinations(found, 2) if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]


@pytest.mark.parametrize(("nodes", "curves"), [(3, "true"), (12, "true"), (5, "false")])
def test_each_card_has_a_place_of_its_own_above_the_curves(window: Open, curves: str, nodes: int) -> None:
    with stretched(f"curves={curves}", f"nodes={nodes}") as server:
        server.client.post("/goto/2")
        for size in (PROJECTOR, (1280, 720), (1024, 768), PHONE, TURNED):
            one = window(server, "/", size)
            expect(one.page.locator(".node")).to_have_count(nodes)
            assert part_of_each_other(boxes(one.page, ".node")) == [], size
            if curves == "true":
                ((_, top, _, _),) = boxes(one.page, ".plot")
                assert all(bottom <= top + 1 for *_, bottom in boxes(one.page, ".node")), size
            assert one.page.evaluate(CUT) == [], size
            if size == PROJECTOR:
                one.save_screenshot(f"layout-cards-{nodes}-{curves}")


@pytest.mark.parametrize("size", [PROJECTOR, (1280, 720), (1024, 768)])
def test_what_is_wrong_with_a_node_is_written_out_whole(wide: Server, window: Open, size: tuple[int, int]) -> None:
    wide.client.post("/goto/2")
    one = window(wide, "/", size)
    expect(one.page.locator(".node")).to_have_count(5)
    expect(one.page.locator(".node.down .word")).to_have_text("down")
    expect(one.page.locator(".node.down .word")).to_be_visible()
    assert one.page.evaluate(CUT) == []
    least = 0.0279 * min(size[1], 0.75 * size[0])
    assert one.page.evaluate(SMALLEST) >= least


@pytest.mark.parametrize("size", [PROJECTOR, LAPTOP, (1024, 768), TURNED, PHONE])
def test_the_record_ends_on_the_wall_however_long_its_targets(
    long: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(long, "/", size)
    expect(one.page.locator(".record .item")).to_have_count(2)
    one.save_screenshot(f"layout-record-{size[0]}")
    for left, _, right, _ in boxes(one.page, ".record .item, .record .end"):
        assert 0 <= left < right <= size[0]
    assert not is_too_wide(one.page)


@pytest.mark.parametrize("size", [PHONE, TURNED])
def test_a_long_name_moves_no_button_of_the_phone_and_lies_under_none(
    long: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(long, "/remote", size)
    expect(one.page.locator("#r-status")).to_contain_text("2 faults in place")
    one.page.locator("#faults").click()
    expect(one.page.locator("#fault-1")).to_contain_text(LONG)
    for _, _, right, _ in boxes(one.page, ".fault b, .fault .what, .fault em"):
        assert right <= size[0]
    one.page.locator("#sheet [data-close]").click()
    one.save_screenshot(f"layout-remote-{size[0]}")
    inside(one.page, ".thumb button:not(.unseen)")
    least = min(left for left, *_ in boxes(one.page, ".thumb button:not(.unseen)"))
    for _, _, right, bottom in boxes(one.page, ".now-line, .now-line b, .pad"):
        assert right <= (least if size == TURNED else size[0])
        assert bottom <= size[1]


def test_a_phone_that_is_turned_reads_the_stage_as_well_as_an_upright_one(long: Server, window: Open) -> None:
    upright, turned = window(long, "/", PHONE).page, window(long, "/", TURNED).page
    assert turned.evaluate(SMALLEST) >= min(11, upright.evaluate(SMALLEST))
    assert not is_too_wide(turned)
    assert turned.evaluate("getComputedStyle(document.body).overflowY") == "auto"
    first, second = boxes(turned, ".record .item")
    assert first[1] == second[1], "side by side: one above the other they would hide half of the screen"
    wall = window(long, "/", (1280, 720)).page
    assert wall.evaluate("getComputedStyle(document.body).overflowY") == "hidden"


@pytest.mark.parametrize("nodes", [9, 12, 20])
def test_no_words_of_the_stage_are_smaller_on_a_phone_however_many_cards(window: Open, nodes: int) -> None:
    with stretched(f"nodes={nodes}") as server:
        server.client.post("/goto/2")
        for size in (PHONE, TURNED):
            one = window(server, "/", size)
            expect(one.page.locator(".node, .tile")).to_have_count(nodes)
            assert one.page.evaluate(SMALLEST) >= 12, size


@pytest.mark.parametrize("size", [PHONE, TURNED])
def test_the_phone_says_that_it_is_lost_beside_its_words_and_not_on_them(
    long: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(long, "/remote", size)
    with silence(long, one.page):
        ((left, top, right, bottom),) = boxes(one.page, "#link")
        one.save_screenshot(f"layout-remote-lost-{size[0]}")
        for other in boxes(one.page, ".head, .pad, .thumb"):
            assert other[1] >= bottom or other[3] <= top or other[0] >= right or other[2] <= left
        inside(one.page, ".thumb button:not(.unseen)")


LUMA = """(element) => {
  const [r, g, b] = getComputedStyle(element).color.match(/[0-9.]+/g).map(Number);
  return Math.max(r, g, b) - Math.min(r, g, b);
}"""


@pytest.mark.parametrize("size", [PROJECTOR, PHONE])
def test_the_record_of_a_lost_page_is_grey_dashed_and_still_readable(
    long: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(long, "/", size)
    record, mark = one.page.locator(".record"), one.page.locator(".record .mark").first
    assert mark.evaluate(LUMA) > 100, "vermilion"
    with silence(long, one.page):
        expect(record).to_have_css("border-top-style", "dashed")
        one.save_screenshot(f"layout-record-lost-{size[0]}")
        assert mark.evaluate(LUMA) < 60, "grey"
        expect(record).to_have_css("opacity", "1")
        expect(record.locator("b").first).to_have_css("opacity", "1")
        expect(one.page.locator("#link")).to_contain_text("connection lost")


def test_next_says_in_whole_words_why_it_waits_on_a_narrow_presenters_page(window: Open) -> None:
    with stretched() as server:
        one = window(server, "/presenter", PHONE)
        server.client.post("/advance")
        expect(one.page.locator("#next")).to_contain_text("still running")
        one.save_screenshot("layout-presenter-blocked")
        for part in one.page.locator("#next > :is(span, small)").all():
            assert part.evaluate("e => e.scrollWidth <= e.clientWidth || getComputedStyle(e).overflow == 'visible'")
        inside(one.page, "#next > :is(span, small)")


def test_what_is_not_healed_is_said_to_who_steers_with_its_reason(window: Open) -> None:
    with stretched(faults=("stuck",)) as server:
        assert server.client.post("/chaos/stuck/heal").status_code == 202
        server.until(lambda state: any(one["state"] == "failed" for one in state["chaos"]))
        for path, region, size in (("/presenter", "#r-status", LAPTOP), ("/remote", "#r-status", PHONE)):
            page = window(server, path, size).page
            event = page.locator(f"{region} .now-line.down")
            expect(event).to_contain_text("not healed")
            expect(event).to_contain_text(BY_HAND)
            expect(event).not_to_contain_text("look at")
            expect(page.locator(".problem, .drawer .error").first).to_contain_text(BY_HAND)
        wall = window(server, "/", PROJECTOR).page.locator(".record .item.down")
        expect(wall).to_contain_text("the presenter's page says why")


def test_however_long_a_target_the_wall_says_that_it_is_not_healed(window: Open) -> None:
    with stretched("long=true", faults=("stuck",)) as server:
        assert server.client.post("/chaos/stuck/heal").status_code == 202
        title = window(server, "/", PROJECTOR).page.locator(".record .item.down b")
        expect(title).to_contain_text("…")
        expect(title).to_contain_text(": not repaired")
        assert title.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_long_name_leaves_the_presenter_its_number(long: Server, window: Open) -> None:
    page = window(long, "/presenter", LAPTOP).page
    expect(page.locator(".parts b").first).to_contain_text("…")
    ((_, _, most, _),) = boxes(page, ".parts")
    values = boxes(page, ".parts .value")
    assert all(left < right <= most for left, _, right, _ in values)
    assert all(name[2] <= value[0] for name, value in zip(boxes(page, ".parts b"), values, strict=True))


CONTRASTS = """() => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  return [...document.querySelectorAll('main kbd')].filter(e => e.checkVisibility()).map(e => {
    let ground = e;
    while (parse(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
    const under = parse(getComputedStyle(ground).backgroundColor), opacity = Number(getComputedStyle(e).opacity);
    const over = parse(getComputedStyle(e).color).slice(0, 3).map((c, i) => c * opacity + under[i] * (1 - opacity));
    const [a, b] = [light(over), light(under)].sort((x, y) => y - x);
    return [e.parentElement.id + ' ' + e.textContent, Math.round((a + .05) / (b + .05) * 100) / 100];
  });
}"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_key_cap_of_the_presenter_can_be_read(server: Server, window: Open, scheme: str) -> None:
    one = window(server, "/presenter", PROJECTOR, scheme)
    for path, changed in (("/freeze", "#freeze.on"), ("/halt", "#resume"), ("/goto/5", "#next.waits")):
        caps = dict(one.page.evaluate(CONTRASTS))
        assert len(caps) > 6
        assert {cap: found for cap, found in caps.items() if found < 4.5} == {}
        assert server.client.post(path).status_code == 200
        expect(one.page.locator(changed)).to_be_visible()
