"""Below the application: heads bounded in size and time, a full house that is said, and what we lean on in uvicorn."""

import contextlib
import inspect
import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from demo.web.server import http_protocol
from demo.web.server.http_protocol import MAX_HEAD
from demo.web.streaming.stream_slots import (
    PRESENTER_SLOTS,
    StreamSlots,
    max_connections,
    open_files,
    streams_allowed_by,
)
from tests.support import fetch
from tests.support.paired_devices import OPEN, OpenServer
from tests.support.servers import Stream, script, serving, wait_for


@pytest.fixture(scope="module")
def opened() -> Iterator[OpenServer]:
    with serving("none", *OPEN) as server:
        yield OpenServer(server)


@contextmanager
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        yield one


def answer(one: socket.socket) -> bytes:
    """Everything until the server closes."""
    found = b""
    while True:
        try:
            chunk = one.recv(65536)
        except ConnectionResetError:
            return found
        if not chunk:
            return found
        found += chunk


# Heads.


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"x" * MAX_HEAD,
        b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"x" * MAX_HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 4000,
        b"GET /" + b"x" * MAX_HEAD + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /" + b"x" * 2 * MAX_HEAD,
    ],
    ids=["unfinished", "finished", "many", "path", "unfinished path"],
)
@pytest.mark.parametrize("step", [1000, 10_000, 1_000_000])
def test_a_head_over_16_kib_is_refused(opened: OpenServer, head: bytes, step: int) -> None:
    with connection(opened.server.port) as one:
        for at in range(0, len(head), step):
            try:
                one.sendall(head[at : at + step])
            except OSError:
                break  # refused before it had sent everything
            time.sleep(0.001)
        found = answer(one)
    status, code = (b"414", b"long_target") if head.startswith(b"GET /x") else (b"431", b"headers")
    assert found.startswith(b"HTTP/1.1 " + status)
    assert b'"code": "' + code + b'"' in found
    assert b"connection: close" in found


def test_a_head_of_15_kib_is_answered(opened: OpenServer) -> None:
    headers = opened.bearer | {"x-long": "x" * 15_000}
    assert fetch.get(f"{opened.here}/state", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "text", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_not_http_is_refused_without_a_word_in_the_terminal(opened: OpenServer, text: bytes) -> None:
    before = opened.server.read_output()
    with connection(opened.server.port) as one:
        one.sendall(text)
        assert answer(one).startswith(b"HTTP/1.1 400 ")
    assert opened.server.read_output() == before


def test_a_websocket_is_not_spoken(opened: OpenServer) -> None:
    lines = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{opened.server.port}\r\nConnection: Upgrade\r\n"
    lines += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with connection(opened.server.port) as one:
        one.sendall(lines.encode())
        assert one.recv(100).startswith(b"HTTP/1.1 401 ")


SHORT = """
from demo.web.server import http_protocol
http_protocol.HEADER_TIMEOUT_SEC = 0.5
http_protocol.KEEP_ALIVE_SEC = 60
from demo.web.server import server
server.KEEP_ALIVE_SEC = 60
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0"])
"""


def test_a_slow_head_a_silent_guest_and_a_slow_body_are_shown_out(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "short.py", SHORT)) as server:
        with connection(server.port) as silent, connection(server.port) as slow, connection(server.port) as late:
            slow.sendall(b"GET / HTTP/1.1\r\nhost: ")
            late.sendall(f"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            assert late.recv(100).startswith(b"HTTP/1.1 200 ")
            late.sendall(b"GET /state HT")
            for one in (silent, slow, late):
                answer(one)  # ends, or the socket's own timeout fails the test
        with Stream(server, "/stream/stage") as stream:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                assert stream.next(), "an open stream is nobody's slow head"
        with connection(server.port) as slow:
            head = f"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-length: 100000\r\n\r\n"
            slow.sendall(head.encode())
            try:
                for _ in range(600):
                    slow.sendall(b"x")
                    time.sleep(0.02)
                pytest.fail("a body that nobody reads held its connection")
            except OSError:
                pass


# Places.


def test_the_presenters_places_are_kept_free() -> None:
    slots = StreamSlots(max_streams=PRESENTER_SLOTS + 2)
    taken = [slots.take(private=False, session=None) for _ in range(3)]
    assert [slot is not None for slot in taken] == [True, True, False]
    own = [slots.take(private=True, session="s") for _ in range(PRESENTER_SLOTS + 1)]
    assert [slot is not None for slot in own] == [True] * PRESENTER_SLOTS + [False]
    assert taken[0] is not None
    taken[0].leave()
    taken[0].leave()
    assert slots.take(private=False, session=None) is None, "the presenter's streams fill what they fill"


def test_a_slot_that_was_ended_before_it_began_ends_when_it_begins() -> None:
    slots, ended = StreamSlots(), []
    slot = slots.take(private=True, session="s")
    assert slot is not None
    slots.end("s")
    slot.on_end(lambda: ended.append(1))
    assert ended == [1]


@pytest.mark.parametrize("files", [256, 1024, 4096, 65_536])
def test_places_leave_room_for_journal_system_and_arrivals(files: int) -> None:
    assert streams_allowed_by(files) < max_connections(files) < files
    assert files - max_connections(files) >= 96
    assert max_connections(files) - streams_allowed_by(files) >= 32


def test_a_system_that_refuses_a_high_limit_is_asked_for_lower_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def setrlimit(which: int, limits: tuple[int, int]) -> None:
        asked.append(limits[0])
        if limits[0] > 10_240:
            raise ValueError("too high")

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert open_files() == 10_240
    assert asked == [65_536, 10_240]


FEW = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0", "--public-name", "demo.test"])
"""


def test_a_full_house_gives_a_picture_and_the_presenter_still_gets_in(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW)) as server:
        opened = OpenServer(server)
        streams: list[Stream] = []
        while len(streams) < 200:
            streams.append(Stream(server, "/stream/stage"))
            if "retry-after" in streams[-1].response.headers:
                break
            streams[-1].next()
        late = streams[-1]
        assert late.response.status_code == 200
        assert "r-top" in late.next()["data"]
        assert late.next()["event"] == "poll"
        with pytest.raises(StopIteration):
            late.next()
        assert len(streams) > 40
        with Stream(server, "/stream/stage", opened.bearer) as own:
            assert own.response.status_code == 200
        with Stream(server, "/stream/presenter", opened.bearer) as own:
            assert own.next()
        assert fetch.post(f"{opened.here}/goto/2", headers=opened.bearer).status_code == 200
        for stream in streams:
            stream.close()
        wait_for(lambda: not any(opened.state()["viewers"].values()))
        with Stream(server, "/stream/stage") as again:
            assert again.response.status_code == 200
        assert server.stop() == 0


def test_idle_guests_give_way_to_new_ones(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW)) as server:
        opened = OpenServer(server)
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(400)]
        assert fetch.get(f"{opened.here}/healthz", timeout=5).status_code == 200
        assert fetch.post(f"{opened.here}/halt", headers=opened.bearer, timeout=5).status_code == 200
        for one in idle:
            one.close()
        assert server.stop() == 0
        assert "Traceback" not in server.output


def test_guests_whose_bodies_never_come_give_way_too(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW)) as server:
        opened = OpenServer(server)
        head = f"POST /pair HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-length: 100\r\n\r\n".encode()
        slow = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(400)]
        for one in slow:
            with contextlib.suppress(OSError):
                one.sendall(head)
        for _ in range(3):
            assert fetch.post(f"{opened.here}/halt", headers=opened.bearer, timeout=5).status_code == 200
        for one in slow:
            one.close()
        assert server.stop() == 0


# What is not public in uvicorn, and held here.


def test_what_we_override_is_what_uvicorn_calls() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    for name in ("connection_made", "connection_lost", "data_received", "on_message_begin", "on_headers_complete"):
        assert f"def {name}(" in source
    more = ("pause_writing", "resume_writing", "timeout_keep_alive_handler", "on_header")
    for name in ("on_body", "on_message_complete", "on_response_complete", "send_400_response", *more):
        assert f"def {name}(" in source
    for attribute in ("self.url", "self.headers", "self.cycle", "self.pipeline", "self.transport", "self.connections"):
        assert f"{attribute}" in source
    assert "self.send_400_response(msg)" in source
    assert "on_response=self.on_response_complete" in source
    cycle = inspect.getsource(RequestResponseCycle)
    assert "self.response_complete = True" in cycle
    assert re.search(r"if not self.keep_alive:\s+self.transport.close\(\)", cycle)
    for attribute in (
        "self.response_started = True",
        "self.disconnected",
        "self.message_event.wait()",
        "self.more_body",
        "if self.chunked_encoding is None and",
        "if num_bytes > self.expected_content_length:",
        "self.expected_content_length -= num_bytes",
        "if self.expected_content_length != 0:",
    ):
        assert attribute in cycle
    overridden = {
        name
        for name in vars(http_protocol.LimitedHttpProtocol)
        if callable(getattr(http_protocol.LimitedHttpProtocol, name)) and not name.startswith("_")
    }
    assert overridden - {"abort", "detach_connection", "end_by_closing"} <= set(dir(HttpToolsProtocol))
