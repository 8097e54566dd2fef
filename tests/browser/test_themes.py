"""A deck's theme, language and layouts in a real browser, on the server and on a relay; and after an edit."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import demo
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, windows
from tests.support.pictures import png
from tests.support.relays import ident_of, redis_server, relaying
from tests.support.servers import serving, wait_for

pytestmark = pytest.mark.browser

FONT = Path(demo.__file__).parent / "static" / "vendor" / "inter-5.3.0.woff2"
FRONT = """\
---
title: Themed
language: ar
theme: {base: light, accent: "#8a1c7c", font: own.woff2, logo: logo.png}
probes:
  here: {run: ["true"]}
---

"""
LAYOUTS = ("story", "focus", "system", "split", "center", "image", "end", "cover")
CHAPTERS = "\n---\n\n".join(
    f"```yaml\nlayout: {layout}\n```\n\n# The {layout}\n\nA few words.\n\n![a picture](logo.png)\n"
    for layout in LAYOUTS
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    (tmp_path / "logo.png").write_bytes(png(80, 20))
    shutil.copy(FONT, tmp_path / "own.woff2")
    path = tmp_path / "themed.md"
    path.write_text(FRONT + CHAPTERS)
    return path


def is_live(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=30_000)


def custom(page: Page, name: str) -> str:
    return str(page.evaluate("name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()", name))


def check_look(page: Page) -> None:
    root = page.locator("html")
    for name, value in (("lang", "ar"), ("dir", "rtl"), ("data-theme", "light")):
        expect(root).to_have_attribute(name, value)
    check_accent(page, "#8a1c7c")


def check_accent(page: Page, colour: str) -> None:
    wait_for(lambda: custom(page, "--accent") == colour, 20)


def test_the_pages_wear_the_theme_of_their_deck_and_an_edit_changes_it_at_once(browser: Browser, deck: Path) -> None:
    with serving(str(deck), "-x") as server, windows() as opened:
        opened += [
            Window(browser, f"{server.url}/", PROJECTOR),
            Window(browser, f"{server.url}/presenter", LAPTOP),
            Window(browser, f"{server.url}/remote", PHONE),
        ]
        first = server.client.get("/").text
        assert '<html lang="ar" dir="rtl" data-theme="light"' in first, "without a script, too"
        for window in opened:
            is_live(window.page)
            check_look(window.page)
        stage = opened[0].page
        assert stage.evaluate("() => document.fonts.load('20px Deck').then((found) => found.length)") == 1
        assert "url(" in stage.evaluate(
            "() => getComputedStyle(document.querySelector('.top'), '::before').backgroundImage"
        )
        for place, layout in enumerate(LAYOUTS):
            expect(stage.locator("#r-look > i")).to_have_class(f"layout-{layout}", timeout=20_000)
            shows_picture = stage.locator(".system-picture").is_visible()
            assert shows_picture == (layout not in ("center", "image", "end", "cover")), layout
            if place + 1 < len(LAYOUTS):
                server.client.post("/advance")
        edited = deck.read_text().replace("#8a1c7c", "#0a5c36").replace("language: ar", "language: de")
        deck.write_text(edited)
        for window in opened:
            expect(window.page.locator("html")).to_have_attribute("lang", "de", timeout=20_000)
            expect(window.page.locator("html")).to_have_css("direction", "ltr")
            check_accent(window.page, "#0a5c36")
            assert window.console_errors == []


def test_a_relay_wears_it_too_and_fetches_each_of_its_files_once(browser: Browser, deck: Path) -> None:
    with (
        redis_server() as redis,
        serving(str(deck), "-x", "--redis", redis.url) as server,
        relaying(redis.url) as relay,
    ):
        wait_for(lambda: relay.has(ident_of(server.state())), 30)
        assert '<html lang="ar" dir="rtl" data-theme="light"' in relay.client.get("/").text
        with windows() as opened:
            opened += [Window(browser, relay.url, PROJECTOR), Window(browser, relay.url, PROJECTOR)]
            for window in opened:
                is_live(window.page)
                check_look(window.page)
                assert window.console_errors == []
        calls = redis.client.info("commandstats").get("cmdstat_hget", {}).get("calls", 0)
        assert int(calls) == 3, "the stylesheet, the logo and the font"


def test_who_asks_for_another_theme_in_the_address_gets_it(browser: Browser, deck: Path) -> None:
    with serving(str(deck), "-x") as server, windows() as opened:
        opened.append(Window(browser, f"{server.url}/?theme=dark", PROJECTOR))
        page = opened[0].page
        is_live(page)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert custom(page, "--accent") == "#86b8ff", "the deck's accent was not checked on this ground"
