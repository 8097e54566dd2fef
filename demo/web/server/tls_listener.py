"""Accepts the connections of a port that speaks TLS, and answers those that speak plain http to it.

The first byte tells them apart: it is looked at in the kernel's buffer and stays there, so that the handshake finds it.
Event loops do not offer that: their own TLS server ends such a connection without a word.
"""

import asyncio
import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Callable
from email.utils import formatdate
from typing import cast

RETRY_SEC = 1.0
"""How long no connection is accepted after the system had no file descriptor or memory for one, as asyncio does it."""

ACCEPT_AT_ONCE = 100
"""Connections that are accepted before others get their turn."""

LINGER_SEC = 1.0
MAX_IGNORED = 64 * 1024
"""How long, and for how many bytes, a client may go on sending after our answer: a connection that is closed with input
unread is reset, and the client might lose the answer."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_METHOD = re.compile(rb"[A-Z]{1,20}( |\Z)")
_HOST = re.compile(rb"\r\nhost:[ \t]*([a-z0-9.\-\[\]:]{1,255})[ \t]*\r\n", re.IGNORECASE)


class TlsListener:
    """Serves TLS on a listening socket, with a protocol of `make_protocol` for each connection.

    A connection is ended if its handshake is not done `handshake_sec` after it was accepted. `close` and `wait_closed`
    are those of an `asyncio.Server`, for uvicorn.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        handshake_sec: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener, self._make_protocol, self._context = listener, make_protocol, context
        self._handshake_sec = handshake_sec
        self._opening: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Accept no more connections, and end those that are not open yet. Safe to call twice."""
        self._loop.remove_reader(self._listener)
        if self._retry is not None:
            self._retry.cancel()
        for task in self._opening:
            task.cancel()

    async def wait_closed(self) -> None:
        """Return once nothing is being opened any more."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._loop.remove_reader(self._listener)
                self._retry = self._loop.call_later(RETRY_SEC, self._listen)
                return
            task = self._loop.create_task(self._open(connection), name="a TLS handshake")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        """Open a connection for TLS or for our answer. One that fails meanwhile is closed, which is all to be done."""
        deadline = self._loop.time() + self._handshake_sec
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if _METHOD.match(await self._peek(connection)):
                await self._loop.connect_accepted_socket(PlainHttpAnswer, connection)
                return
            left_sec = max(0.1, deadline - self._loop.time())
            await self._loop.connect_accepted_socket(
                self._make_protocol, connection, ssl=self._context, ssl_handshake_timeout=left_sec
            )
        except OSError:  # TimeoutError, ConnectionError and SSLError are such.
            connection.close()
        except BaseException:
            connection.close()
            raise

    async def _peek(self, connection: socket.socket) -> bytes:
        """Return the first bytes that the client has sent, without taking them. Raises `OSError`."""
        arrived = self._loop.create_future()
        self._loop.add_reader(connection, _settle, arrived)
        try:
            async with asyncio.timeout(self._handshake_sec):
                await arrived
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(21, socket.MSG_PEEK)


def _settle(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():
        arrived.set_result(None)


class PlainHttpAnswer(asyncio.Protocol):
    """Answers whatever request comes with the address to use instead, and closes."""

    _answered = False
    _ignored = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._end = asyncio.get_running_loop().call_later(LINGER_SEC, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()

    def data_received(self, data: bytes) -> None:
        if not self._answered:
            self._answered = True
            self._transport.write(_answer(self._find_host(data)))
            with contextlib.suppress(OSError):
                self._transport.write_eof()
            return
        self._ignored += len(data)
        if self._ignored > MAX_IGNORED:
            self._transport.abort()

    def _find_host(self, head: bytes) -> str:
        """Return what the request calls this server; where it says nothing sound, the address that it reached."""
        if (named := _HOST.search(head)) is not None:
            return named.group(1).decode("ascii")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _answer(host: str) -> bytes:
    body = f"this port speaks https: use https://{host}/\n"
    head = (
        f"HTTP/1.1 400 Bad Request\r\ndate: {formatdate(usegmt=True)}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return (head + body).encode("ascii")
