"""Pages of other sites in a real browser, against a loopback server and an open one: nothing changes, nothing is read.

The same from a page of our own does both, so the attack would be seen.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support import fetch
from tests.support.chromium import FLAGS, chromium_path
from tests.support.cross_origin_pages import GETS, POSTS, STREAMS, WAYS, Traffic, another_site, attack
from tests.support.paired_devices import OpenServer
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

NAMES = "--host-resolver-rules=MAP evil.test 127.0.0.1, MAP rebound.test 127.0.0.1"
ELSEWHERE = ["another site", "another port", "no origin", "rebound"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, NAMES])
        yield found
        found.close()


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with another_site() as port:
        yield port


@dataclass
class Target:
    """A server to attack; `link` pairs a browser with it."""

    server: Server
    headers: dict[str, str]
    opened: OpenServer | None = None

    @property
    def here(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def get(self, path: str) -> Any:
        return fetch.get(f"{self.here}{path}", headers=self.headers).json()

    def post(self, path: str) -> None:
        assert fetch.post(f"{self.here}{path}", headers=self.headers).status_code == 200

    def standing(self) -> dict[str, Any]:
        """What an attack could change."""
        state = self.get("/state")
        parts = ("chapter", "log", "halted", "blackout", "frozen", "timer", "chaos")
        return {part: state[part] for part in parts} | {"devices": len(self.get("/sessions")["sessions"])}

    def secrets(self) -> list[str]:
        """Words that only who may read can know."""
        state, pairing = self.get("/state"), self.get("/pairing")
        notes = state["chapter"]["notes"].split("\n")[0].lstrip("- ")[:20]
        own = [pairing["code"], *(one["id"] for one in self.get("/sessions")["sessions"])]
        return [notes, state["epoch"], *(word for word in own if word)]


@pytest.fixture(scope="module", params=["loopback", "open"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    options = ("--public-name", "localhost") if request.param == "open" else ()
    with serving("none", *options) as server:
        opened = OpenServer(server) if options else None
        server.until(lambda state: state["seq"] > 0)
        yield Target(server, opened.bearer if opened else {}, opened)


@contextmanager
def paired(browser: Browser, target: Target) -> Iterator[BrowserContext]:
    """A browser of the presenter's; on an open server with its cookie."""
    context = browser.new_context()
    if target.opened is not None:
        page = context.new_page()
        page.goto(target.opened.codes()["link"].replace("localhost", "127.0.0.1"))
        page.get_by_text("This device is paired").wait_for()
        page.close()
    yield context
    context.close()


def page_of(context: BrowserContext, target: Target, site: int, where: str) -> Page:
    page = context.new_page()
    if where == "rebound":
        # The page came while the name still led to its own server; from now on it leads to ours.
        url = f"http://rebound.test:{target.server.port}/attack"
        page.route(url, lambda route: route.fulfill(content_type="text/html", body="<body>"))
    elif where == "another site":
        url = f"http://evil.test:{site}/"
    else:
        url = f"http://127.0.0.1:{site}/{'sandboxed' if where == 'no origin' else ''}"
    page.goto(url)
    return page


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_page_of_elsewhere_changes_nothing_and_reads_nothing(
    browser: Browser, target: Target, site: int, where: str
) -> None:
    with paired(browser, target) as context:
        traffic, page = Traffic(context), page_of(context, target, site, where)
        before = target.standing()
        base = f"http://rebound.test:{target.server.port}" if where == "rebound" else target.here
        read = attack(page, base)
        traffic.wait_until_idle(page)
        assert target.standing() == before
        assert not [secret for secret in target.secrets() if secret in read]
        sent = {url.removeprefix(base) for _, url in traffic.sent}
        assert {*POSTS, *GETS, *STREAMS, "/say"} <= sent


def test_the_same_from_our_own_page_changes_and_reads(browser: Browser, target: Target) -> None:
    with paired(browser, target) as context:
        traffic, page = Traffic(context), context.new_page()
        page.goto(f"{target.here}/pair")
        before, heard = target.standing(), []
        with fetch.stream("GET", f"{target.here}/events", headers=target.headers, timeout=20) as events:
            lines = events.iter_lines()
            next(line for line in lines if line.startswith("data: "))
            read = attack(page, target.here)
            traffic.wait_until_idle(page)
            target.post("/say?text=the+end")
            for line in lines:
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: "))["event"])
                if heard and heard[-1].get("text") == "the end":
                    break
        assert target.standing() != before
        texts = {event.get("text") for event in heard}
        assert {f"by {way}" for way in WAYS} | {"text=by blank plain"} <= texts
        for secret in target.secrets():
            assert secret in read
        target.post("/resume")
