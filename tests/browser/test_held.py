"""Behind something that passes on nothing but whole answers: pages live on pictures, say so, and steer all the same."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.buffering_proxy import StoreAndForwardProxy, store_and_forward_proxy
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, windows
from tests.support.relays import redis_server, relaying
from tests.support.servers import Server, serving, wait_for

pytestmark = pytest.mark.browser

HELD = "the network holds updates back: refreshed every 1 s"
ONE_EACH = {"stage": 1, "presenter": 1, "remote": 1}

GIVEN_UP_MS = 30_000
"""Three streams that hang, each with a picture behind it."""

NEXT_TRIAL_MS = 40_000
SOON_MS = 15_000
"""For a busy machine: a picture a second, each a request that waits for its turn."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def opened() -> Iterator[list[Window]]:
    with windows() as found:
        yield found


def on_pictures(page: Page) -> None:
    expect(page.locator("#link-text")).to_have_text(HELD, timeout=GIVEN_UP_MS)
    expect(page.locator("body")).to_have_attribute("data-link", "polling")
    expect(page.locator("html")).not_to_have_class(re.compile(r"\blost\b"))


def live(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=NEXT_TRIAL_MS)
    expect(page.locator("#link")).to_be_hidden()


def say(server: Server, text: str) -> None:
    assert server.client.post("/say", json={"text": text}).status_code == 200


def three_pages(browser: Browser, opened: list[Window], url: str) -> tuple[Page, Page, Page]:
    for path, size in (("/", PROJECTOR), ("/presenter", LAPTOP), ("/remote", PHONE)):
        opened.append(Window(browser, f"{url}{path}", size))
    stage, desk, phone = (one.page for one in opened)
    return stage, desk, phone


def test_pages_whose_streams_are_held_show_pictures_steer_and_go_back_to_streams(
    browser: Browser, opened: list[Window]
) -> None:
    with serving("none") as server, store_and_forward_proxy(server.port) as proxy:
        stage, desk, phone = three_pages(browser, opened, proxy.url)
        for page in (stage, desk, phone):
            on_pictures(page)
        expect(desk.locator("#conn")).to_have_text("polling")
        opened[0].save_screenshot("held-stage")
        say(server, "through every tunnel")
        expect(stage.locator("#r-said")).to_contain_text("through every tunnel", timeout=SOON_MS)
        no_stream_is_left_open(server, proxy)
        steers(server, desk, phone)
        proxy.is_disabled = True
        for page in (stage, desk, phone):
            live(page)
        say(server, "and now at once")
        expect(stage.locator("#r-said")).to_contain_text("and now at once", timeout=SOON_MS)
        server.until(lambda state: state["viewers"] == ONE_EACH)
        assert [one.console_errors for one in opened] == [[], [], []]


def no_stream_is_left_open(server: Server, proxy: StoreAndForwardProxy) -> None:
    """But for a trial, which ends by itself."""
    wait_for(lambda: proxy.held == 0)
    server.until(lambda state: state["viewers"] == ONE_EACH)


def steers(server: Server, desk: Page, phone: Page) -> None:
    began = time.monotonic()
    phone.locator("#next").tap()
    expect(phone.locator(".step")).to_have_text("2 / 5", timeout=SOON_MS)
    print(f"the phone shows its own press after {time.monotonic() - began:.2f} s")
    expect(desk.locator("#r-bar")).to_contain_text("2 / 5", timeout=SOON_MS)
    desk.keyboard.press("PageDown")
    expect(desk.locator("#r-bar")).to_contain_text("3 / 5", timeout=SOON_MS)
    assert server.state()["chapter"]["number"] == 3
    for page in (desk, phone):
        expect(page.locator(".notice")).to_have_count(0)


def test_the_audience_of_a_relay_whose_streams_are_held_sees_pictures(browser: Browser, opened: list[Window]) -> None:
    with (
        redis_server() as redis,
        serving("none", "--redis", redis.url) as server,
        relaying(redis.url) as relay,
        store_and_forward_proxy(relay.port) as proxy,
    ):
        opened.append(Window(browser, proxy.url, PHONE))
        page = opened[0].page
        on_pictures(page)
        say(server, "far away")
        expect(page.locator("#r-said")).to_contain_text("far away", timeout=SOON_MS)
        wait_for(lambda: proxy.held == 0)
        server.until(lambda state: state["viewers"]["stage"] == 1)
        proxy.is_disabled = True
        live(page)


def test_a_page_without_its_stream_steers_as_long_as_its_posts_get_through(
    browser: Browser, opened: list[Window]
) -> None:
    with serving("none") as server:
        opened.append(Window(browser, "about:blank", LAPTOP))
        page = opened[0].page
        page.route(re.compile(r"/stream/"), lambda route: route.abort())
        page.goto(f"{server.url}/presenter")
        expect(page.locator("#link-text")).to_contain_text("connection lost", timeout=SOON_MS)
        page.locator("#next").click()
        server.until(lambda state: state["chapter"]["number"] == 2)
        expect(page.locator(".notice")).to_have_count(0)
        page.route(re.compile(r"/halt"), lambda route: route.abort())
        page.locator("#halt").click()
        expect(page.locator(".notice")).to_have_text("not sent: no connection")
