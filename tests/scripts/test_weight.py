"""What a page weighs on the wire, as Chromium received it, and what is packed for whom."""

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from bench.weight import visit
from tests.scripts.test_docs import ROOT
from tests.support import fetch
from tests.support.chromium import PHONE, PROJECTOR, chromium
from tests.support.servers import Server, serving

BUDGET_BYTES = 60 * 1024
"""Without the display font, which wide screens alone load."""

BUDGET_WITH_FONT_BYTES = 110 * 1024
FONT_BYTES = (ROOT / "demo" / "static" / "vendor" / "inter-5.3.0.woff2").stat().st_size


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("size", [PROJECTOR, PHONE])
def test_the_stage_with_all_its_files_stays_within_its_budget_on_the_wire(
    server: Server, browser: Browser, size: tuple[int, int]
) -> None:
    load = visit(browser, server, "/", size)
    font = FONT_BYTES if size == PROJECTOR else 0
    assert 10_000 < load.whole - font <= BUDGET_BYTES
    assert load.whole <= BUDGET_WITH_FONT_BYTES
    assert load.painted_ms > 0
    assert load.console_errors == ()


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_every_page_opens_exactly_one_stream(server: Server, browser: Browser, path: str) -> None:
    assert visit(browser, server, path).streams == 1


@pytest.mark.browser
def test_the_stage_of_six_hundred_nodes_stays_within_the_budget_too(browser: Browser) -> None:
    with serving("bench.fleet:Fleet", cwd=ROOT) as server:
        server.until(lambda state: bool(state["health"]) and state["health"]["freshness"] == "live")
        assert visit(browser, server, "/").whole - FONT_BYTES <= BUDGET_BYTES


@pytest.mark.parametrize("path", ["/", "/presenter", "/remote"])
def test_a_page_is_packed_for_who_accepts_that_and_is_the_same_page(server: Server, path: str) -> None:
    url = f"{server.url}{path}"
    with fetch.stream("GET", url, headers={"Accept-Encoding": "gzip, deflate"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        sent = b"".join(answer.iter_raw())
    assert int(answer.headers["content-length"]) == len(sent)
    plain = fetch.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == answer.headers["vary"] == "accept-encoding"
    assert gzip.decompress(sent).split(b"data-now")[0] == plain.content.split(b"data-now")[0]
    assert len(sent) < len(plain.content) / 2


@pytest.mark.parametrize("accepted", ["gzip;q=0", "identity", "br", ""])
def test_a_page_is_not_packed_for_who_does_not_accept_that(server: Server, accepted: str) -> None:
    for path in ("/", "/static/base.css"):
        assert "content-encoding" not in fetch.get(f"{server.url}{path}", headers={"Accept-Encoding": accepted}).headers


def test_a_programs_stream_is_not_packed(server: Server) -> None:
    with server.client.stream("GET", "/stream/stage", headers={"Accept-Encoding": "gzip"}) as answer:
        assert "content-encoding" not in answer.headers
        assert next(answer.iter_raw()).startswith(b"retry:")
