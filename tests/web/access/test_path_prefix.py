"""Below a path of a proxy, as in https://host/talks/chaos/: pages, files, streams, presses and pairing all work."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from demo.errors import UsageError
from demo.web.access.addresses import ServerAddresses
from demo.web.access.origins import parse_public_name
from demo.web.access.policy import AccessPolicy, Visitor
from tests.support import fetch
from tests.support.chromium import LAPTOP, Window, chromium
from tests.support.nginx import nginx, require_nginx
from tests.support.paired_devices import Device, OpenServer
from tests.support.servers import serving

ROOT = Path(__file__).parents[3] / "demo"
PREFIX = "/talks/chaos"
HEADERS = (
    'proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_buffering off;'
)

ABSOLUTE = re.compile(
    r"""(?:src|href|action|hx-post|hx-get|hx-sse:connect)="/|fetch\(['"`]/|sends\(\s*"/|url\(["']?/"""
)


def test_no_page_script_or_style_of_ours_leads_beside_a_path() -> None:
    for path in (*(ROOT / "templates").glob("*.html"), *(ROOT / "static").glob("*.*s")):
        found = ABSOLUTE.search(path.read_text())
        assert found is None, f"{path.name}: {found and found[0]}: without the first slash it works below a path, too"


def test_a_public_name_may_have_a_path() -> None:
    place = parse_public_name("https://Demo.example/talks/chaos/", "http", 8000)
    assert (place.origin, place.url) == ("https://demo.example", "https://demo.example/talks/chaos")
    addresses = ServerAddresses(port=8000, public=(place,))
    assert addresses.main_url == "https://demo.example/talks/chaos"
    assert addresses.local_url == "http://127.0.0.1:8000"
    for path, within in {"/talks/chaos/": "/", "/talks/chaos/state": "/state", "/state": "/state"}.items():
        assert addresses.strip_public_path(path) == within
    assert (addresses.strip_public_path("/talks/chaos"), addresses.strip_public_path("/talks/chaosx")) == (
        "",
        "/talks/chaosx",
    )
    assert (addresses.cookie_path("demo.example"), addresses.cookie_path("127.0.0.1:8000")) == ("/talks/chaos/", "/")


@pytest.mark.parametrize(
    "path", ["/a/../b", "/a?b", "/a#b", "/a b", "/./a", "//a", "/%2e", "/ä", "/static/x", "/presenter"]
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        parse_public_name(f"https://demo.example{path}", "http", 8000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(params=["the proxy takes the path away", "the proxy hands the path on"])
def below(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[OpenServer, str]]:
    """The server, and its address below a path of a real nginx."""
    require_nginx()
    port = free_port()
    with serving("none", "--public-name", f"http://127.0.0.1:{port}{PREFIX}") as server:
        upstream = f"http://127.0.0.1:{server.port}" + ("/" if "away" in request.param else "")
        with nginx(tmp_path, port, f"proxy_pass {upstream}; {HEADERS}", location=f"{PREFIX}/") as url:
            yield OpenServer(server), f"{url}{PREFIX}"


@pytest.mark.browser
def test_below_a_path_a_browser_pairs_steers_and_is_told(below: tuple[OpenServer, str]) -> None:
    opened, url = below
    link = str(opened.codes()["link"])
    assert link.startswith(f"{url}/pair#")
    with chromium() as browser:
        stage, desk = Window(browser, f"{url}/", LAPTOP), Window(browser, link, LAPTOP)
        expect(stage.page.locator("body")).to_have_attribute("data-link", "up", timeout=20_000)
        desk.page.get_by_role("link", name="Presenter page").click()
        expect(desk.page.locator("body")).to_have_attribute("data-link", "up", timeout=20_000)
        assert desk.page.url == f"{url}/presenter"
        desk.page.get_by_role("button", name="Pair a phone").click()
        expect(desk.page.locator(".place")).to_have_text(f"{url}/pair", timeout=20_000)
        desk.page.keyboard.press("Escape")
        desk.page.locator("#next").click()
        opened.server.until(lambda state: state["chapter"]["number"] == 2)
        expect(stage.page.locator("#r-line [aria-current]")).to_contain_text("2", timeout=20_000)
        cookies = desk.context.cookies()
        assert [cookie.get("path") for cookie in cookies] == [f"{PREFIX}/"], "no program beside it is sent the session"
        desk.page.locator("#halt").click()
        opened.server.until(lambda state: bool(state["halted"]))
        assert (stage.console_errors, desk.console_errors) == ([], [])
        outsider = Window(browser, f"{url}/remote", LAPTOP)
        assert outsider.page.url == f"{url}/pair", "who is not paired gets to the pairing below the path"


def test_below_a_path_programs_and_forms_work_and_the_path_itself_leads_to_the_page(
    below: tuple[OpenServer, str],
) -> None:
    opened, url = below
    assert fetch.get(url, follow_redirects=True).url == f"{url}/"
    assert fetch.post(f"{url}/goto/2", headers=opened.bearer).json()["chapter"]["number"] == 2
    answer = fetch.post(
        f"{url}/pair",
        data={"secret": opened.secret()},
        headers={"Accept": "text/html", "Origin": url.removesuffix(PREFIX)},
    )
    assert answer.status_code == 303
    assert answer.next_request is not None
    assert answer.next_request.url == f"{url}/pair"
    assert fetch.get(f"{url}/healthz").status_code == 200
    beside = Device(opened.here).pair(opened.secret())
    assert beside.post("/goto/1").status_code == 200, "and without the path, as always"
    beside.close()


def test_a_session_is_worth_nothing_to_another_server_of_the_same_host() -> None:
    """A browser sends it there, for cookies know no ports; docs/access.md says what that means."""
    servers = [AccessPolicy(ServerAddresses("0.0.0.0", "0.0.0.0", port)) for port in (8000, 8001)]
    secret, _ = servers[0].sessions.pair("Phone")
    cookies = "; ".join(f"{one.cookie}={secret}" for one in servers)
    roles = []
    for one in servers:
        headers = [(b"host", f"127.0.0.1:{one.addresses.port}".encode()), (b"cookie", cookies.encode())]
        scope = {"type": "http", "method": "GET", "path": "/state", "headers": headers, "client": ("127.0.0.1", 1)}
        found = one.authorize(scope | {"server": ("127.0.0.1", one.addresses.port)})
        roles.append(found.role if isinstance(found, Visitor) else found.code)
    assert roles == ["presenter", "audience"]
