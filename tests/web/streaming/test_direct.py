"""Streams on their own connection: who takes nothing is passed over, and of who left nothing stays."""

import asyncio
import gc
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from demo.conductor import Conductor
from demo.show import commands as c
from demo.web.app import Web
from demo.web.security_headers import SECURITY_HEADERS
from demo.web.server.http_protocol import LimitedHttpProtocol
from demo.web.server.server import bind, serve
from demo.web.streaming.connection_sink import ConnectionSink
from demo.web.streaming.stream_slots import LOOK_EVERY_SEC, MAX_AGE_SEC, StreamSlots, describe_shortage
from tests.conductor.test_conductor import THREE, ask, playing
from tests.support.certificates import self_signed
from tests.support.raw_sse_client import RawSseClient
from tests.support.servers import Server, script, serving, wait_for
from tests.web.server.test_attack_clients import rss

SAID = 400
LINE = "\N{SNOWMAN}" * 240
CATCH_UP_SEC = 0.25
ON_ASYNCIO = """
import sys
sys.modules["uvloop"] = None
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0"])
"""


@pytest.fixture(params=["uvloop", "asyncio", "tls"])
def any_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, ssl.SSLContext | None]]:
    """On each kind of connection that is written to in its own way."""
    if request.param == "asyncio":
        with serving(program=script(tmp_path / "plain.py", ON_ASYNCIO)) as server:
            yield server, None
    elif request.param == "uvloop":
        with serving("none") as server:
            yield server, None
    else:
        cert, key = self_signed(tmp_path)
        with serving("none", "--tls-cert", str(cert), "--tls-key", str(key)) as server:
            yield server, ssl._create_unverified_context()


def say(server: Server, text: str) -> None:
    assert server.client.post("/say", content=text, headers={"content-type": "text/plain"}).status_code == 200


def test_a_reader_that_stops_is_passed_over_and_then_gets_the_newest_whole_view(
    any_server: tuple[Server, ssl.SSLContext | None],
) -> None:
    server, tls = any_server
    with RawSseClient(server.port, tls=tls, rcvbuf=2048) as stalled, RawSseClient(server.port, tls=tls) as quick:
        stalled.until("r-top")
        quick.until("r-top")
        for number in range(SAID):
            say(server, f"line {number} {LINE}")
            quick.until(f"line {number} ")
        newest = stalled.until(f"line {SAID - 1} ")
        assert "r-top" in newest.text, "a whole view"
        seen = [heard for heard in stalled.messages if "line " in heard.text]
        assert len(seen) < SAID * 3 / 4
        assert newest.at - stalled.messages[-2].at < CATCH_UP_SEC
        say(server, "and on it goes")
        assert "r-top" not in stalled.until("and on it goes").text
        assert "r-top" not in quick.until("and on it goes").text


def test_a_hundred_readers_that_stop_cost_little_memory() -> None:
    with serving("none") as server:
        quick = RawSseClient(server.port)
        quick.until("r-top")
        before = rss(server)
        stalled = [RawSseClient(server.port, rcvbuf=2048) for _ in range(100)]
        wait_for(lambda: server.state()["viewers"]["stage"] == 101)
        for number in range(SAID):
            say(server, f"line {number} {LINE}")
        quick.until(f"line {SAID - 1} ")
        assert rss(server) - before < 100 * 64 * 1024
        for one in (quick, *stalled):
            one.close()
        wait_for(lambda: server.state()["viewers"]["stage"] == 0)


def test_a_stream_has_the_headers_of_every_answer_and_ends_with_its_connection(server: Server) -> None:
    with RawSseClient(server.port) as one:
        one.until("r-top")
        lines = one.head.split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert SECURITY_HEADERS.items() <= headers.items()
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (headers["cache-control"], headers["connection"]) == ("no-store, no-transform", "close")
        assert headers["x-accel-buffering"] == "no"
        assert not {"content-length", "transfer-encoding", "content-encoding"} & headers.keys()
        assert headers["date"].endswith("GMT")
        assert one.messages[0].text.startswith("retry: 500\nid: ")


@pytest.mark.parametrize(
    ("query", "accepts", "packed"),
    [
        ("?packed=1", "gzip, deflate, br, zstd", True),
        ("?packed=1", "br;q=1.0, GZIP;q=0.8", True),
        ("", "gzip", False),
        ("?packed=0", "gzip", False),
        ("?packed=1", "gzip;q=0, br", False),
        ("?packed=1", "br", False),
    ],
)
def test_a_stream_is_packed_for_who_asks_for_it_and_can_read_it(
    server: Server, query: str, accepts: str, packed: bool
) -> None:
    with RawSseClient(server.port, query=query, headers=f"Accept-Encoding: {accepts}\r\n") as one:
        while not one.head:
            one.read()
        assert ("content-encoding: gzip" in one.head) == packed
        assert "vary: accept-encoding" in one.head


def test_what_is_packed_reads_as_what_is_plain(server: Server) -> None:
    with (
        RawSseClient(server.port) as plain,
        RawSseClient(server.port, query="?packed=1", headers="Accept-Encoding: gzip\r\n") as one,
    ):
        plain.until("r-top")
        for number in range(20):
            say(server, f"line {number}")
            plain.until(f"line {number}<")
        received = b""
        while b"\r\n\r\n" not in received:
            received += one.socket.recv(65536)
        inflate = zlib.decompressobj(wbits=31)
        text = inflate.decompress(received.partition(b"\r\n\r\n")[2])
        while b"line 19<" not in text:
            text += inflate.decompress(one.socket.recv(65536))
        messages = [message for message in text.decode().split("\n\n")[1:-1] if "event: beat" not in message]
        assert messages == [heard.text for heard in plain.messages[1:] if "event: beat" not in heard.text]


def test_a_listener_that_talks_is_cut_off(server: Server) -> None:
    with RawSseClient(server.port) as one:
        one.until("r-top")
        one.socket.sendall(b"x" * 100)
        say(server, "a word is not much")
        one.until("a word is not much")
        one.socket.sendall(b"x" * 5000)
        with pytest.raises((ConnectionResetError, AssertionError)):
            one.until("never")


def test_a_second_request_behind_a_stream_is_not_answered_and_harms_nobody(server: Server) -> None:
    head = f"GET /stream/stage HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(head * 3)
        got = b""
        while b"r-top" not in got:
            got += one.recv(65536)
        assert got.count(b"HTTP/1.1 ") == 1
    assert server.client.get("/healthz").status_code == 200


# In this process.


@asynccontextmanager
async def served(conductor: Conductor) -> AsyncIterator[tuple[Web, int]]:
    web, stop, started = Web(conductor), asyncio.Event(), asyncio.Event()
    listener = bind("127.0.0.1", 0)
    serving = asyncio.create_task(serve(web, listener, stop, started))
    await started.wait()
    try:
        yield web, listener.getsockname()[1]
    finally:
        stop.set()
        await serving


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.anyio
async def test_of_listeners_that_left_nothing_stays_even_if_nobody_collects() -> None:
    """Cycles would make the collector look through thousands of connections in the middle of a show."""
    async with playing(THREE) as conductor, served(conductor) as (web, port):
        gc.collect()
        gc.disable()
        try:
            for _ in range(2):
                streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
                for reader, writer in streams:
                    writer.write(f"GET /stream/stage HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                    await reader.readuntil(b"r-top")
                assert web.hub.counts()["stage"] == 20
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                await reader.readuntil(b"}")
                for _, one in (*streams, (reader, writer)):
                    one.close()
                await until(lambda: web.hub.counts()["stage"] == 0)
                await asyncio.sleep(0)
            left = [one for one in gc.get_objects() if isinstance(one, ConnectionSink | LimitedHttpProtocol)]
            assert left == []
        finally:
            gc.enable()


@pytest.mark.anyio
async def test_on_a_server_that_hands_nothing_over_streams_work_all_the_same() -> None:
    async with playing(THREE) as conductor:
        web = Web(conductor)
        listener = bind("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(web.asgi, log_level="error", lifespan="off", ws="none"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await until(lambda: server.started)
        async with (
            httpx.AsyncClient(base_url=url, timeout=5) as client,
            client.stream("GET", "/stream/stage") as stream,
        ):
            assert SECURITY_HEADERS.items() <= stream.headers.items()
            chunks = stream.aiter_text()
            assert await has(chunks, "r-top")
            await ask(conductor, c.Say("by the plain way"))
            assert await has(chunks, "by the plain way")
        web.close()
        server.should_exit = True
        await running


async def has(chunks: AsyncIterator[str], words: str) -> bool:
    async for chunk in chunks:
        if words in chunk:
            return True
    return False


# Places, and their time.


def test_a_stream_has_its_time_and_not_all_have_the_same() -> None:
    now = [1000.0]
    slots, ended = StreamSlots(clock=lambda: now[0]), []
    for number in range(50):
        slot = slots.take(private=False, session=None)
        assert slot is not None
        slot.on_end(lambda number=number: ended.append(number))  # type: ignore[misc]
    now[0] += MAX_AGE_SEC / 2 - 1
    slots.end_old()
    assert not ended
    now[0] += MAX_AGE_SEC / 4
    slots.end_old()
    assert 5 < len(ended) < 45
    now[0] += MAX_AGE_SEC / 4 + LOOK_EVERY_SEC
    slots.end_old()
    assert len(set(ended)) == 50


def test_a_system_with_room_for_few_is_told_of() -> None:
    assert describe_shortage(65_536) == ""
    assert describe_shortage(1024).startswith("at most 896 live screens, because this system allows 1024 open files")


FEW = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0"])
"""


def test_a_hall_beyond_the_last_place_gets_pictures(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW)) as server:
        wait_for(lambda: "streams    at most 128 live screens" in server.read_output())
        hall = [RawSseClient(server.port) for _ in range(112)]
        for one in hall:
            one.until("r-top")
        with RawSseClient(server.port) as late:
            assert "event: poll" in late.until("every_sec").text
            assert "retry: " in late.messages[-1].text
            assert any("r-top" in heard.text for heard in late.messages)
            wait_for(lambda: not late.read())
        with RawSseClient(server.port, view="presenter") as presenter:
            presenter.until("r-bar")
        hall.pop().close()
        wait_for(lambda: server.state()["viewers"]["stage"] == 111)
        with RawSseClient(server.port) as lucky:
            lucky.until("r-top")
            say(server, "for everyone")
            lucky.until("for everyone")
        for one in hall:
            one.close()


IMPATIENT = """
from demo.web.server import http_protocol
http_protocol.UNREAD_SEC = 2.0
from demo.cli.main import app
app(["serve", "none", "--no-open", "--port", "0"])
"""


def test_a_listener_that_is_no_longer_there_is_not_counted_long_although_the_kernel_still_takes_its_messages(
    tmp_path: Path,
) -> None:
    """As a phone that left the network: nothing it was sent is taken, and it says no goodbye."""
    program = script(tmp_path / "impatient.py", IMPATIENT)
    with serving(program=program) as server, RawSseClient(server.port, rcvbuf=1).socket:
        server.until(lambda state: state["viewers"]["stage"] == 1)
        for number in range(20):
            server.client.post("/say", content=f"{number} {'x' * 270}", headers={"content-type": "text/plain"})
        server.until(lambda state: state["viewers"]["stage"] == 0, 20)


def test_a_guest_that_is_gone_before_its_stream_begins_is_no_error() -> None:
    with serving("none") as server:
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", server.port)) as guest:
                guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                guest.sendall(f"GET /stream/stage HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        server.until(lambda state: state["viewers"]["stage"] == 0)
        assert [line for line in server.state()["log"] if line["who"] == "web"] == []
