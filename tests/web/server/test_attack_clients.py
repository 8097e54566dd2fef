"""Clients that are slow, broken, greedy or many, over raw sockets: a press works, and the others see it."""

import contextlib
import random
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from demo.web.server.http_protocol import MAX_IN_A_ROW
from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.raw_http import answers, connection, request
from tests.support.servers import Server, Stream, serving, wait_for

STALLED = 500
BIG = 10 * 1024 * 1024
MAX_RSS_MORE = 100 * 1024 * 1024
"""What `STALLED` readers may cost at most: 200 KiB each, of which the most is the system's and the protocol's."""


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)
        assert server.stop() == 0
        assert "Traceback" not in server.output


def own(server: Server) -> str:
    return f"Host: 127.0.0.1:{server.port}"


def rss(server: Server) -> int:
    """Resident bytes of the server."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def presses_work(opened: OpenServer, wall: Stream) -> None:
    """A presenter's POST is answered, and another listener is told."""
    text = f"still here {random.random()}"
    assert fetch.post(f"{opened.here}/say", json={"text": text}, headers=opened.bearer).status_code == 200
    for _ in range(100):
        if text in wall.next()["data"]:
            return
    pytest.fail("the line never came")


@contextmanager
def many(opened: OpenServer, number: int, sent: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        lines = [stack.enter_context(connection(opened.server.port)) for _ in range(number)]
        for line in lines:
            line.sendall(sent)
        yield lines


def settled(opened: OpenServer) -> None:
    """Everybody has gone, and the server has noticed."""
    wait_for(lambda: not any(opened.state()["viewers"].values()), 30)


# Slow, and never done.

SLOW = {
    "heads": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX-Slow: ",
    "first bytes": b"GE",
    "nothing at all": b"",
    "bodies": b"POST /pair HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 4000\r\n\r\nx",
    "chunks": b"POST /pair HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
    "bodies of a GET": b"GET /state HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 60000\r\n\r\nx",
}


@pytest.mark.parametrize("kind", SLOW)
def test_slow_guests_keep_nobody_from_the_show(opened: OpenServer, kind: str) -> None:
    sent = SLOW[kind].replace(b"PORT", str(opened.server.port).encode())
    with many(opened, 300, sent) as lines, Stream(opened.server, "/stream/stage") as wall:
        for _ in range(3):
            for line in lines:
                with contextlib.suppress(OSError):
                    line.sendall(b"1")
            presses_work(opened, wall)
    settled(opened)


def test_all_kinds_of_slow_guests_are_shown_out_in_the_end(opened: OpenServer) -> None:
    with ExitStack() as stack:
        port = str(opened.server.port).encode()
        lines = []
        for sent in SLOW.values():
            lines.append(stack.enter_context(connection(opened.server.port, timeout=40)))
            lines[-1].sendall(sent.replace(b"PORT", port))
        for line in lines:
            while line.recv(65536):
                pass


# Large.


@pytest.mark.parametrize("kind", ["length", "chunks", "one chunk", "a length that lies"])
@pytest.mark.parametrize("target", ["/say", "/pair", "/advance", "/nothing"])
def test_ten_megabytes_are_refused_and_not_kept(opened: OpenServer, kind: str, target: str) -> None:
    before = rss(opened.server)
    head = f"POST {target} HTTP/1.1\r\n{own(opened.server)}\r\nAuthorization: {opened.bearer['Authorization']}\r\n"
    framing = {
        "length": f"Content-Length: {BIG}\r\n\r\n",
        "chunks": "Transfer-Encoding: chunked\r\n\r\n",
        "one chunk": f"Transfer-Encoding: chunked\r\n\r\n{BIG:x}\r\n",
        "a length that lies": "Content-Length: 10\r\n\r\n",
    }[kind]
    piece = b"x" * 65536
    with connection(opened.server.port, timeout=30) as one:
        one.sendall((head + framing).encode())
        with contextlib.suppress(OSError):
            for _ in range(BIG // len(piece)):
                one.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if kind == "chunks" else piece)
        found = next(answers(one), None)
    # A reset may overtake the answer to somebody who does not read while sending.
    if found is not None and kind != "a length that lies":
        assert found.status == (404 if target == "/nothing" else 413)
    assert rss(opened.server) - before < 2 * BIG
    assert fetch.get(f"{opened.here}/healthz").status_code == 200


# Broken.


def test_half_closed_guests_are_answered_or_let_go(opened: OpenServer) -> None:
    asked = [request("GET", "/state", own(opened.server)), request("GET", "/", own(opened.server)), b"GET / HT", b""]
    for sent in asked:
        with connection(opened.server.port) as one:
            one.sendall(sent)
            one.shutdown(socket.SHUT_WR)
            while one.recv(65536):
                pass
    with connection(opened.server.port) as one:
        one.sendall(request("GET", "/stream/stage", own(opened.server)))
        assert one.recv(100).startswith(b"HTTP/1.1 200 ")
        one.shutdown(socket.SHUT_WR)
        while one.recv(65536):
            pass
    settled(opened)


def test_garbage_is_refused_in_words(opened: OpenServer) -> None:
    chance = random.Random(7)
    for _ in range(300):
        sent = chance.randbytes(chance.randint(1, 300))
        with connection(opened.server.port, timeout=20) as one:
            with contextlib.suppress(OSError):
                one.sendall(sent + b"\r\n\r\n")
                one.shutdown(socket.SHUT_WR)
            found = next(answers(one), None)
        assert found is None or found.status in (400, 414, 421, 431, 501)
    assert opened.state()["seq"] > 0


@pytest.mark.parametrize("target", ["/goto/1", "/state"])
def test_what_was_whole_is_answered_though_garbage_follows(opened: OpenServer, target: str) -> None:
    method = "GET" if target == "/state" else "POST"
    lines = [own(opened.server), f"Authorization: {opened.bearer['Authorization']}"]
    with connection(opened.server.port) as one:
        one.sendall(request(method, target, *lines) + b"garbage\r\n\r\n")
        assert [answer.status for answer in answers(one)] == [200]


def test_guests_who_reset_in_the_middle_cost_nothing(opened: OpenServer) -> None:
    for target in ("/stream/stage", "/state", "/"):
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", opened.server.port)) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.sendall(request("GET", target, own(opened.server)))
    settled(opened)
    with Stream(opened.server, "/stream/stage") as wall:
        presses_work(opened, wall)


# In a row.


def test_requests_in_a_row_are_answered_in_their_order(opened: OpenServer) -> None:
    targets = ["/state", "/nothing", "/healthz", "/favicon.ico", "/stream/nothing", "/"] * 2
    row = b"".join(request("GET", target, own(opened.server)) for target in targets)
    with connection(opened.server.port) as one:
        reading = answers(one)
        for _ in range(20):
            one.sendall(row)
            assert [next(reading).status for _ in targets] == [200, 404, 200, 200, 401, 200] * 2


def test_of_too_many_in_a_row_the_first_are_answered_and_the_connection_ends(opened: OpenServer) -> None:
    with connection(opened.server.port) as one:
        one.sendall(request("GET", "/healthz", own(opened.server)) * 500)
        found = list(answers(one))
    assert {answer.status for answer in found} == {200}
    assert MAX_IN_A_ROW <= len(found) < 500
    assert found[-1].header("connection") == "close"


def test_what_waits_behind_a_stream_is_bounded(opened: OpenServer) -> None:
    before = rss(opened.server)
    with many(opened, 20, request("GET", "/stream/stage", own(opened.server))) as lines:
        row = request("GET", "/state", own(opened.server)) * 1000
        for line in lines:
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError, OSError):
                for _ in range(200):
                    line.send(row)
        with Stream(opened.server, "/stream/stage") as wall:
            presses_work(opened, wall)
        assert rss(opened.server) - before < MAX_RSS_MORE
    settled(opened)


# Stalled.


def test_five_hundred_stalled_readers_cost_the_others_nothing(opened: OpenServer) -> None:
    def stall(number: int) -> socket.socket:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(20)
        one.connect(("127.0.0.1", opened.server.port))
        one.sendall(request("GET", "/stream/stage", own(opened.server)))
        return one

    with Stream(opened.server, "/stream/stage", timeout=30) as wall, ThreadPoolExecutor(8) as pool:
        before = rss(opened.server)
        stalled = list(pool.map(stall, range(STALLED)))
        try:
            wait_for(lambda: opened.state()["viewers"]["stage"] >= STALLED, 30)
            sizes = []
            for _ in range(5):
                for number in (1, 2, 3, 4, 5):
                    headers = opened.bearer
                    assert fetch.post(f"{opened.here}/goto/{number}", headers=headers, timeout=20).status_code == 200
                presses_work(opened, wall)
                sizes.append(rss(opened.server))
            assert max(sizes) - before < MAX_RSS_MORE, sizes
        finally:
            for one in stalled:
                one.close()
    settled(opened)
