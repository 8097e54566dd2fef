"""A proxy that rewrites Host and adds nothing, before a server for loopback only: a browser behind it is told apart."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from demo.web.access.addresses import ServerAddresses
from demo.web.access.policy import AccessPolicy, Denied, Visitor
from tests.support import fetch
from tests.support.chromium import FLAGS, chromium_path
from tests.support.nginx import nginx, require_nginx
from tests.support.paired_devices import Device, OpenServer
from tests.support.servers import Server, serving, wait_for
from tests.web.routes.test_contract import problem

AGENTS = {
    "Chrome": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18 Safari/605.1"
)
HERE, ELSEWHERE = "http://127.0.0.1:8000", "http://stage.test:9000"
PRIVATE = (
    "/presenter",
    "/remote",
    "/print",
    "/report",
    "/stream/presenter",
    "/events",
    "/sessions",
    "/pairing",
    "/metrics",
)


def judged(method: str, path: str, **headers: str) -> Visitor | Denied:
    """A request from this machine to a server for loopback only, on port 8000."""
    told = {"host": "127.0.0.1:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "server": ("127.0.0.1", 8000)}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in told.items()]
    return AccessPolicy(ServerAddresses(port=8000)).authorize(scope | {"client": ("127.0.0.1", 1)})


def code(found: Visitor | Denied) -> str:
    return found.code if isinstance(found, Denied) else found.role


@pytest.mark.parametrize(
    "headers",
    [
        {"referer": f"{ELSEWHERE}/presenter"},
        {"referer": f"{ELSEWHERE}/presenter", "sec_fetch_site": "same-origin"},
        {"origin": ELSEWHERE, "sec_fetch_site": "same-origin"},
        {"user_agent": AGENTS["Chrome"]},
        {"user_agent": AGENTS["Firefox"]},
    ],
)
def test_a_browser_that_believes_to_be_elsewhere_watches_and_nothing_else(headers: dict[str, str]) -> None:
    for path in PRIVATE:
        assert code(judged("GET", path, **headers)) == "proxied", path
    found = judged("POST", "/advance", **headers)
    assert isinstance(found, Denied)
    assert (found.code, "--public-name" in found.detail) == ("proxied", True)
    for path in ("/", "/state", "/stream/stage"):
        assert code(judged("GET", path, **headers)) == "audience", path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user_agent": "curl/8.5.0"},
        {"user_agent": SAFARI},
        {"user_agent": AGENTS["Chrome"], "sec_fetch_site": "none"},
        {"user_agent": AGENTS["Firefox"], "sec_fetch_site": "same-origin", "referer": f"{HERE}/presenter"},
        {"user_agent": AGENTS["Chrome"], "sec_fetch_site": "cross-site", "referer": "https://wiki.example/"},
        {"referer": "about:client"},
        {"referer": "http://[::1"},
    ],
)
def test_whoever_is_at_this_machine_is_not_taken_for_a_proxy(headers: dict[str, str]) -> None:
    assert code(judged("GET", "/presenter", **headers)) == "presenter"


def test_a_page_of_another_site_is_refused_as_what_it_is() -> None:
    """Not as a proxy: the remedy for one would be none for the other."""
    evil = {"origin": "https://evil.example", "sec_fetch_site": "cross-site", "referer": "https://evil.example/"}
    assert code(judged("POST", "/advance", **evil)) == "origin"


def test_over_the_network_no_browser_names_the_site_and_none_is_suspected() -> None:
    scope_host = {"host": "192.168.1.5:8000", "user_agent": AGENTS["Chrome"]}
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/pair", "server": ("192.168.1.5", 8000)}
    scope["headers"] = [(name.replace("_", "-").encode(), value.encode()) for name, value in scope_host.items()]
    found = AccessPolicy(ServerAddresses("0.0.0.0", "0.0.0.0", 8000)).authorize(scope | {"client": ("192.168.1.9", 1)})
    assert found == Visitor()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_a_tunnel_to_another_port_is_told_what_to_type(name: str) -> None:
    """As through `ssh -L 9000:127.0.0.1:8000`."""
    at = f"{name}:9000"
    for method in ("GET", "POST"):
        found = judged(
            method, "/", host=at, origin=f"http://{at}", referer=f"http://{at}/", user_agent=AGENTS["Chrome"]
        )
        assert isinstance(found, Denied)
        assert found.code == "host"
        assert "ssh -L 8000:127.0.0.1:8000" in found.detail
        assert f"--public-name http://{at}" in found.detail


def test_the_start_says_how_a_proxy_is_named(local: Server) -> None:
    assert "--public-name NAME" in local.read_output()


# Real proxies.


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def local() -> Iterator[Server]:
    with serving("none") as server:
        server.until(lambda state: state["seq"] > 0)
        yield server


def test_through_a_tunnel_to_another_port_what_was_said_works(tmp_path: Path) -> None:
    require_nginx()
    port = free_port()
    with serving("none", "--public-name", f"http://127.0.0.1:{port}") as server:
        opened = OpenServer(server)
        as_ssh = f"proxy_pass http://127.0.0.1:{server.port}; proxy_http_version 1.1; proxy_set_header Host $http_host;"
        with nginx(tmp_path, port, as_ssh) as url:
            phone = Device(url).pair(opened.secret())
            assert phone.post("/goto/2").status_code == 200
            phone.close()


@contextmanager
def mitmproxy(place: Path, behind: int) -> Iterator[str]:
    """mitmproxy in reverse, with its defaults."""
    program = shutil.which("mitmdump")
    if program is None:
        pytest.skip("NOT TRIED: there is no mitmdump on PATH")
    port = free_port()
    command = [program, "-q", "--mode", f"reverse:http://127.0.0.1:{behind}", "--listen-host", "127.0.0.1"]
    running = subprocess.Popen([*command, "--listen-port", str(port), "--set", f"confdir={place}"])
    try:
        wait_for(lambda: _listens(port), 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_behind_mitmproxy_a_page_neither_reads_notes_nor_steers(local: Server, tmp_path: Path) -> None:
    with mitmproxy(tmp_path, local.port) as url:
        browser = {"User-Agent": AGENTS["Firefox"], "Referer": f"{url}/presenter"}
        for path in PRIVATE:
            problem(fetch.get(f"{url}{path}", headers=browser), 403, "proxied")
        said = problem(fetch.post(f"{url}/advance", headers=browser | {"Origin": url}), 403, "proxied")
        assert "--public-name" in said["detail"]
        assert fetch.get(f"{url}/state", headers=browser).json()["chapter"]["notes"] == ""


@pytest.mark.browser
def test_a_real_browser_behind_a_hidden_proxy_sees_the_stage_and_no_notes(local: Server, tmp_path: Path) -> None:
    require_nginx()
    port = free_port()
    settings = f'proxy_pass http://127.0.0.1:{local.port}; proxy_http_version 1.1; proxy_set_header Connection "";'
    names = "--host-resolver-rules=MAP stage.test 127.0.0.1"
    with nginx(tmp_path, port, f"{settings} proxy_buffering off;"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, names])
        page = browser.new_page()
        answer = page.goto(f"http://stage.test:{port}/presenter")
        assert answer is not None
        assert answer.status == 403
        assert local.state()["chapter"]["notes"] not in page.content()
        page.goto(f"http://stage.test:{port}/")
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        page.goto(f"http://127.0.0.1:{local.port}/presenter")
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        browser.close()
