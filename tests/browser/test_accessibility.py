"""axe-core over the stage, the presenter's page and the phone: nothing found in any state, dark or light."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages import connected
from tests.browser.test_presenter import silence
from tests.browser.test_stage import SOON_MS, staged
from tests.support.axe import findings
from tests.support.chromium import LAPTOP, PHONE, Window, chromium, windows
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SIZES = {"/presenter": LAPTOP, "/remote": PHONE}
DIALOGS = {"/presenter": ("o", "#jump"), "/remote": ("c", "#sheet")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def show() -> Iterator[Server]:
    with serving("tests.support.long_texts_subject:LongTextsSubject", "-o", "nodes=6", cwd=ROOT) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        try:
            yield server
        finally:
            server.kill_with_watchdog()


def put(server: Server, *commands: str) -> None:
    for command in commands:
        assert server.client.post(command).status_code in (200, 202), command


def all_idle(server: Server) -> None:
    server.until(lambda state: all(one["state"] == "idle" for one in state["chaos"]))


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("path", SIZES)
def test_axe_finds_nothing_in_any_state(show: Server, browser: Browser, path: str, scheme: str) -> None:
    put(show, "/halt", "/resume", "/freeze?on=false", "/blackout?on=false", "/goto/1")
    all_idle(show)
    with windows() as opened:
        opened.append(Window(browser, f"{show.url}{path}", SIZES[path], scheme))
        page: Page = connected(opened[0].page)
        found = {"at rest": findings(page)}
        put(show, "/chaos/far", "/freeze", "/goto/3")
        expect(page.locator(".now-line")).to_contain_text("wire")
        found["a fault, the picture held"] = findings(page)
        key, dialog = DIALOGS[path]
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()
        found["a dialog"] = findings(page)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        put(show, "/halt")
        expect(page.locator("#resume")).to_be_visible()
        found["halted"] = findings(page)
        with silence(show, page):
            found["no contact"] = findings(page)
        assert {name: each for name, each in found.items() if each} == {}


@pytest.fixture(scope="module")
def stage() -> Iterator[Server]:
    with staged() as server:
        yield server


WALL = (1280, 720)
MOVED_MS = 700
"""At its moment a fault dims all but its victim, for 600 ms."""
LOOKS = ((WALL, "dark"), (WALL, "light"), (PHONE, "dark"), (PHONE, "light"))
STEPS = (
    ("cover", "", ".cover"),
    ("story", "/advance", ".story"),
    ("prediction", "/advance", ".prediction"),
    ("countdown", "/advance", "#r-record :text('Killing node-2')"),
    ("killed", "", "#r-record :text('detected in')"),
    ("line from the presenter", "/say?text=Look", ".said"),
    ("confirmed", "/chaos/kill-node-2/heal", ".ruling:text('Confirmed')"),
    ("refuted", "/advance", ".ruling:text('Refuted')"),
    ("not seen", "/advance", ".ruling:text('Not seen')"),
    ("evidence", "/advance", ".evidence tbody tr:nth-child(3)"),
    ("closing", "/advance", ".story"),
    ("curtain", "/blackout?on=true", ".curtain"),
)
"""A state of the stage, the command that leads to it, and what is seen then."""


def findings_while(page: Page, seen: str) -> list[str]:
    """Return what axe finds in a state; nothing if the show left it meanwhile, for the next one is looked at too.

    On a busy machine a countdown may end while axe looks, and then all but the victim is dimmed for a moment.
    """
    found = findings(page)
    return found if page.locator(seen).first.is_visible() else []


def test_axe_finds_nothing_in_any_state_of_the_stage(stage: Server, browser: Browser) -> None:
    found = {}
    with windows() as opened:
        opened.extend(Window(browser, f"{stage.url}/", size, scheme) for size, scheme in LOOKS)
        for name, command, seen in STEPS:
            put(stage, *filter(None, [command]))
            for window in opened:
                expect(window.page.locator(seen).first).to_be_visible(timeout=SOON_MS)
            opened[0].page.wait_for_timeout(MOVED_MS)
            for (size, scheme), window in zip(LOOKS, opened, strict=True):
                found[f"{name}, {size[0]} wide, {scheme}"] = findings_while(window.page, seen)
        put(stage, "/blackout?on=false")
        stage.kill_with_watchdog()
        for (size, scheme), window in zip(LOOKS, opened, strict=True):
            expect(window.page.locator("html")).to_have_class(re.compile("lost"), timeout=SOON_MS)
            found[f"no contact, {size[0]} wide, {scheme}"] = findings(window.page)
    assert {name: each for name, each in found.items() if each} == {}
