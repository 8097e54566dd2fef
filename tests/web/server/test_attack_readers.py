"""What follows a head, and what nobody reads: neither takes memory, nor places, nor proves anything."""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.raw_http import answers, connection, request
from tests.support.servers import script, serving, wait_for
from tests.web.server.test_attack_clients import own, rss

MUCH = 40 * 1024 * 1024
MAX_RSS_MORE = 30 * 1024 * 1024

FEW = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from demo.web.server import http_protocol
http_protocol.UNREAD_SEC = {timeout_sec}
from demo import bootstrap
bind = bootstrap.bind
def small(host, port):
    listener = bind(host, port)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # Of every connection, too.
    return listener
bootstrap.bind = small
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0", "--public-name", "demo.test"])
"""


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)
        assert server.stop() == 0
        assert "Traceback" not in server.output


# What follows a head.

ENDLESS = {
    "trailers": (b"0\r\n", b"".join(b"a%d: b\r\n" % number for number in range(5000))),
    "one trailer": (b"0\r\nX: ", b"z" * 65536),
    "an extension": (b"1;", b"e" * 65536),
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("target", ["/stream/stage", "/state"])
def test_what_follows_a_body_without_end_is_cut_off(opened: OpenServer, kind: str, target: str) -> None:
    begin, more = ENDLESS[kind]
    before = rss(opened.server)
    head = request("GET", target, own(opened.server), "Transfer-Encoding: chunked")
    with connection(opened.server.port) as one:
        one.sendall(head + begin)
        with pytest.raises(ConnectionError):
            one.sendall(more * (MUCH // len(more)))
    assert rss(opened.server) - before < MAX_RSS_MORE


def test_a_trailer_is_no_header(opened: OpenServer) -> None:
    secret = f"Authorization: {opened.bearer['Authorization']}"
    for method, target in (("POST", "/halt"), ("GET", "/pairing")):
        lines = f"{method} {target} HTTP/1.1\r\n{own(opened.server)}\r\nTransfer-Encoding: chunked\r\n\r\n"
        with connection(opened.server.port) as one:
            one.sendall(f"{lines}0\r\n{secret}\r\n\r\n".encode())
            assert next(answers(one)).status == 401
    assert opened.state()["halted"] is False


def test_a_body_in_chunks_of_one_byte_is_taken(opened: OpenServer) -> None:
    text = b'{"text": "' + b"a" * 200 + b'"}' + b" " * 20_000
    head = f"POST /say HTTP/1.1\r\n{own(opened.server)}\r\nAuthorization: {opened.bearer['Authorization']}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connection(opened.server.port) as one:
        one.sendall(head.encode())
        for byte in text:
            one.sendall(b"1\r\n%c\r\n" % byte)
        one.sendall(b"0\r\nX-Checksum: 1\r\n\r\n")
        assert next(answers(one)).status == 200


# What nobody reads.


def asset(opened: OpenServer) -> str:
    found = re.search(r"static/vendor/htmx[^\"]+", fetch.get(f"{opened.here}/").text)
    assert found
    return f"/{found[0]}"


def unread(opened: OpenServer, number: int, sent: bytes) -> list[socket.socket]:
    """Connections that ask and never read; those that find no place are left out."""
    found = []
    for _ in range(number):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        one.settimeout(5)
        with contextlib.suppress(OSError):
            one.connect(("127.0.0.1", opened.server.port))
            one.sendall(sent)
        found.append(one)
    return found


def open_files(opened: OpenServer) -> int:
    """Files that the server has open."""
    return len(list(Path(f"/proc/{opened.server.process.pid}/fd").iterdir()))


def open_sockets(opened: OpenServer) -> int:
    """Sockets that the server has open: its journal may still be opening files when it answers first."""
    found = 0
    for file in Path(f"/proc/{opened.server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found += str(file.readlink()).startswith("socket:")
    return found


def test_a_house_full_of_guests_who_never_read_has_a_place_for_the_presenter(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW.format(timeout_sec=600))) as server:
        opened = OpenServer(server)
        with contextlib.ExitStack() as guests:
            for one in unread(opened, 300, request("GET", asset(opened), own(server)) * 400):
                guests.enter_context(one)
            for _ in range(3):
                assert fetch.post(f"{opened.here}/halt", headers=opened.bearer, timeout=10).status_code == 200
        assert server.stop() == 0
        assert "Traceback" not in server.output


ONE_TURN = """
import asyncio
from demo.web.access.fair_queue import FairQueue
turns = iter([asyncio.sleep(0)])
FairQueue.wait = lambda self, address: next(turns, None) or asyncio.Event().wait()
"""
"""Only the first who asks is ever served."""


def test_a_house_full_of_guests_whose_turn_never_comes_has_a_place_for_the_presenter(tmp_path: Path) -> None:
    """And whoever is being answered keeps its place: the first here, on `/events`."""
    program = script(tmp_path / "few.py", ONE_TURN + FEW.format(timeout_sec=600))
    with serving(program=program) as server:
        opened = OpenServer(server)
        with contextlib.ExitStack() as guests:
            events = guests.enter_context(
                fetch.stream("GET", f"{opened.here}/events", headers=opened.bearer, timeout=10)
            ).iter_lines()
            next(line for line in events if line.startswith("data"))
            for one in unread(opened, 300, request("GET", "/healthz", own(server))):
                guests.enter_context(one)
            for _ in range(3):
                assert fetch.post(f"{opened.here}/halt", headers=opened.bearer, timeout=10).status_code == 200
            assert next(line for line in events if "Halted" in line)


def test_what_is_never_read_is_dropped_in_the_end(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW.format(timeout_sec=1.0))) as server:
        opened = OpenServer(server)
        before = open_sockets(opened)
        guests = unread(opened, 20, request("GET", asset(opened), own(server)) * 400)
        assert fetch.get(f"{opened.here}/healthz").status_code == 200  # So all before it were let in.
        wait_for(lambda: open_sockets(opened) <= before + 2, 60, lambda: f"{open_sockets(opened)}, before {before}")
        for one in guests:
            one.close()
