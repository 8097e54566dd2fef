"""A relay's page in a real browser: it waits for its show, shows it, and says when it is not live."""

import contextlib
import re
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import PHONE, PROJECTOR, Window, chromium, windows
from tests.support.relays import PausableTcpProxy, RedisServer, ident_of, redis_server, relaying
from tests.support.servers import Place, serving, wait_for

pytestmark = pytest.mark.browser

Open = Callable[[Place], Window]

NOT_LIVE = "not live: no contact with the show · for"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def window(browser: Browser) -> Iterator[Open]:
    with windows() as opened:

        def make(server: Place) -> Window:
            opened.append(Window(browser, server.url, PHONE if opened else PROJECTOR))
            return opened[-1]

        yield make


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


def live(page: Page) -> Page:
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=15_000)
    expect(page.locator("#link")).to_be_hidden()
    return page


def mark(page: Page) -> None:
    """Whoever loads the page anew loses this."""
    page.evaluate("window.loadedOnce = true")


def test_a_page_of_a_relay_says_when_it_is_not_live_and_when_it_is_again(redis: RedisServer, window: Open) -> None:
    with serving("ratelimiter", "--redis", redis.url) as stage, relaying(redis.url) as relay:
        stage.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live", 40)
        wait_for(lambda: relay.has(ident_of(stage.state())))
        # The first chapter is a cover, which shows no system while all is well.
        stage.client.post("/goto/2")
        first = window(relay)
        page = live(first.page)
        mark(page)
        expect(page.locator("article.node").first).to_be_visible()
        redis.kill()
        expect(page.locator("#link-text")).to_contain_text(NOT_LIVE, timeout=10_000)
        expect(page.locator("#link")).to_be_visible()
        expect(page.locator("html")).to_have_class("stage-page lost")
        late = window(relay)
        expect(late.page.locator("#link-text")).to_contain_text(NOT_LIVE)
        expect(late.page.locator("article.node").first).to_be_visible()
        assert late.page.evaluate("document.querySelector('#link').getBoundingClientRect().left") >= 12
        stage.client.post("/goto/3")
        redis.start()
        for one in (page, late.page):
            live(one)
            expect(one.locator(".step")).to_have_text("3 of 10")
        assert page.evaluate("window.loadedOnce") is True
        assert first.console_errors + late.console_errors == []


def test_a_page_that_waits_for_the_show_turns_into_it_without_being_loaded_again(
    redis: RedisServer, window: Open
) -> None:
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
        assert waiting.console_errors == []


def test_a_fresh_show_is_on_the_pages_of_relays_by_itself(redis: RedisServer, window: Open, tmp_path: Path) -> None:
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
        assert shown.console_errors == []


class Balancer(PausableTcpProxy):
    """Sends pages to one server and streams to another, until it is told otherwise."""

    def __init__(self, pages: int, streams: int) -> None:
        self.pages, self._streams = pages, streams
        super().__init__(pages)
        self.url = f"http://127.0.0.1:{self.port}"

    def _pump(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            head = near.recv(65536)
            to = self._streams if b" /stream/" in head.split(b"\r\n", 1)[0] else self.pages
            with socket.create_connection(("127.0.0.1", to)) as far:
                head = head.replace(b":%d" % self.port, b":%d" % to).replace(b": keep-alive", b": close")
                far.sendall(head)
                while not self._closed.is_set():
                    for ready in select.select([near, far], [], [], 0.05)[0]:
                        chunk = ready.recv(65536)
                        if not chunk:
                            return
                        (near if ready is far else far).sendall(chunk)


def test_a_page_that_was_reloaded_into_the_old_show_says_so_and_gets_the_new_one(window: Open) -> None:
    """A balancer may send the page to a relay that does not know the fresh show yet."""
    with serving("none") as old, serving("none") as new:
        new.client.post("/goto/2")
        balancer = Balancer(old.port, new.port)
        try:
            page = window(balancer).page
            expect(page.locator("#link-text")).to_contain_text("another show has begun")
            expect(page.locator("body")).to_have_attribute("data-link", "lost")
            balancer.pages = new.port
            expect(page.locator(".step")).to_have_text(re.compile("2 of 5"), timeout=15_000)
            expect(page.locator("body")).to_have_attribute("data-link", "up")
        finally:
            balancer.close()


def test_a_page_that_had_let_go_of_its_stream_says_what_it_has_seen(window: Open) -> None:
    """A relay that is behind waits with its picture then, instead of showing an older one."""
    asked: list[str | None] = []
    with serving("none") as server:
        page = live(window(server).page)
        server.client.post("/goto/2")
        expect(page.locator(".step")).to_have_text(re.compile("2 of 5"))
        page.on(
            "request", lambda one: asked.append(one.headers.get("last-event-id")) if "/stream/" in one.url else None
        )
        page.evaluate("demo.slots.robbed()")
        expect(page.locator("#link-text")).to_contain_text("other tabs use the connections")
        page.mouse.click(400, 400)
        live(page)
        state = server.state()
    assert asked == [f"{state['epoch']}-{state['seq']}"]
