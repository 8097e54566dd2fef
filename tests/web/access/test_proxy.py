"""What a real nginx in front of the server does to it: with its defaults, with usual settings, and named."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import fetch
from tests.support.certificates import self_signed
from tests.support.nginx import NGINX, require_nginx
from tests.support.nginx import nginx as nginx_at
from tests.support.paired_devices import Device, OpenServer
from tests.support.servers import Server, serving, wait_for
from tests.web.routes.test_contract import problem

HTTP11 = "proxy_http_version 1.1;"
FORWARDED = f"{HTTP11} proxy_set_header X-Forwarded-For $remote_addr;"
NO_PORT = f"{HTTP11} proxy_set_header Host $host;"
AS_DOCUMENTED = f'{HTTP11} proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_buffering off;'

PRIVATE = (
    "/presenter",
    "/remote",
    "/print",
    "/report",
    "/stream/presenter",
    "/stream/remote",
    "/events",
    "/sessions",
    "/pairing",
)


@pytest.fixture(scope="module", autouse=True)
def _nginx() -> None:
    require_nginx()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def nginx(place: Path, behind: int, settings: str, port: int | None = None) -> Iterator[str]:
    """A proxy before one of our servers; yields its address."""
    with nginx_at(place, port or free_port(), f"proxy_pass http://127.0.0.1:{behind}; {settings}") as url:
        yield url


@pytest.fixture(scope="module")
def local() -> Iterator[Server]:
    with serving("none") as server:
        server.until(lambda state: state["seq"] > 0)
        yield server


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    """Open by its address, as `--host 0.0.0.0` is, without a name for a proxy."""
    with serving("none", "--host", "0.0.0.0") as server:
        yield OpenServer(server)


# In front of a server that is for loopback only.


@pytest.mark.parametrize(
    "settings",
    ["proxy_http_version 1.0;", FORWARDED, f"{HTTP11} proxy_set_header Via '1.1 me';"],
    ids=["HTTP/1.0", "X-Forwarded-For", "Via"],
)
def test_through_a_proxy_that_shows_nobody_steers_or_reads_notes(local: Server, tmp_path: Path, settings: str) -> None:
    with nginx(tmp_path, local.port, settings) as url:
        for path in ("/advance", "/halt", "/pair"):
            problem(fetch.post(f"{url}{path}"), 403, "proxied")
        for path in PRIVATE:
            problem(fetch.get(f"{url}{path}"), 403, "proxied")
        assert fetch.get(f"{url}/").status_code == 200
        assert fetch.get(f"{url}/state").json()["chapter"]["notes"] == ""
        assert local.state()["chapter"]["notes"]


def test_nginx_with_its_defaults_is_seen(local: Server, tmp_path: Path) -> None:
    with nginx(tmp_path, local.port, "") as url:
        answer = fetch.post(f"{url}/advance")
        version = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
        speaks_1_0 = tuple(int(part) for part in version.split("/")[1].split()[0].split(".")) < (1, 29, 7)
        assert (answer.status_code == 403) == speaks_1_0, version


@pytest.mark.parametrize(
    "settings", [NO_PORT, f"{HTTP11} proxy_set_header Host $http_host;"], ids=["$host", "$http_host"]
)
def test_a_proxy_that_hands_its_own_name_on_is_answered_by_nobody(local: Server, tmp_path: Path, settings: str) -> None:
    with nginx(tmp_path, local.port, settings) as url:
        for method, path in (("GET", "/"), ("POST", "/advance"), ("GET", "/presenter")):
            problem(fetch.request(method, f"{url}{path}"), 421, "host")


def test_a_proxy_that_hides_well_cannot_be_told_apart(local: Server, tmp_path: Path) -> None:
    """The finding that docs/access.md states: HTTP/1.1, no header of its own, the upstream's address as Host."""
    with nginx(tmp_path, local.port, HTTP11) as url:
        assert fetch.get(f"{url}/presenter").status_code == 200
        assert fetch.post(f"{url}/goto/1").status_code == 200
        problem(fetch.post(f"{url}/goto/1", headers={"Origin": url}), 403, "origin")


# In front of an open server.


def test_without_a_name_not_even_the_token_counts_through_a_proxy(opened: OpenServer, tmp_path: Path) -> None:
    with nginx(tmp_path, opened.server.port, FORWARDED) as url:
        problem(fetch.post(f"{url}/advance", headers=opened.bearer), 403, "proxied")
        for path in PRIVATE:
            problem(fetch.get(f"{url}{path}", headers=opened.bearer), 403, "proxied")
        assert fetch.get(f"{url}/state", headers=opened.bearer).json()["chapter"]["notes"] == ""
        assert "--public-name" in fetch.get(f"{url}/pair").text


def test_a_proxy_that_hides_well_gets_no_role_from_an_open_server(opened: OpenServer, tmp_path: Path) -> None:
    with nginx(tmp_path, opened.server.port, HTTP11) as url:
        problem(fetch.post(f"{url}/advance"), 401, "unpaired")
        problem(fetch.get(f"{url}/events"), 401, "unpaired")


def test_with_its_name_a_phone_pairs_and_steers_through_the_proxy(tmp_path: Path) -> None:
    port = free_port()
    with serving("none", "--public-name", f"localhost:{port}") as server:
        opened = OpenServer(server)
        for number, settings in enumerate((AS_DOCUMENTED, f"{AS_DOCUMENTED} proxy_set_header X-Forwarded-For x;")):
            place = tmp_path / str(number)
            place.mkdir()
            with nginx(place, server.port, settings, port):
                phone = Device(f"http://localhost:{port}")
                problem(phone.post("/advance"), 401, "unpaired")
                phone.pair(opened.secret())
                assert phone.post("/goto/2").status_code == 200
                problem(phone.post("/goto/2", headers={"Origin": "http://evil.example"}), 403, "origin")
                with phone.client.stream("GET", "/stream/remote") as stream:
                    assert "retry" in next(stream.iter_text())
                phone.close()


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_over_tls_every_address_is_https_and_so_is_the_origin(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    trusted = ssl.create_default_context(cafile=str(cert))
    args = ("--tls-cert", str(cert), "--tls-key", str(key), "--public-name", "localhost")
    with serving("none", *args) as server:
        wait_for(lambda: "end        Ctrl-C" in server.read_output())
        assert "http://" not in server.output
        assert "not encrypted" not in server.output
        secret = server.output.partition("/pair#")[2].split()[0]
        phone = Device(f"https://localhost:{server.port}", verify=trusted)
        answer = phone.post("/pair", json={"secret": secret})
        assert answer.status_code == 200
        assert "; Secure" in answer.headers["set-cookie"]
        assert phone.post("/goto/2").status_code == 200
        problem(phone.post("/goto/2", headers={"Origin": f"http://localhost:{server.port}"}), 403, "origin")
        phone.close()
