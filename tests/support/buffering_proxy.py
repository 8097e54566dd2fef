"""Proxies that hold a stream back until its end, which never comes, like some virus scanners and tunnels."""

import contextlib
import http.client
import http.server
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.relays import PausableTcpProxy

_HELD = re.compile(rb"content-type: text/event-stream.*content-encoding: gzip", re.DOTALL)
_STREAM = re.compile(rb"^GET (/stream/\S+) ", re.MULTILINE)


class StreamHoldingProxy(PausableTcpProxy):
    """`with_head`: not even the head of the answer is let through. `held` counts the streams kept back.

    `is_disabled`: it holds no further stream back. `asked`: the streams that pages asked for, in order.
    `last_data_after_sec`: how long after its request the newest of them last brought data.
    """

    def __init__(self, port: int, *, with_head: bool) -> None:
        self.held = 0
        self.is_disabled = False
        self.asked: list[str] = []
        self.last_data_after_sec = 0.0
        self._newest: tuple[socket.socket | None, float] = (None, 0.0)
        self._cut = threading.Event()
        self._with_head = with_head
        super().__init__(port)

    def cut(self) -> None:
        """End what goes through it now."""
        self._cut.set()
        self._cut = threading.Event()

    def _pump(self, near: socket.socket) -> None:
        here, there = (f"127.0.0.1:{port}".encode() for port in (self.port, self._to))
        with near, socket.create_connection(("127.0.0.1", self._to)) as far, contextlib.suppress(OSError):
            holds, cut = False, self._cut
            while not self._closed.is_set() and not cut.is_set():
                for ready in select.select([near, far], [], [], 0.05)[0]:
                    chunk = ready.recv(65536)
                    if not chunk:
                        return
                    if ready is near:
                        if found := _STREAM.findall(chunk):
                            self.asked += [path.decode() for path in found]
                            self.last_data_after_sec, self._newest = 0.0, (near, time.monotonic())
                        far.sendall(chunk.replace(here, there))
                    elif holds:
                        continue
                    elif not self.is_disabled and _HELD.search(chunk):
                        holds = True
                        self.held += 1
                        near.sendall(b"" if self._with_head else chunk[: chunk.index(b"\r\n\r\n") + 4])
                    else:
                        near.sendall(chunk)
                        stream, began = self._newest
                        if near is stream:
                            self.last_data_after_sec = time.monotonic() - began


@contextmanager
def stream_holding_proxy(port: int, *, with_head: bool = False) -> Iterator[StreamHoldingProxy]:
    found = StreamHoldingProxy(port, with_head=with_head)
    try:
        yield found
    finally:
        found.close()


class StoreAndForwardProxy(http.server.ThreadingHTTPServer):
    """A proxy that passes an answer on only when it is complete, as some tunnels and scanners do.

    It names the server itself in what it sends there, so that its pages are the server's own. `is_disabled`: it
    passes everything on at once. `held`: answers that it waits for at the moment.
    """

    daemon_threads = False

    def __init__(self, to: int) -> None:
        super().__init__(("127.0.0.1", 0), _StoreAndForwardHandler)
        self.to = to
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_disabled = False
        self.counting = threading.Lock()
        self.upstreams: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def held(self) -> int:
        return len(self.upstreams)

    def close(self) -> None:
        """End what goes through it, and itself."""
        self.shutdown()
        with self.counting:
            for upstream in self.upstreams:
                with contextlib.suppress(OSError):
                    upstream.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that went away: nothing to say."""


class _StoreAndForwardHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StoreAndForwardProxy

    def _pass_on(self) -> None:
        here, there = (f"127.0.0.1:{port}" for port in (self.server.port, self.server.to))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        headers = {name: value.replace(here, there) for name, value in self.headers.items() if name != "Connection"}
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.to, timeout=60)
        try:
            upstream.request(self.command, self.path, body, headers)
        except OSError as error:
            self.send_error(502, str(error))
            return
        connected = upstream.sock
        with contextlib.closing(upstream), self._counted(connected), upstream.getresponse() as answer:
            self._answer(answer, None if self.server.is_disabled else answer.read())

    @contextmanager
    def _counted(self, connected: socket.socket) -> Iterator[None]:
        with self.server.counting:
            self.server.upstreams.add(connected)
        try:
            yield
        finally:
            with self.server.counting:
                self.server.upstreams.discard(connected)

    def _answer(self, answer: http.client.HTTPResponse, whole: bytes | None) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        if whole is not None:
            self.wfile.write(whole)
            return
        while chunk := answer.read1():
            self.wfile.write(chunk)
            self.wfile.flush()

    do_GET = do_POST = _pass_on  # noqa: N815 - as the base class names them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing to say."""


@contextmanager
def store_and_forward_proxy(port: int) -> Iterator[StoreAndForwardProxy]:
    """In front of one of our servers."""
    found = StoreAndForwardProxy(port)
    try:
        yield found
    finally:
        found.close()
