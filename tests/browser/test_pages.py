"""The pages in a real browser: one truth on every screen, keys, lost servers, refusals."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, windows
from tests.support.servers import Server, script, serving

pytestmark = pytest.mark.browser

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Server, path: str, size: tuple[int, int] = PROJECTOR, scheme: str = "dark") -> Window:
            opened.append(Window(browser, f"{server.url}{path}", size, scheme))
            return opened[-1]

        yield make


def connected(page: Page) -> Page:
    """Once the stream is up, a press is sent and a change is shown."""
    expect(page.locator("#link")).to_be_hidden()
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=10_000)
    return page


def test_a_tap_on_the_phone_changes_the_projector(server: Server, window: Open) -> None:
    stage = connected(window(server, "/").page)
    phone = connected(window(server, "/remote", PHONE).page)
    expect(stage.locator("h1")).to_have_text("Good to see you")
    phone.get_by_role("button", name="Next").tap()
    expect(stage.locator("h1")).to_have_text("One truth")
    expect(phone.locator(".step")).to_have_text("2 / 5")
    phone.get_by_role("button", name="Back").tap()
    expect(stage.locator("h1")).to_have_text("Good to see you")


def test_a_swipe_on_the_phone_moves_the_show(server: Server, window: Open) -> None:
    phone = connected(window(server, "/remote", PHONE).page)
    swipe(phone, 320, 60)
    server.until(lambda state: state["chapter"]["number"] == 2)
    expect(phone.locator(".step")).to_have_text("2 / 5")
    swipe(phone, 60, 320)
    server.until(lambda state: state["chapter"]["number"] == 1)


def hold(page: Page, name: str) -> None:
    """Press a control and do not let go."""
    box = page.locator(name).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def test_halt_is_one_hold_away_with_the_faults_open_too(server: Server, window: Open) -> None:
    phone = connected(window(server, "/remote", PHONE).page)
    phone.locator("#faults").tap()
    hold(phone, "#halt-here")
    server.until(lambda state: state["halted"], 4)


def swipe(page: Page, start: int, end: int) -> None:
    """A finger across the notes, as the browser itself would report it."""
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": 300}]})
    for x in range(start, end, 40 if end > start else -40):
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": 300}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


NEXT = ["Space", "Enter", "ArrowRight", "ArrowDown", "PageDown", "n", "j", "l"]
PREVIOUS = ["ArrowLeft", "ArrowUp", "PageUp", "p", "k", "h", "Shift+Space", "Backspace"]


def test_every_key_and_clicker_key_of_the_presenter_moves_the_show(server: Server, window: Open) -> None:
    desk = connected(window(server, "/presenter", LAPTOP).page)
    for forward, backward in zip(NEXT, PREVIOUS, strict=True):
        expect(desk.locator("#r-bar")).to_contain_text("1 / 5")
        desk.keyboard.press(forward)
        expect(desk.locator("#r-bar"), f"after {forward}").to_contain_text("2 / 5")
        desk.keyboard.press(backward)
        expect(desk.locator("#r-bar"), f"after {backward}").to_contain_text("1 / 5")
    desk.keyboard.press("End")
    expect(desk.locator("#r-bar")).to_contain_text("5 / 5")
    desk.keyboard.press("Home")
    expect(desk.locator("#r-bar")).to_contain_text("1 / 5")


def test_blank_halt_jump_and_harmless_keys(server: Server, window: Open) -> None:
    stage = connected(window(server, "/").page)
    desk = connected(window(server, "/presenter", LAPTOP).page)
    for key in ("b", "."):
        desk.keyboard.press(key)
        expect(desk.locator("#blackout")).to_have_attribute("aria-pressed", "true")
        expect(stage.locator("#r-curtain > *")).to_have_count(1)
        desk.keyboard.press(key)
        expect(desk.locator("#blackout")).to_have_attribute("aria-pressed", "false")
        expect(stage.locator("#r-curtain > *")).to_have_count(0)
    for key in ("g", "4", "Enter"):
        desk.keyboard.press(key)
    expect(stage.locator(".step")).to_have_text("4 of 5")
    seq = server.until(lambda state: state["chapter"]["status"] == "done")["seq"]
    for key in ("Escape", "x", "Control+n", "Alt+n", "Escape"):
        desk.keyboard.press(key)
    assert server.state()["seq"] == seq, "Esc, one X and modified keys do nothing"
    desk.keyboard.press("x")
    desk.keyboard.press("x")
    server.until(lambda state: state["halted"])


def test_the_timer_is_started_paused_and_only_reset_by_two_presses(server: Server, window: Open) -> None:
    desk = connected(window(server, "/presenter", LAPTOP).page)
    phone = connected(window(server, "/remote", PHONE).page)
    expect(desk.locator("#r-bar .talk")).to_contain_text("0:00/ 3:00")
    desk.keyboard.press("PageDown")
    for page in (desk, phone):
        expect(page.locator("[data-talk]")).to_have_text(re.compile("0:0[1-9]"), timeout=10_000)
        expect(page.locator("[data-pace]")).to_have_text(re.compile("0:[0-3][0-9] ahead"))
    desk.keyboard.press("s")
    expect(desk.locator("#timer-toggle")).to_have_text(re.compile("Continue"))
    stood = server.state()["timer"]["elapsed_sec"]
    assert stood > 0
    desk.locator("#timer-reset").click()
    expect(desk.locator("#timer-reset .again")).to_be_visible()
    assert server.state()["timer"]["elapsed_sec"] == stood, "the first press only asks"
    desk.locator("#timer-reset").click()
    server.until(lambda state: state["timer"]["elapsed_sec"] == 0)
    expect(desk.locator("[data-talk]")).to_have_text("0:00")


def test_the_timers_keys_and_its_buttons_on_the_phone(server: Server, window: Open) -> None:
    desk = connected(window(server, "/presenter", LAPTOP).page)
    phone = connected(window(server, "/remote", PHONE).page)
    desk.keyboard.press("s")
    server.until(lambda state: state["timer"]["running"])
    desk.keyboard.press("w")
    expect(desk.get_by_text("W again to reset the timer")).to_be_visible()
    assert server.state()["timer"]["running"]
    desk.keyboard.press("w")
    server.until(lambda state: not state["timer"]["running"])
    phone.locator("#faults").tap()
    phone.locator("#timer-toggle").tap()
    server.until(lambda state: state["timer"]["running"])
    expect(phone.locator("#timer-toggle")).to_contain_text("Pause")
    phone.locator("#timer-reset").tap()
    expect(phone.locator("#timer-reset .again")).to_be_visible()
    phone.locator("#timer-reset").tap()
    server.until(lambda state: not state["timer"]["running"])


def test_a_frozen_stage_holds_its_chapter_while_the_presenter_moves_on(server: Server, window: Open) -> None:
    stage = connected(window(server, "/").page)
    desk = connected(window(server, "/presenter", LAPTOP).page)
    phone = connected(window(server, "/remote", PHONE).page)
    desk.keyboard.press("z")
    server.until(lambda state: state["frozen"])
    for key, number in (("PageDown", 2), ("Space", 3)):
        desk.keyboard.press(key)
        expect(desk.locator("#r-bar")).to_contain_text(f"{number} / 5")
    for page, place in ((desk, "#r-audience"), (phone, "#r-sheet")):
        expect(page.locator(place)).to_contain_text("Held: the audience sees chapter 1")
    expect(phone.locator("#next")).to_contain_text("the room stays on 1")
    expect(phone.locator(".now-line")).to_contain_text("the room sees chapter 1")
    server.client.post("/halt")
    expect(stage.locator("#r-record")).to_contain_text("Halted")
    expect(stage.locator("h1")).to_have_text("Good to see you")
    phone.locator("#faults").tap()
    phone.get_by_role("button", name="Go back to 1").tap()
    expect(desk.locator("#r-bar")).to_contain_text("1 / 5")
    expect(desk.locator("#unfreeze-back")).to_have_count(0)
    desk.keyboard.press("PageDown")
    expect(desk.locator("#unfreeze-back")).to_have_count(1)
    phone.locator("#freeze").tap()
    expect(stage.locator("h1")).to_have_text("One truth")
    expect(desk.locator("#r-audience")).to_be_empty()
    expect(phone.locator("#r-sheet")).not_to_contain_text("Held: the audience")
    expect(phone.locator("#next")).not_to_contain_text("the room stays")


@pytest.mark.parametrize("size", [PROJECTOR, LAPTOP, (1280, 720), (1024, 768), PHONE])
def test_halt_stays_in_sight_whatever_is_on(server: Server, window: Open, size: tuple[int, int]) -> None:
    for path in ("/advance", "/freeze", "/advance", "/blackout"):
        server.client.post(path)
    desk = connected(window(server, "/presenter", size).page)
    expect(desk.locator("#r-audience")).to_contain_text("The curtain is closed, and chapter 2 is held")
    expect(desk.locator("#halt")).to_be_in_viewport(ratio=1)
    place = desk.locator("#halt").bounding_box()
    server.client.post("/halt")
    expect(desk.locator("#resume")).to_be_in_viewport(ratio=1)
    assert desk.locator("#resume").bounding_box() == place
    assert desk.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_keys_typed_into_a_field_are_text(server: Server, window: Open) -> None:
    stage = connected(window(server, "/").page)
    desk = connected(window(server, "/presenter", LAPTOP).page)
    desk.locator("#say-text").click()
    desk.keyboard.type("next <b>please</b>, n b x x")
    assert server.state()["chapter"]["number"] == 1
    desk.keyboard.press("Enter")
    expect(stage.locator("#r-said")).to_contain_text("next <b>please</b>, n b x x")
    assert server.state()["chapter"]["number"] == 1


def test_a_focused_button_fires_once(server: Server, window: Open) -> None:
    desk = connected(window(server, "/presenter", LAPTOP).page)
    for key in ("Enter", "Space"):
        number = server.state()["chapter"]["number"]
        desk.locator("#next").focus()
        desk.keyboard.press(key)
        expect(desk.locator("#r-bar")).to_contain_text(f"{number + 1} / 5")
        assert server.state()["chapter"]["number"] == number + 1


def test_the_stage_page_steers_nothing(server: Server, window: Open) -> None:
    stage = connected(window(server, "/").page)

    def pressed() -> list[dict[str, str]]:
        """A busy machine may make the show itself say something meanwhile."""
        return [line for line in server.state()["log"] if line["who"] != "show"]

    before = pressed()
    for key in (*NEXT, *PREVIOUS, "b", ".", "z", "s", "w", "w", "x", "x", "c", "1", "Enter", "u", "End"):
        stage.keyboard.press(key)
    stage.mouse.click(900, 500)
    assert pressed() == before


def test_a_refusal_is_a_notice_and_the_page_stays_whole(server: Server, window: Open) -> None:
    desk = connected(window(server, "/presenter", LAPTOP).page)
    desk.keyboard.press("PageUp")
    expect(desk.get_by_text(re.compile("first chapter", re.IGNORECASE)).first).to_be_visible()
    expect(desk.locator("#r-bar")).to_contain_text("1 / 5")


def test_halt_answers_with_eight_tabs_open_in_one_browser(server: Server, window: Open) -> None:
    first = window(server, "/remote", PHONE)
    pages = [first.page]
    for path in ("/", "/", "/", "/", "/presenter", "/presenter", "/remote"):
        page = first.watch(first.context.new_page())
        page.goto(f"{server.url}{path}")
        pages.append(page)
    last = pages[-1]
    last.bring_to_front()
    connected(last)
    hold(last, "#halt")
    server.until(lambda state: state["halted"], 4)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_page_complains_and_the_three_are_kept_as_pictures(server: Server, window: Open, scheme: str) -> None:
    for path, size, name in (
        ("/", PROJECTOR, "stage"),
        ("/presenter", LAPTOP, "presenter"),
        ("/remote", PHONE, "remote"),
    ):
        one = window(server, path, size, scheme)
        connected(one.page)
        server.client.post("/say", json={"text": f"{name} in the {scheme}"})
        expect(one.page.locator("body")).to_contain_text("Good to see you")
        assert one.save_screenshot(f"none-{name}-{scheme}").stat().st_size > 5000
        width = one.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{path} is wider than its screen"
        assert one.console_errors == []


# A server that goes away.


def since(began: float) -> float:
    return time.monotonic() - began


@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_a_frozen_server_is_said_within_three_seconds_and_recovers(window: Open, path: str) -> None:
    with serving("none") as server:
        server.until(lambda state: state["seq"] > 0)
        page = connected(window(server, path, LAPTOP).page)
        expect(page.locator("body")).to_contain_text("Good to see you")
        os.kill(server.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            expect(page.locator("#link")).to_be_visible(timeout=4000)
            assert since(began) < 3.5, "three seconds, and what this test itself needs to look"
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        expect(page.locator("#link")).to_be_hidden(timeout=8000)
        server.client.post("/advance")
        expect(page.locator("body")).to_contain_text("One truth")


def test_a_restarted_server_is_rejoined_at_the_same_chapter(window: Open, tmp_path: Path) -> None:
    journal = str(tmp_path / "show")
    with serving("none", "--journal", journal) as server:
        server.until(lambda state: state["seq"] > 0)
        stage = connected(window(server, "/").page)
        desk = connected(window(server, "/presenter", LAPTOP).page)
        server.client.post("/advance")
        expect(stage.locator(".step")).to_have_text("2 of 5")
        server.kill()
        port = server.port
    for page in (stage, desk):
        expect(page.locator("#link")).to_be_visible(timeout=4000)
    desk.keyboard.press("PageDown")
    again = [*script(tmp_path / "again.py", AGAIN), str(port), journal]
    with serving(program=again) as server:
        for page in (stage, desk):
            expect(page.locator("#link")).to_be_hidden(timeout=10_000)
        assert server.state()["progress"] == "[2/5]", "a press while the line was dead is not sent later"
        server.client.post("/advance")
        expect(stage.locator(".step")).to_have_text("3 of 5")
        expect(desk.locator("#r-bar")).to_contain_text("3 / 5")


AGAIN = """
import sys
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", sys.argv[1], "--journal", sys.argv[2]])
"""


# The rate limiter, with a real fault.


@pytest.mark.system
def test_a_kill_turns_a_card_red_and_back(window: Open) -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        # The first chapter is a cover, which shows no system while all is well.
        assert server.client.post("/advance").status_code == 200
        stage = window(server, "/")
        desk = connected(window(server, "/presenter", LAPTOP).page)
        phone = connected(window(server, "/remote", PHONE).page)
        card = connected(stage.page).locator(".node", has_text="node-2")
        expect(card).to_have_class(re.compile(r"\bup\b"))
        stage.save_screenshot("ratelimiter-stage")
        desk.keyboard.press("z")
        desk.keyboard.press("PageDown")
        expect(desk.locator("#r-audience")).to_contain_text("the audience sees chapter 2")
        polled = stage.page.locator("#r-top [data-age]").get_attribute("data-age")
        button = desk.locator("#fault-1")
        expect(button).to_contain_text("node-2")
        button.click()
        assert server.state()["chaos"][0]["state"] == "idle", "the first click only arms"
        button.click()
        expect(card).to_have_class(re.compile(r"\bdown\b"))
        expect(stage.page.locator("#r-record")).to_contain_text("node-2")
        expect(stage.page.locator("#r-record")).to_contain_text("detected in")
        stage.save_screenshot("ratelimiter-stage-fault")
        expect(phone.locator("#r-status")).to_contain_text("node-2")
        expect(card).to_have_class(re.compile(r"\bup\b"), timeout=15_000)
        expect(stage.page.locator("#r-record")).to_contain_text("recovered in", timeout=10_000)
        expect(stage.page.locator(".step")).to_have_text("2 of 10")
        assert float(stage.page.locator("#r-top [data-age]").get_attribute("data-age") or 0) > float(polled or 0)
        stage.save_screenshot("ratelimiter-stage-healed")
        assert stage.console_errors == []
