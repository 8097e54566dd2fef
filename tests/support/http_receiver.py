"""A real HTTP server that programs send to: it answers as it is told, and keeps what it was sent."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What to answer. `hangs`: nothing, until the server is closed. `resets`: the connection breaks instead."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    resets: bool = False


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    """Their names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpReceiver:
    """`replies` are given one after the other, `always` after them."""

    def __init__(self, *replies: Reply, always: Reply | None = None, tls: tuple[Path, Path] | None = None) -> None:
        """`tls`: the files of a certificate and its key."""
        self.replies, self.always = list(replies), always or Reply()
        self.received: list[Received] = []
        self.closed = threading.Event()
        self._created = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            do_PATCH = do_GET = do_POST  # noqa: N815 - the library's names

            def log_message(self, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        """All bodies, as JSON."""
        return [request.json for request in tuple(self.received)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(handler.command, handler.path, headers, body))
        reply = self.replies.pop(0) if self.replies else self.always
        if reply.hangs:
            self.closed.wait()
        if reply.resets or reply.hangs:
            handler.close_connection = True
            with suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            return
        self._created += 1
        handler.send_response(reply.status)
        content = reply.body.replace(b"NUMBER", str(self._created).encode())
        for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(
    *replies: Reply, always: Reply | None = None, tls: tuple[Path, Path] | None = None
) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(*replies, always=always, tls=tls)
    try:
        yield receiver
    finally:
        receiver.close()
