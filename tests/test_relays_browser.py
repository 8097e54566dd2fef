"""A relay's page in a real browser: it waits for its show, shows it, and says when it is not live."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import PHONE, PROJECTOR, Window, chromium
from tests.relays import Broker, broker, ident_of, relaying
from tests.serving import Server, serving, wait_for

pytestmark = pytest.mark.browser

Open = Callable[[Server], Window]

NOT_LIVE = "not live: the relay has lost the show · since"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    opened: list[Window] = []

    def make(server: Server) -> Window:
        opened.append(Window(browser, server.url, PHONE if opened else PROJECTOR))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def redis() -> Iterator[Broker]:
    with broker() as found:
        yield found


def live(page: Page) -> Page:
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=15_000)
    expect(page.locator("#link")).to_be_hidden()
    return page


def mark(page: Page) -> None:
    """Whoever loads the page anew loses this."""
    page.evaluate("window.loadedOnce = true")


def test_a_page_of_a_relay_says_when_it_is_not_live_and_when_it_is_again(redis: Broker, window: Open) -> None:
    with serving("ratelimiter", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        stage.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live", 40)
        wait_for(lambda: relay.has(ident_of(stage.state())))
        first = window(relay)
        page = live(first.page)
        mark(page)
        expect(page.locator("article.card").first).to_be_visible()
        redis.kill()
        expect(page.locator("#link-text")).to_contain_text(NOT_LIVE, timeout=10_000)
        expect(page.locator("#link")).to_be_visible()
        expect(page.locator("html")).to_have_class("stage-page lost")
        late = window(relay)
        expect(late.page.locator("#link-text")).to_contain_text(NOT_LIVE)
        expect(late.page.locator("article.card").first).to_be_visible()
        stage.client.post("/goto/2")
        redis.start()
        for one in (page, late.page):
            live(one)
            expect(one.locator(".step")).to_have_text("2 of 10")
        assert page.evaluate("window.loadedOnce") is True
        assert first.complaints + late.complaints == []


def test_a_page_that_waits_for_the_show_turns_into_it_without_being_loaded_again(redis: Broker, window: Open) -> None:
    with relaying(redis.url) as relay:
        waiting = window(relay)
        page = live(waiting.page)
        expect(page.locator("h1")).to_have_text("The show has not begun")
        mark(page)
        with serving("none", "--redis", redis.url) as stage:
            expect(page.locator("h1")).to_have_text("Good to see you", timeout=10_000)
            expect(page).to_have_title("One show, many screens")
            stage.client.post("/advance")
            expect(page.locator("h1")).to_have_text("One truth")
            assert page.evaluate("window.loadedOnce") is True
        assert waiting.complaints == []


def test_a_fresh_show_is_on_the_pages_of_relays_by_itself(redis: Broker, window: Open, tmp_path: Path) -> None:
    args = ("none", "--redis", redis.url, "--journal", str(tmp_path / "show.db"))
    with relaying(redis.url) as relay:
        with serving(*args) as first:
            first.client.post("/goto/3")
            shown = window(relay)
            expect(live(shown.page).locator("h1")).to_have_text("Many hands")
        expect(shown.page.locator("#link-text")).to_contain_text(NOT_LIVE, timeout=10_000)
        with serving(*args, "--fresh") as second:
            expect(live(shown.page).locator("h1")).to_have_text("Good to see you")
            expect(shown.page.locator("body")).to_have_attribute("data-epoch", second.state()["epoch"])
        assert shown.complaints == []
