"""Behind the proxies that people have, with their defaults: pages are live or on pictures, steer, and come back."""

import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import fetch
from tests.support.chromium import PHONE, Window, chromium, windows
from tests.support.paired_devices import Device, OpenServer
from tests.support.proxies import KINDS, Kind, free_ports, installed, proxies
from tests.support.servers import serving, wait_for

pytestmark = pytest.mark.browser

SETTLED_MS = 60_000
STEERED_MS = 15_000
LOST_MS = 20_000
BACK_MS = 30_000
"""Bounds for a busy machine. What it really took is printed."""

WATCHED = """
window.told = [];
new MutationObserver(() => {
  const entry = [Date.now(), document.body.dataset.link, document.getElementById('link-text').textContent];
  if (window.told.at(-1)?.slice(1).join() !== entry.slice(1).join()) window.told.push(entry);
}).observe(document.body, { attributes: true, subtree: true, childList: true, characterData: true });
"""


@dataclass
class Seen:
    """What the phone behind one proxy showed, and whether the packed stream of a stage came through."""

    link: str = ""
    streams: bool = False
    steered: bool = False
    in_outage: list[str] = field(default_factory=list)
    back_sec: float = math.inf


def settled(kind: Kind, page: Page) -> str:
    expect(page.locator("body")).to_have_attribute("data-link", re.compile("up|polling"), timeout=SETTLED_MS)
    if kind.buffers:
        expect(page.locator("#link-text")).to_contain_text("every 1 s", timeout=SETTLED_MS)
    return str(page.locator("body").get_attribute("data-link"))


def steered(page: Page, before: int, number: int) -> bool:
    """By the phone, which shows what it has done. It must show `before`, which it is pressed on: else that is stale."""
    expect(page.locator(".step")).to_have_text(f"{before} / 5", timeout=STEERED_MS)
    # The regions of one message are swapped one after the other: the button must be that far, too.
    expect(page.locator("#next")).to_have_attribute("hx-vals", f'{{"from": {before}}}', timeout=STEERED_MS)
    page.evaluate(f"htmx.ajax('POST', '/goto/{number}', {{source: '#next', swap: 'none'}})")
    expect(page.locator(".step")).to_have_text(f"{number} / 5", timeout=STEERED_MS)
    return page.locator(".notice").count() == 0


def streams(url: str) -> bool:
    """A stage's packed stream tells more than its first message."""
    with fetch.stream("GET", f"{url}/stream/stage?packed=1", timeout=20) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        parts = answer.iter_text()
        while "event: beat" not in next(parts):
            pass
    return True


def opened(browser: Browser, shown: list[Window], url: str, cookies: dict[str, str]) -> Page:
    wait_for(lambda: fetch.get(f"{url}/healthz", timeout=10).is_success, 30)  # Squid's first answers may be errors.
    shown.append(Window(browser, "about:blank", PHONE))
    shown[-1].context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    shown[-1].page.goto(f"{url}/remote", wait_until="commit", timeout=SETTLED_MS)
    return shown[-1].page


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Seen]:
    """All proxies go through one story: opened, steered, the server killed, and there again."""
    place, kinds = tmp_path_factory.mktemp("proxies"), installed()
    behind, *ports = free_ports(1 + len(kinds))
    urls = {kind: f"http://127.0.0.1:{port}" for kind, port in zip(kinds, ports, strict=True)}
    named = [word for url in urls.values() for word in ("--public-name", url)]
    args, found = ("none", *named, "--journal", str(place / "show")), {kind: Seen() for kind in kinds}
    with ExitStack() as stack:
        server = stack.enter_context(serving(*args, port=behind))
        device = Device(f"http://127.0.0.1:{behind}").pair(OpenServer(server).secret())
        cookies = dict(device.client.cookies)
        device.close()
        stack.enter_context(proxies(dict(zip(kinds, ports, strict=True)), behind, place))
        browser, shown = stack.enter_context(chromium()), stack.enter_context(windows())
        pages = {kind: opened(browser, shown, url, cookies) for kind, url in urls.items()}
        for kind, page in pages.items():
            found[kind].link = settled(kind, page)
        before = 1
        for number, (kind, page) in enumerate(pages.items()):
            found[kind].steered = steered(page, before, 2 + number % 4)
            before = 2 + number % 4
            found[kind].streams = kind.buffers or streams(urls[kind])
            page.evaluate(WATCHED)
        server.kill()
        for page in pages.values():
            expect(page.locator("#link-text")).to_contain_text("connection lost", timeout=LOST_MS)
        outlive(pages, found, args, behind)
    return found


def outlive(pages: dict[Kind, Page], found: dict[Kind, Seen], args: tuple[str, ...], behind: int) -> None:
    """The server is there again: when does each page say so?"""
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(first_answer, f"http://127.0.0.1:{behind}/healthz")
        with serving(*args, port=behind):
            look_at(pages, found, answers.result())


def first_answer(url: str) -> float:
    """When the server was there."""

    def look() -> float | None:
        with suppress(httpx.TransportError):
            fetch.get(url, timeout=5)
            return time.time()
        return None

    return wait_for(look, 60)


def look_at(pages: dict[Kind, Page], found: dict[Kind, Seen], returned: float) -> None:
    for kind, page in pages.items():
        expect(page.locator("html")).not_to_have_class(re.compile(r"\blost\b"), timeout=BACK_MS)
        told = page.evaluate("window.told")
        found[kind].in_outage += [words for _, link, words in told if link == "lost"]
        back = next((at for at, link, _ in told if link != "lost" and at > 1000 * returned), 1000 * time.time())
        found[kind].back_sec = round(back / 1000 - returned, 2)
        print(f"{kind.name}: {found[kind].link}, back after {found[kind].back_sec} s")


def of(seen: dict[Kind, Seen], kind: Kind) -> Seen:
    if kind not in seen:
        pytest.skip(f"NO {kind.name} FOUND: it was not tested")
    return seen[kind]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_pages_behind_a_proxy_are_live_or_on_pictures_and_steer(seen: dict[Kind, Seen], kind: Kind) -> None:
    shown = of(seen, kind)
    assert shown.link == ("polling" if kind.buffers else "up")
    assert shown.streams
    assert shown.steered


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_an_outage_behind_a_proxy_is_a_lost_connection_and_over_when_the_server_is_back(
    seen: dict[Kind, Seen], kind: Kind
) -> None:
    shown = of(seen, kind)
    assert shown.in_outage
    assert all(words.startswith("connection lost") for words in shown.in_outage), shown.in_outage
    assert 1000 * shown.back_sec < BACK_MS
