"""A plain http request to the port that speaks https: it is told so, and nothing else changes for anybody."""

import asyncio
import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvloop

from demo.web.server import tls_listener
from demo.web.server.tls_listener import TlsListener
from tests.support import fetch
from tests.support.certificates import self_signed
from tests.support.raw_http import Answer, ask, connection, request
from tests.support.servers import Server, serving, wait_for
from tests.web.server.test_handshake import open_files


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls(certificate: tuple[Path, Path]) -> Iterator[Server]:
    cert, key = certificate
    with serving("none", "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        yield server


def told(answer: Answer, where: str) -> None:
    assert answer.status == 400, answer
    assert answer.head.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert answer.header("connection") == "close"
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.body.decode() == f"this port speaks https: use https://{where}/\n"


@pytest.mark.parametrize("method", ["GET", "POST", "FROB"])
def test_a_plain_request_is_told_where_https_is(tls: Server, method: str) -> None:
    told(ask(tls.port, request(method, "/", f"Host: show.example:{tls.port}")), f"show.example:{tls.port}")
    assert tls.client.get("/state").status_code == 200


@pytest.mark.parametrize(
    "host",
    [(), ("Host: ",), ("Host: a b",), ("Host: <b>x</b>",), ("Host: x/y",), ("Host: ü",), (f"Host: {'a' * 300}",)],
    ids=["none", "empty", "space", "markup", "path", "not ascii", "long"],
)
def test_without_a_sound_host_it_is_told_the_address_that_it_reached(tls: Server, host: tuple[str, ...]) -> None:
    told(ask(tls.port, request("GET", "/", *host)), f"127.0.0.1:{tls.port}")


def test_the_end_comes_with_an_end_and_no_reset_although_more_was_sent(tls: Server) -> None:
    with connection(tls.port) as one:
        one.sendall(request("POST", "/say", f"Host: 127.0.0.1:{tls.port}", body=b"x" * 20_000))
        got = b""
        while chunk := one.recv(65536):  # A reset would raise.
            got += chunk
    assert got.endswith(f"use https://127.0.0.1:{tls.port}/\n".encode())
    assert got.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("sent", [b"\x80\x2e\x01", b"\x00" * 50, b"get / http", b"\xff", b"SSH-2.0-x\r\n", b"a"])
def test_what_is_neither_is_ended_without_an_answer(tls: Server, sent: bytes) -> None:
    with connection(tls.port) as one, contextlib.suppress(ConnectionResetError):
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        assert b"HTTP/" not in one.recv(65536)


def test_a_request_in_pieces_is_told_too(tls: Server) -> None:
    with connection(tls.port) as one:
        one.sendall(b"G")
        time.sleep(0.2)
        assert one.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_who_sends_without_end_and_who_never_reads_are_let_go(tls: Server) -> None:
    before = open_files(tls.process.pid)
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connection(tls.port)) for _ in range(40)]
        for one in many:
            one.sendall(b"GET / HTTP/1.1\r\n")
        wait_for(lambda: open_files(tls.process.pid) <= before + 2, 6)
    with connection(tls.port) as one:
        one.sendall(b"GET / HTTP/1.1\r\n")
        wait_for(lambda: is_cut_off(one), 6)


def is_cut_off(one: socket.socket) -> bool:
    """Send more; it fails once the other side has closed."""
    try:
        one.sendall(b"x" * 65536)
    except OSError:
        return True
    return False


def test_an_end_while_connections_wait_is_clean(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with serving("none", "--tls-cert", str(cert), "--tls-key", str(key)) as server, contextlib.ExitStack() as stack:
        for sent in (b"", b"\x16\x03\x01", b"GET"):
            stack.enter_context(connection(server.port)).sendall(sent)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
        assert "Traceback" not in server.output
        assert "never" not in server.output


# Below the server, on both event loops.


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        assert transport.get_extra_info("ssl_object") is not None
        assert transport.get_extra_info("peername")[0] == "127.0.0.1"
        assert transport.get_extra_info("sockname")[1] > 0
        made = transport.get_extra_info("socket")
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_both_loops_serve_tls_and_tell_the_rest(
    loop: Callable[[], asyncio.AbstractEventLoop], certificate: tuple[Path, Path]
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))

    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        port = listener.getsockname()[1]
        server = TlsListener(listener, Echo, server_side, handshake_sec=0.5)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="localhost")
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        told(await asyncio.to_thread(ask, port, request("GET", "/", "Host: localhost")), "localhost")
        silent, lost = await asyncio.open_connection("127.0.0.1", port)
        began = asyncio.get_running_loop().time()
        assert await silent.read() == b""
        assert 0.3 < asyncio.get_running_loop().time() - began < 3
        half, halfway = await asyncio.open_connection("127.0.0.1", port)
        halfway.write(b"\x16\x03\x01\x02\x00")
        with contextlib.suppress(ConnectionError):
            assert await half.read() == b""
        server.close()
        await server.wait_closed()
        writer.write(b"again")
        assert await reader.readexactly(5) == b"again", "a connection outlives the listener"
        for one in (writer, lost, halfway):
            one.close()
        listener.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(run(), 20))


def test_the_server_goes_on_when_its_files_run_out_and_come_back(tls: Server) -> None:
    assert tls_listener.RETRY_SEC <= 1
    limit = open_files(tls.process.pid) + 8
    was = resource.prlimit(tls.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(tls.process.pid, resource.RLIMIT_NOFILE, (limit, was[1]))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(connection(tls.port))
            wait_for(lambda: open_files(tls.process.pid) >= limit)
    finally:
        resource.prlimit(tls.process.pid, resource.RLIMIT_NOFILE, was)

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return fetch.get(f"{tls.url}/state", verify=False, timeout=2).status_code == 200
        return False

    wait_for(answers)
    assert "Traceback" not in tls.read_output()
