"""Keys of other keyboards in a real browser: by what they print, else by their place; and fingers that do not swipe."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import connected
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, until_true, windows
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def show() -> Iterator[Server]:
    with serving("tests.support.right_to_left_subject:Rightward", env={"PYTHONPATH": str(ROOT)}) as server:
        server.until(lambda state: bool(state["health"]))
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def screens(browser: Browser, show: Server) -> Iterator[dict[str, Page]]:
    """Each page of that show, opened once."""
    with windows() as opened:
        found = {}
        for path, size in (("/presenter", LAPTOP), ("/remote", PHONE), ("/", PROJECTOR)):
            opened.append(Window(browser, f"{show.url}{path}", size))
            found[path] = connected(opened[-1].page)
        yield found
        assert [window.console_errors for window in opened] == [[], [], []]


@pytest.fixture
def fresh(show: Server) -> Server:
    """On the first chapter, lit, healed and not halted."""
    for path in ("/halt", "/resume", "/blackout?on=false", "/goto/1"):
        show.client.post(path)
    show.until(lambda state: all(fault["state"] == "idle" for fault in state["chaos"]))
    return show


def strike(page: Page, *keys: str) -> None:
    """Keys as `printed code`, or a name alone; a capital place is one with Shift."""
    session = page.context.new_cdp_session(page)
    for struck in keys:
        printed, _, code = struck.partition(" ")
        shift = 8 if printed != printed.lower() or code.startswith("+") else 0
        said = {"key": printed, "code": (code or printed).removeprefix("+"), "modifiers": shift}
        session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **said})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", **said})
    session.detach()


LAYOUTS = {
    "russian": ("ч KeyX", "г KeyU", "и KeyB", "с KeyC", "2 Digit2"),
    "greek": ("χ KeyX", "θ KeyU", "β KeyB", "ψ KeyC", "2 Digit2"),
    "hebrew": ("ס KeyX", "ו KeyU", "נ KeyB", "ב KeyC", "2 Digit2"),
    "french": ("x KeyX", "u KeyU", "b KeyB", "c KeyC", "é Digit2"),
    "czech": ("x KeyX", "u KeyU", "b KeyB", "c KeyC", "ě Digit2"),
    "persian": ("ط KeyX", "ع KeyU", "ذ KeyB", "ز KeyC", "۲ Digit2"),
    "dvorak": ("x KeyB", "u KeyF", "b KeyN", "c KeyI", "2 Digit2"),
}


@pytest.mark.parametrize("path", ["/presenter", "/remote"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_blackout_faults_heal_and_halt_lie_where_they_lie(
    fresh: Server, screens: dict[str, Page], path: str, layout: str
) -> None:
    halt, heal, blackout, aim, two = LAYOUTS[layout]
    page = screens[path]
    button = page.locator("#blackout")
    # The key does what the page's own button says at that moment.
    expect(button).to_have_attribute("aria-pressed", "false")
    strike(page, blackout)
    expect(button).to_have_attribute("aria-pressed", "true")
    strike(page, blackout)
    expect(button).to_have_attribute("aria-pressed", "false")
    assert not fresh.state()["blackout"]
    strike(page, aim, two, "Enter")
    fresh.until(lambda state: state["chaos"][1]["state"] == "active")
    page.keyboard.press("Escape")
    strike(page, heal)
    fresh.until(lambda state: state["chaos"][1]["state"] == "idle")
    strike(page, halt, halt)
    fresh.until(lambda state: state["halted"])
    assert fresh.state()["chapter"]["number"] == 1


PLACES = {
    "russian": "т KeyN|з KeyP|щ KeyO|я KeyZ|ы KeyS|ц KeyW|о KeyJ|л KeyK|, +Slash",
    "greek": "ν KeyN|π KeyP|ο KeyO|ζ KeyZ|σ KeyS|ς KeyW|ξ KeyJ|κ KeyK|? +Slash",
    "hebrew": "מ KeyN|פ KeyP|ם KeyO|ז KeyZ|ד KeyS|' KeyW|ח KeyJ|ל KeyK|? +Slash",
    "french": "n KeyN|p KeyP|o KeyO|z KeyW|s KeyS|w KeyZ|j KeyJ|k KeyK|? +KeyM",
    "czech": "n KeyN|p KeyP|o KeyO|z KeyY|s KeyS|w KeyW|j KeyJ|k KeyK|? +Comma",
}
"""Next, back, overview, hold the picture, start the timer, reset it, next, back, help: as each layout prints them."""


@pytest.mark.parametrize("layout", PLACES)
def test_moving_the_overview_the_timer_and_help_lie_where_they_lie(
    fresh: Server, screens: dict[str, Page], layout: str
) -> None:
    page = screens["/presenter"]
    forward, back, overview, held, timer, reset, other_forward, other_back, help_key = PLACES[layout].split("|")
    for press, number in ((forward, 2), (back, 1), (other_forward, 2), (other_back, 1)):
        strike(page, press)
        fresh.until(lambda state, number=number: state["chapter"]["number"] == number)  # type: ignore[misc]
        # A press says from where it moves, so that one on an old picture does nothing.
        expect(page.locator("#r-bar")).to_contain_text(f"{number} / ")
    strike(page, overview)
    expect(page.locator("#jump")).to_be_visible()
    strike(page, overview)
    expect(page.locator("#jump")).to_be_hidden()
    strike(page, held)
    fresh.until(lambda state: state["frozen"])
    # The key does what the page's own button says at that moment.
    expect(page.locator("#freeze")).to_have_attribute("aria-pressed", "true")
    strike(page, held)
    fresh.until(lambda state: not state["frozen"])
    strike(page, reset, reset)
    fresh.until(lambda state: not state["timer"]["running"])
    expect(page.locator("#timer-toggle")).to_have_attribute("hx-post", re.compile("timer/start"))
    strike(page, timer)
    fresh.until(lambda state: state["timer"]["running"])
    strike(page, help_key)
    expect(page.locator("#help")).to_be_visible()
    strike(page, help_key)
    expect(page.locator("#help")).to_be_hidden()


STRANGERS = {"é Comma": "é", "Dead BracketLeft": "Dead", "£ Backslash": "£", "(  ": "("}


@pytest.mark.parametrize("path", ["/presenter", "/remote"])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_is_not_understood_while_aiming_is_said_and_lets_enter_fire_and_never_advance(
    fresh: Server, screens: dict[str, Page], path: str, stranger: str
) -> None:
    page = screens[path]
    strike(page, "c KeyC", "Shift ShiftLeft", stranger)
    expect(page.locator(".notice").filter(has_text=f"“{STRANGERS[stranger]}” is not a digit").last).to_be_visible()
    strike(page, "Enter")
    strike(page, "c KeyC", "2 Digit2", stranger, "AudioVolumeUp", "Enter")
    fresh.until(lambda state: state["chaos"][1]["state"] == "active")
    page.keyboard.press("Escape")
    assert fresh.state()["chapter"]["number"] == 1


def test_a_number_in_the_overview_counts_in_every_script(fresh: Server, screens: dict[str, Page]) -> None:
    page = screens["/presenter"]
    strike(page, "п KeyG", "۳ Digit3", "Enter")
    fresh.until(lambda state: state["chapter"]["number"] == 3)
    strike(page, "g KeyG", "é Digit2", "Enter")
    fresh.until(lambda state: state["chapter"]["number"] == 2)


def test_the_stage_takes_its_keys_on_other_keyboards_and_no_others(fresh: Server, screens: dict[str, Page]) -> None:
    page = screens["/"]

    def scale() -> str:
        return str(page.evaluate("document.documentElement.style.getPropertyValue('--scale')"))

    strike(page, "+ Digit1")
    assert scale() == "1.1"
    strike(page, "- Digit6")
    assert scale() == "1"
    strike(page, "? +Digit7")
    expect(page.locator("#help")).to_be_visible()
    strike(page, "؟ +Slash")
    expect(page.locator("#help")).to_be_hidden()
    strike(page, "а KeyF")
    until_true(page, "document.fullscreenElement !== null")
    strike(page, "а KeyF")
    until_true(page, "document.fullscreenElement === null")
    strike(page, "т KeyN", "ч KeyX", "ч KeyX", "и KeyB")
    state = fresh.state()
    assert (state["chapter"]["number"], state["halted"], state["blackout"]) == (1, False, False)


def drag(page: Page, *fingers: int, scale: float = 1.0) -> None:
    """As many fingers as there are heights, from right to left, on a page at this zoom."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": scale})
    until_true(page, "scale => Math.abs(visualViewport.scale - scale) < 0.01", scale)
    for x in range(320, 60, -40):
        points = [{"x": x, "y": y, "id": number} for number, y in enumerate(fingers)]
        session.send(
            "Input.dispatchTouchEvent", {"type": "touchStart" if x == 320 else "touchMove", "touchPoints": points}
        )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1.0})
    until_true(page, "visualViewport.scale === 1")
    session.detach()


def test_a_finger_on_a_zoomed_phone_page_and_two_fingers_turn_no_chapter(browser: Browser, fresh: Server) -> None:
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    page.goto(f"{fresh.url}/remote")
    connected(page)
    drag(page, 300, scale=2.0)
    drag(page, 300, 500)
    drag(page, 300)
    fresh.until(lambda state: state["chapter"]["number"] == 2)
    context.close()
    assert fresh.client.post("/back").json()["chapter"]["number"] == 1
