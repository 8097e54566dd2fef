"""The pages in Firefox and in WebKit: the stage over its packed stream, a press from each page, and a killed server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.buffering_proxy import stream_holding_proxy
from tests.support.chromium import LAPTOP, PHONE, PROJECTOR
from tests.support.firefox import Firefox
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.relays import free_port
from tests.support.servers import Server, serving, wait_for
from tests.support.webdriver_browsers import Engine, Screen, click, press
from tests.support.webkit import WebKit

pytestmark = pytest.mark.browser

Open = Callable[..., Screen]

STREAMS = """
return performance.getEntriesByType('resource').map((one) => one.name).filter((it) => it.includes('/stream/'));
"""
PROVEN_SEC = 7.0
SAMPLED = "return document.querySelector('#r-top [data-age]').dataset.age"


@pytest.fixture(scope="module", params=[Firefox, WebKit], ids=["firefox", "webkit"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    found: Engine = request.param()
    yield found
    found.close()


@pytest.fixture
def limiter() -> Iterator[Server]:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live", 30)
        yield server


@pytest.fixture
def screen(engine: Engine) -> Iterator[Open]:
    opened: list[Screen] = []

    def make(url: str, size: tuple[int, int] = PROJECTOR, *, live: bool = True) -> Screen:
        opened.append(engine.screen(size))
        opened[-1].open(url)
        if live:
            connected(opened[-1])
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def text(screen: Screen, selector: str) -> str:
    found: str = screen.run(f"return document.querySelector({selector!r})?.textContent ?? ''")
    return found


def until(screen: Screen, selector: str, words: str, limit: float = 10.0) -> None:
    wait_for(lambda: words in text(screen, selector), limit, lambda: f"{words} not in {text(screen, selector)!r}")


def connected(screen: Screen, limit: float = 15.0) -> None:
    up = "return document.body.dataset.link === 'up' && document.getElementById('link').hidden"
    wait_for(lambda: screen.run(up), limit)


def lost(screen: Screen) -> None:
    wait_for(lambda: not screen.run("return document.getElementById('link').hidden"), 4)


def samples(screen: Screen, count: int) -> None:
    """So many are shown, one after another."""
    seen: set[str] = set()

    def look() -> bool:
        seen.add(screen.run(SAMPLED))
        return len(seen) >= count

    wait_for(look, 2.0 * count)


def test_the_stage_shows_each_press_within_a_second_and_its_numbers_go_on(limiter: Server, screen: Open) -> None:
    stage = screen(f"{limiter.url}/")
    for number in (2, 3, 2, 3, 2, 3):
        limiter.client.post(f"/goto/{number}")
        until(stage, ".step", f"{number} of 10", 1)
    samples(stage, 4)
    assert stage.console_errors() == []
    assert len(stage.picture()) > 20_000


def test_the_stage_takes_the_packed_stream(server: Server, screen: Open) -> None:
    stage = screen(f"{server.url}/")
    found = stage.run("""
        const end = new AbortController();
        const answer = await fetch('/stream/stage?packed=1', { signal: end.signal, cache: 'no-store' });
        const { value } = await answer.body.getReader().read();
        end.abort();
        return [answer.headers.get('content-encoding'), new TextDecoder().decode(value)];
    """)
    assert found[0] == "gzip"
    assert found[1].startswith("retry:")


def test_a_second_window_with_the_same_page_is_live_too(server: Server, screen: Open) -> None:
    for _ in range(2):
        screen(f"{server.url}/presenter", LAPTOP)


def test_the_phone_and_the_presenter_steer(server: Server, screen: Open) -> None:
    stage, phone = screen(f"{server.url}/"), screen(f"{server.url}/remote", PHONE)
    desk = screen(f"{server.url}/presenter", LAPTOP)
    click(phone, "[data-key=next]")
    until(stage, ".step", "2 of 5")
    until(desk, "#r-bar", "2 / 5")
    press(desk, "PageDown")
    until(stage, ".step", "3 of 5")
    until(phone, ".step", "3 / 5")
    click(phone, "[data-open=sheet]")
    pressed = "new PointerEvent('pointerdown', { bubbles: true, button: 0 })"
    phone.run(f"document.querySelector('#halt-here').dispatchEvent({pressed})")
    server.until(lambda state: state["halted"])
    for page in (stage, phone, desk):
        until(page, "#show", "alted")
        assert page.console_errors() == []
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_swipe_moves_the_show(server: Server, screen: Open) -> None:
    phone = screen(f"{server.url}/remote", PHONE)
    phone.swipe(320, 60)
    until(phone, ".step", "2 / 5")
    phone.swipe(60, 320)
    until(phone, ".step", "1 / 5")


def test_a_hidden_phone_page_lets_go_of_its_stream_and_comes_back_to_the_newest_picture(
    server: Server, screen: Open
) -> None:
    phone = screen(f"{server.url}/remote", PHONE)
    server.until(lambda state: state["viewers"]["remote"] == 1)
    phone.hide()
    server.until(lambda state: state["viewers"]["remote"] == 0)
    server.client.post("/goto/3")
    phone.unhide()
    until(phone, ".step", "3 / 5")
    connected(phone)


def test_after_a_kill_all_pages_come_back_by_themselves(screen: Open, tmp_path: Path) -> None:
    port, journal = free_port(), str(tmp_path / "show")
    with serving("none", "--journal", journal, port=port) as server:
        stage, phone = screen(f"{server.url}/"), screen(f"{server.url}/remote", PHONE)
        server.client.post("/goto/3")
        until(stage, ".step", "3 of 5")
        server.kill()
    for page in (stage, phone):
        lost(page)
    with serving("none", "--journal", journal, port=port):
        connected(stage)
        connected(phone)
        click(phone, "[data-key=next]")
        until(stage, ".step", "4 of 5")
    assert set(stage.run(STREAMS)) == {f"http://127.0.0.1:{port}/stream/stage?packed=1"}, "no reason to ask for another"


def test_a_browser_is_paired_by_the_link_and_steers(engine: Engine) -> None:
    with serving("none", *OPEN) as started:
        opened = OpenServer(started)
        desk = engine.screen(LAPTOP)
        desk.open(f"{opened.here}/pair#{opened.own_secret}")
        wait_for(lambda: not desk.run("return document.getElementById('done').hidden"))
        desk.open(f"{opened.here}/presenter")
        connected(desk)
        press(desk, "PageDown")
        wait_for(lambda: opened.state()["chapter"]["number"] == 2)
        click(desk, "[data-open=pairing]")
        wait_for(lambda: desk.run("return !!document.querySelector('#pairing .qr')"))
        assert desk.console_errors() == []
        desk.close()


def test_a_stage_whose_packed_stream_is_held_back_takes_the_plain_one(server: Server, screen: Open) -> None:
    with stream_holding_proxy(server.port) as proxy, stream_holding_proxy(server.port, with_head=True) as silent:
        stages = [screen(f"http://127.0.0.1:{one.port}/", live=False) for one in (proxy, silent)]
        for stage in stages:
            connected(stage, 20)
        server.client.post("/goto/2")
        for stage in stages:
            until(stage, ".step", "2 of 5", 1)
        assert proxy.held == silent.held == 2, (
            "one that hangs may be a bad network, which a plain stream would not help"
        )


def test_a_stage_on_a_plain_stream_tries_a_packed_one_when_that_has_ended(server: Server, screen: Open) -> None:
    with stream_holding_proxy(server.port) as proxy:
        stage = screen(f"http://127.0.0.1:{proxy.port}/", live=False)
        connected(stage, 20)
        for chapter, hangs in ((2, True), (3, False)):
            wait_for(lambda: proxy.last_data_after_sec > PROVEN_SEC, 40)  # one that has brought something for so long
            proxy.asked.clear()
            proxy.is_disabled = not hangs
            proxy.cut()
            wait_for(lambda: proxy.asked != [])
            server.client.post(f"/goto/{chapter}")
            until(stage, ".step", f"{chapter} of 5", 20)
            one_try = ["/stream/stage?packed=1", "/stream/stage?picture=1", "/stream/stage"]
            # The picture may show the chapter before the stream behind it is asked for.
            expected = one_try if hangs else one_try[:1]
            wait_for(lambda: proxy.asked == expected, say=lambda: str(proxy.asked))  # noqa: B023 - called at once
