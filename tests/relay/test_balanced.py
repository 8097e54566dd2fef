"""Relays behind a real nginx, as docs/scale.md sets it up: one dies, and its screens go on at another."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support import fetch
from tests.support.chromium import PROJECTOR, Window, chromium
from tests.support.nginx import nginx, require_nginx
from tests.support.relays import Relay, free_port, ident_of, next_visible_message, number_of, redis_server, relaying
from tests.support.servers import Server, Stream, serving, wait_for

DOCS = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()


@contextmanager
def balancer(place: Path, port: int, near: Relay, far: Relay) -> Iterator[None]:
    found = re.search(r"```nginx\n(.*?)```", DOCS, re.DOTALL)
    assert found
    upstream = f"upstream relays {{ server 127.0.0.1:{near.port}; server 127.0.0.1:{far.port}; }}"
    with nginx(place, port, found.group(1), upstream):
        yield


class Balanced:
    """A show, two relays, and nginx before them. `url` is where `Stream` goes."""

    def __init__(self, stack: ExitStack, place: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        redis = stack.enter_context(redis_server())
        self.stage: Server = stack.enter_context(serving("none", "--redis", redis.url))
        self.relays = [stack.enter_context(relaying(redis.url, "--public-name", self.url)) for _ in range(2)]
        for relay in self.relays:
            relay.client.close()
            relay.client = fetch.client(base_url=f"http://127.0.0.1:{relay.port}")
        stack.enter_context(balancer(place, port, *self.relays))
        self.together()

    def together(self) -> str:
        def look() -> str | None:
            ident = ident_of(self.stage.state())
            return ident if all(relay.has(ident) for relay in self.relays if relay.process.poll() is None) else None

        return wait_for(look)


@pytest.fixture
def balanced(tmp_path: Path) -> Iterator[Balanced]:
    require_nginx()
    with ExitStack() as stack:
        yield Balanced(stack, tmp_path)


def test_a_stream_is_not_held_back_and_when_its_relay_dies_it_goes_on_at_the_other(balanced: Balanced) -> None:
    with Stream(balanced, "/stream/stage") as stream:
        next_visible_message(stream)
        for number in range(3):
            balanced.stage.client.post("/say", json={"text": f"line {number}"})
            seen = next_visible_message(stream)
            assert f"line {number}" in seen["data"]
        balanced.relays[0].kill()
        balanced.stage.client.post("/say", json={"text": "one less"})
        with Stream(balanced, "/stream/stage", {"Last-Event-ID": seen["id"]}) as other:
            again = next_visible_message(other)
            while "one less" not in again["data"]:
                again = next_visible_message(other)
            assert number_of(again["id"]) > number_of(seen["id"])


@pytest.mark.browser
def test_a_page_goes_on_by_itself_when_its_relay_dies(balanced: Balanced) -> None:
    with chromium() as browser:
        windows = [Window(browser, balanced.url, PROJECTOR) for _ in range(4)]
        for one in windows:
            expect(one.page.locator("body")).to_have_attribute("data-link", "up", timeout=15_000)
            one.page.evaluate("window.loadedOnce = true")
        balanced.relays[1].kill()
        balanced.stage.client.post("/advance")
        for one in windows:
            expect(one.page.locator("h1")).to_have_text("One truth", timeout=10_000)
            expect(one.page.locator("body")).to_have_attribute("data-link", "up", timeout=10_000)
            assert one.page.evaluate("window.loadedOnce") is True
