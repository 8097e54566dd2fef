"""The presenter's page and the phone: fixed places, nothing cut, Resume where Halt was, and a server that is gone."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import connected
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, until_true, windows
from tests.support.page_geometry import cut_texts, shifts, small_controls, watch_shifts
from tests.support.servers import Server, serving, wait_for

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]

SMALL_LAPTOP = (1024, 768)
SMALL_PHONE = (360, 640)
MAX_SHIFT = 0.02
FRESH_MS = 700
"""A press on a button that has changed less than 600 ms ago is not taken: nobody could have read it."""
FAULTS = ("far", "near", "stuck")

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextmanager
def stretched() -> Iterator[Server]:
    """A system of named parts, with three faults."""
    with serving("tests.support.long_texts_subject:LongTextsSubject", "-o", "nodes=6", cwd=ROOT) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        try:
            yield server
        finally:
            server.kill_with_watchdog()


@pytest.fixture(scope="module")
def show() -> Iterator[Server]:
    with stretched() as server:
        yield server


@pytest.fixture
def fresh(show: Server) -> Server:
    for path in ("/halt", "/resume", "/blackout?on=false", "/freeze?on=false", "/goto/1"):
        show.client.post(path)
    show.client.post("/say", json={"text": ""})
    show.until(lambda state: not any(one["state"] in ("injecting", "active", "healing") for one in state["chaos"]))
    return show


@pytest.fixture
def breakable() -> Iterator[Server]:
    """A show of its own, for a test with all three faults: one of them can never be ended, and stays in place."""
    with stretched() as server:
        yield server


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Server, path: str, size: tuple[int, int] = LAPTOP, scheme: str = "dark") -> Window:
            opened.append(Window(browser, f"{server.url}{path}", size, scheme))
            connected(opened[-1].page)
            return opened[-1]

        yield make


def inject(server: Server, *names: str) -> None:
    for name in names:
        assert server.client.post(f"/chaos/{name}").status_code == 202
    server.until(lambda state: all(one["state"] == "active" for one in state["chaos"] if one["name"] in names))


def box(page: Page, name: str) -> dict[str, float]:
    found = page.locator(name).bounding_box()
    assert found is not None, name
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


@contextmanager
def silence(server: Server, page: Page) -> Iterator[None]:
    """The server says nothing more, and the page has seen it."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        expect(page.locator("#link")).to_be_visible(timeout=10_000)
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


STATES: tuple[tuple[str, dict[str, str] | None], ...] = (
    ("/chaos/far", None),
    ("/chaos/near", None),
    ("/advance", None),
    ("/freeze", None),
    ("/goto/1", None),
    ("/blackout", None),
    ("/say", {"text": "A line for everybody"}),
    ("/chaos/far/heal", None),
    ("/halt", None),
    ("/resume", None),
    ("/blackout?on=false", None),
    ("/freeze?on=false", None),
    ("/goto/3", None),
)


@pytest.mark.parametrize(
    ("path", "size"),
    [("/presenter", PROJECTOR), ("/presenter", SMALL_LAPTOP), ("/remote", PHONE), ("/remote", SMALL_PHONE)],
)
def test_nothing_moves_while_it_is_read_whatever_the_show_does(
    fresh: Server, window: Open, path: str, size: tuple[int, int]
) -> None:
    page = window(fresh, path, size).page
    watch_shifts(page)
    for command, body in STATES:
        seq = fresh.client.post(command, json=body).json().get("seq", 0)
        fresh.until(lambda state, seq=seq: state["seq"] >= seq)  # type: ignore[misc]
        # Each state is seen before the next one is asked for, or the page might skip it.
        before = page.evaluate("demo.link.messages()")
        until_true(page, "(before) => demo.link.messages() > before", before)
    found = shifts(page)
    worst = "\n".join(f"{value:.4f} {moved}" for value, moved in sorted(found, reverse=True)[:8])
    assert sum(value for value, _ in found) < MAX_SHIFT, worst


@pytest.mark.parametrize("size", [PROJECTOR, (1280, 720), SMALL_LAPTOP])
def test_no_name_of_the_presenters_page_is_cut_and_each_control_is_large_enough(
    breakable: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(breakable, "/presenter", size)
    names = ".heading h1, .heading b, .fault b, .fault .what, .parts b, .fact b, .fact em, .fact > span, .plain, .next"
    assert cut_texts(one.page, names) == []
    assert small_controls(one.page) == []
    inject(breakable, *FAULTS)
    expect(one.page.locator(".fault.hot")).to_have_count(3)
    one.save_screenshot(f"presenter-faults-{size[0]}")
    assert cut_texts(one.page, f"{names}, .fault em, .now-line b, .now-line .tail") == []
    assert small_controls(one.page) == []
    for button in one.page.locator("button.fault, #halt, #next, #back, .tools button").all():
        expect(button).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE])
def test_nothing_of_the_phone_is_cut_with_three_faults_and_half_of_it_is_notes(
    breakable: Server, window: Open, size: tuple[int, int]
) -> None:
    one = window(breakable, "/remote", size)
    inject(breakable, *FAULTS)
    expect(one.page.locator(".now-line b")).to_have_text("3 faults in place")
    one.save_screenshot(f"remote-faults-{size[0]}")
    whole = ".step, .clock, .talk b, .talk em, .now-line b, .now-line .tail, .thumb button:not(.unseen)"
    assert cut_texts(one.page, whole) == []
    assert small_controls(one.page) == []
    for part in one.page.locator(whole).all():
        expect(part).to_be_in_viewport(ratio=1)
    assert box(one.page, ".pad")["height"] >= size[1] / 2
    one.page.locator("#faults").click()
    assert cut_texts(one.page, ".fault b, .fault em, .fault .end, .drawer button") == []
    assert small_controls(one.page) == []
    one.save_screenshot(f"remote-sheet-{size[0]}")
    one.page.wait_for_timeout(FRESH_MS)
    for number in (1, 2):
        one.page.locator(f"#fault-{number}").click()
    breakable.until(lambda state: [one["state"] for one in state["chaos"]][:2] == ["idle", "idle"])


def test_resume_takes_exactly_the_place_of_halt_and_a_press_in_haste_does_not_resume(
    fresh: Server, window: Open
) -> None:
    page = window(fresh, "/presenter").page
    place = box(page, "#halt")
    page.mouse.click(place["x"] + 20, place["y"] + 20)
    expect(page.locator("#resume")).to_be_visible()
    page.mouse.click(place["x"] + 20, place["y"] + 20)
    assert fresh.state()["halted"]
    assert box(page, "#resume") == place
    page.keyboard.press("x")
    page.keyboard.press("x")
    expect(page.get_by_text("halted already").first).to_be_visible()
    assert fresh.state()["halted"]
    until_true(page, "() => new Promise((done) => setTimeout(() => done(true), 1300))")
    page.locator("#resume").click()
    fresh.until(lambda state: not state["halted"])
    assert box(page, "#halt") == place


def test_the_phone_halts_by_holding_and_not_by_a_tap(fresh: Server, window: Open) -> None:
    page = window(fresh, "/remote", PHONE).page
    place = box(page, "#halt")
    page.locator("#halt").tap()
    expect(page.locator(".notice")).to_contain_text("hold")
    assert not fresh.state()["halted"]
    page.mouse.move(place["x"] + 30, place["y"] + 30)
    page.mouse.down()
    fresh.until(lambda state: state["halted"])
    page.mouse.up()
    expect(page.locator("#resume")).to_be_visible()
    assert box(page, "#resume") == place
    until_true(page, "() => new Promise((done) => setTimeout(() => done(true), 1300))")
    page.locator("#resume").tap()
    fresh.until(lambda state: not state["halted"])
    expect(page.locator("#halt")).to_be_visible()
    until_true(page, "() => new Promise((done) => setTimeout(() => done(true), 1300))")
    page.locator("#halt").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#halt .again")).to_be_visible()
    page.keyboard.press("Enter")
    fresh.until(lambda state: state["halted"])


def test_the_stage_is_seen_small_as_the_audience_sees_it_and_cannot_be_pressed(fresh: Server, window: Open) -> None:
    page = window(fresh, "/presenter", PROJECTOR).page
    stage = window(fresh, "/", PROJECTOR).page
    small = page.locator(".on-stage h1").first
    expect(small).to_have_text("Good to see you")
    fresh.client.post("/freeze")
    fresh.client.post("/goto/3")
    expect(page.locator(".notes-pane h1")).to_have_text("After it all")
    expect(small).to_have_text("Good to see you")
    share = [
        float(one.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) / box_height
        for one, box_height in (
            (small, box(page, ".on-stage .view")["height"]),
            (stage.locator("h1").first, float(PROJECTOR[1])),
        )
    ]
    assert share[0] == pytest.approx(share[1], rel=0.02)
    assert page.locator("iframe").count() == 0
    expect(page.locator(".on-stage .view")).to_have_attribute("inert", "")
    fresh.client.post("/freeze?on=false")
    expect(small).to_have_text("After it all")
    fresh.client.post("/blackout")
    expect(page.locator("#r-curtain > *")).to_have_count(1)
    curtain, view = box(page, "#r-curtain > *"), box(page, ".on-stage .view")
    assert curtain["width"] <= view["width"] + 1
    assert curtain["height"] <= view["height"] + 1


def test_what_comes_next_is_seen_as_the_stage_will_show_it(fresh: Server, window: Open) -> None:
    page = window(fresh, "/presenter", PROJECTOR).page
    expect(page.locator("#r-preview h1").first).to_have_text("Never done")
    fresh.client.post("/goto/3")
    expect(page.locator("#r-preview")).to_be_empty()
    expect(page.locator("#r-next")).to_contain_text("last chapter")
    idents = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(idents) == len(set(idents))


def test_the_size_of_the_notes_is_kept_and_works_without_a_server(fresh: Server, window: Open) -> None:
    page = window(fresh, "/presenter").page
    notes = page.locator("#r-now")
    expect(notes).to_have_css("font-size", "34px")
    larger = page.get_by_role("button", name="Larger notes")
    larger.click()
    expect(notes).to_have_css("font-size", "40px")
    expect(larger).to_be_disabled()
    page.reload()
    connected(page)
    expect(notes).to_have_css("font-size", "40px")
    with silence(fresh, page):
        for size in ("34px", "28px", "24px"):
            page.get_by_role("button", name="Smaller notes").click()
            expect(notes).to_have_css("font-size", size)


@pytest.mark.parametrize(("path", "size"), [("/presenter", SMALL_LAPTOP), ("/remote", SMALL_PHONE)])
def test_a_server_that_is_gone_leaves_grey_controls_and_the_last_picture_with_its_age(
    fresh: Server, window: Open, path: str, size: tuple[int, int]
) -> None:
    one = window(fresh, path, size)
    inject(fresh, "far")
    expect(one.page.locator(".now-line")).to_have_class(re.compile("down"))
    red = one.page.locator("#halt").evaluate("e => getComputedStyle(e).borderColor")
    with silence(fresh, one.page):
        one.save_screenshot(f"gone-{path[1:]}")
        for name in ("#halt", "#next", "#back"):
            expect(one.page.locator(name)).to_have_css("border-style", "dashed")
        assert one.page.locator("#halt").evaluate("e => getComputedStyle(e).borderColor") != red
        lost, line = box(one.page, "#link"), box(one.page, ".line-place")
        assert (lost["x"], lost["y"]) == pytest.approx((line["x"], line["y"]), abs=1)
        expect(one.page.locator("#link-text")).to_have_text(re.compile(r"(no contact|connection lost).* \d+ s"))
        expect(one.page.locator("#r-now, #r-notes").first).to_contain_text("Breathe")
        assert cut_texts(one.page, "#link-text") == []
    expect(one.page.locator("#link")).to_be_hidden(timeout=8000)
    expect(one.page.locator("#halt")).not_to_have_css("border-style", "dashed")


def test_enter_fires_is_said_and_an_aim_that_ran_out_lets_enter_do_nothing(fresh: Server, window: Open) -> None:
    page = window(fresh, "/presenter").page
    page.keyboard.press("c")
    expect(page.get_by_text("a digit, then Enter")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("#fault-1 .by-key")).to_have_text("Enter fires on")
    expect(page.locator("#fault-1 .by-key")).to_be_visible()
    until_true(page, "!document.documentElement.hasAttribute('data-live-aiming')")
    expect(page.locator(".notice").last).to_contain_text("nothing was fired")
    page.keyboard.press("Enter")
    expect(page.locator(".notice").last).to_contain_text("Enter")
    state = fresh.state()
    assert (state["chapter"]["number"], state["chaos"][0]["state"]) == (1, "idle")
    page.keyboard.press("PageDown")
    fresh.until(lambda state: state["chapter"]["number"] == 2)


def test_the_overview_leads_to_a_chapter_and_back_to_where_the_jump_came_from(fresh: Server, window: Open) -> None:
    page = window(fresh, "/presenter").page
    expect(page.locator("#return")).to_be_hidden()
    page.keyboard.press("o")
    expect(page.locator("#jump")).to_be_visible()
    expect(page.locator("#jump .chapters > li > [aria-current]")).to_contain_text("Good to see you")
    pictures = page.locator("#jump .thumb .stage")
    expect(pictures).to_have_count(3, timeout=20_000)
    expect(pictures.first.locator(".cover h1")).to_have_text("Good to see you")
    expect(pictures.nth(1)).to_contain_text(page.locator("#goto-2 bdi").inner_text())
    assert small_controls(page) == []
    page.locator("#goto-3").click()
    fresh.until(lambda state: state["chapter"]["number"] == 3)
    back = page.get_by_role("button", name="Return to 1")
    back.click()
    fresh.until(lambda state: state["chapter"]["number"] == 1)
    expect(page.get_by_role("button", name="Return to 3")).to_be_visible()


def test_the_time_of_the_chapter_counts_from_the_start_of_the_talk(breakable: Server, window: Open) -> None:
    page = window(breakable, "/presenter").page
    time = page.locator(".time b")
    passed = "() => demo.now() - Number(document.querySelector('.time b').dataset.since) > 1.3"
    until_true(page, passed)
    expect(time).to_have_text("0:00")
    breakable.client.post("/timer/start")
    expect(time).not_to_have_attribute("data-most", re.compile(""))
    until_true(page, passed)
    expect(time).to_have_text(re.compile("0:0[1-9]"))
    breakable.client.post("/timer/reset")
    expect(time).to_have_text("0:00")


def test_the_remote_can_be_installed(fresh: Server, window: Open) -> None:
    one = window(fresh, "/remote", PHONE)
    session = one.context.new_cdp_session(one.page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    assert '"../remote"' in found["data"]
    icons = one.page.evaluate("""async () => {
      const address = document.querySelector('link[rel=manifest]').href;
      const { icons, start_url } = await (await fetch(address)).json();
      const sizes = await Promise.all(icons.map(async ({ src }) => {
        const image = new Image();
        image.src = new URL(src, address);
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }));
      return [sizes, icons.map(({ sizes }) => sizes), new URL(start_url, address).pathname];
    }""")
    assert icons[0] == icons[1]
    assert icons[2] == "/remote"
    assert one.console_errors == []


def test_where_the_screen_may_lock_the_phone_says_so(fresh: Server, browser: Browser) -> None:
    with windows() as opened:
        opened.append(Window(browser, "about:blank", PHONE))
        page = opened[0].page
        page.add_init_script("Object.defineProperty(navigator, 'wakeLock', { value: undefined });")
        page.goto(f"{fresh.url}/remote")
        connected(page)
        expect(page.locator("#awake")).to_contain_text("This screen may lock")
        wait_for(lambda: fresh.state()["viewers"]["remote"] >= 1)
