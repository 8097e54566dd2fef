"""One HTTP connection, below the application: limits on its size and time, and eviction when there are too many.

uvicorn's own protocol limits neither the size of a request's head nor the time until the first request arrives. Not all
that is overridden here is public API: uvicorn's version is pinned, and tests/web/server/test_http_protocol.py checks
that what we rely on is still there.
"""

import asyncio
import contextlib
import os
import re
import socket
import sys
import time
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from demo.web.asgi_extensions import DETACH_CONNECTION, END_BY_CLOSING, IS_CLOSING, ConnectionOwner
from demo.web.server.raw_problem import raw_problem

MAX_HEAD = 16 * 1024
HEADER_TIMEOUT_SEC = 10.0
"""A request's head must be complete this long after the connection was made, or after the previous response."""

KEEP_ALIVE_SEC = 5
MAX_IN_A_ROW = 16
"""Pipelined requests that may wait behind the one being answered: each takes memory, and a stream never ends."""

LINGER_SEC = 1.0
"""How long we go on reading from a refused connection. If it were closed with input unread, the kernel would reset it,
and the client might lose the refusal before reading it."""

UNREAD_SEC = 20.0
"""How long a client may leave what we sent unread; then its connection is aborted, a stream's too."""

MAX_FRAMING = 16 * 1024
FRAMING_PER_BYTE = 8
"""What may arrive after a head besides the body itself: `MAX_FRAMING` bytes (trailers), and `FRAMING_PER_BYTE` more for
each byte of the body (chunk sizes). Without it, trailers and chunk extensions could be of any length."""

SEND_BUFFER = 64 * 1024
"""The kernel's send buffer for a stream, in bytes: room for a few full messages, not for minutes of outdated ones."""

MAX_IGNORED_INPUT = 4096
"""Bytes that a client may still send once its stream has begun; they are ignored."""

SAFE_METHODS = (b"GET", b"HEAD")

_TOO_LARGE = f"the headers of a request may have up to {MAX_HEAD} bytes"
_DIFFERENT_HOSTS = "the address of the request and its Host header must name the same server"
_LONG_TARGET = f"an address with its query may have up to {MAX_HEAD} bytes"
_NOT_HTTP = "this is not a valid HTTP/1.1 request"
_NO_METHOD = "this server accepts GET, HEAD and POST"

_METHOD = re.compile(rb"[A-Z][A-Z0-9_-]{0,19} ")
"""The beginning of a request whose method may be none that we know; other input is no HTTP at all."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. `max_connections` is the limit for all of them; when a new one exceeds it, another is evicted.

    Evicted is the connection that has kept the server waiting for the longest time, for a request to arrive or for its
    client to read. Where there is none, it is the oldest GET or HEAD whose response has not begun: the presenter must
    always be able to connect.
    """

    max_connections: ClassVar[int] = 10_000
    # Of all connections of a server, the oldest first: since when we wait for a request, and for the client to read;
    # and GET and HEAD whose response is not complete.
    _idle: ClassVar[dict["LimitedHttpProtocol", float]] = {}
    _unread: ClassVar[dict["LimitedHttpProtocol", float]] = {}
    _open_reads: ClassVar[dict["LimitedHttpProtocol", None]] = {}

    _close_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _body_bytes = 0
    _framing_bytes = 0
    _head_bytes = 0
    _in_head = False
    _between_messages = True
    _messages_begun = 0
    _refused = False
    _owner: ConnectionOwner | None = None
    _ignored_bytes = 0
    _message_start = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._start_header_timeout()
        if len(self.connections) > self.max_connections:
            self._evict_one()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_idle()
        self._stop_unread_timer()
        self._open_reads.pop(self, None)
        owner, self._owner = self._owner, None
        super().connection_lost(exc)
        # The scope holds `detach_connection`, a bound method, and the cycle holds the scope: a reference cycle that
        # would keep this object alive until the garbage collector runs.
        self.scope = self.cycle = None  # type: ignore[assignment]
        if owner is not None:
            owner.connection_lost()

    def data_received(self, data: bytes) -> None:
        if self._owner is not None:
            self._count_ignored_input(len(data))
            return
        if self._refused:
            return  # The rest of a refused connection is read and ignored.
        in_head, between, body_before = self._in_head, self._between_messages, self._body_bytes
        self._messages_begun = 0
        if between:
            self._message_start = data[:32]
        super().data_received(data)
        if not (in_head or between or self._between_messages or self._messages_begun or self._refused):
            # All of `data` lies behind one message's head and before its end.
            self._framing_bytes += len(data) - (self._body_bytes - body_before)
            if self._framing_bytes > MAX_FRAMING + FRAMING_PER_BYTE * self._body_bytes:
                self.abort()
        if self._in_head and (in_head or (between and self._messages_begun == 1)):
            # All of `data` belongs to one head. The bytes are counted here and not in `on_header`, for the parser keeps
            # an incomplete line to itself, however long it grows.
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse_head()

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {DETACH_CONNECTION: self.detach_connection, IS_CLOSING: self.transport.is_closing}
        self.scope["extensions"] = extensions | {END_BY_CLOSING: self.end_by_closing}
        self._in_head, self._between_messages = True, False
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        self._messages_begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # Trailers arrive here, too: a Host or Cookie among them must not count as a header.
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        # A head that arrives in one piece is only checked here, not in `data_received`. 4 is for ": " and CRLF.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD:
            self._refuse_head()
        elif not self._target_matches_host():
            self._refuse("host", _DIFFERENT_HOSTS)
        elif len(self.pipeline) >= MAX_IN_A_ROW:
            self._stop_reading()
        if self._refused:
            return
        self._cancel_close_timer()  # The body has a timeout of its own, in access/request_body.py.
        if self.parser.get_method() in SAFE_METHODS:  # A command that is being answered is never evicted.
            self._open_reads.setdefault(self)
        super().on_headers_complete()

    def _target_matches_host(self) -> bool:
        """Return whether an absolute URL as the request's target names the same host as the Host header.

        The access policy checks the Host header only, but by RFC 9112 the URL overrides it.
        """
        _, separator, rest = self.url.partition(b"://")
        if self.url.startswith(b"/") or not separator:
            return True
        authority = re.split(rb"[/?#]", rest, maxsplit=1)[0]
        return all(value.lower() == authority.lower() for name, value in self.headers if name == b"host")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._between_messages = True
        if not self._refused:
            self._clear_idle()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        if was_last:
            self._open_reads.pop(self, None)
        super().on_response_complete()
        if self.transport.is_closing():  # uvicorn has closed it, but waits without limit for the client to read.
            self._close_gracefully()
        elif was_last:
            # A body that is still arriving gets the timeout of a head: the application no longer waits for it.
            self._start_header_timeout()

    def send_400_response(self, msg: str) -> None:
        # As problem+json, where uvicorn would send plain text. Called while it handles the parser's exception.
        if isinstance(sys.exc_info()[1], httptools.HttpParserInvalidMethodError) and _METHOD.match(self._message_start):
            self._refuse("unknown_method", _NO_METHOD)
        else:
            self._refuse("malformed", _NOT_HTTP)

    # Clients that do not read.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_unread_timer()
        if self._owner is not None:
            self._owner.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.transport.is_closing():
            return
        self._stop_unread_timer()
        if self._owner is not None:
            self._owner.resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self._close_gracefully()

    def _start_unread_timer(self) -> None:
        if self not in self._unread:
            self._unread[self] = time.monotonic()
            self._unread_timer = self.loop.call_later(UNREAD_SEC, self.abort)

    def _stop_unread_timer(self) -> None:
        self._unread.pop(self, None)
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _close_gracefully(self) -> None:
        """Close once the client has read what was written, or after `UNREAD_SEC`."""
        self._clear_idle()
        self.transport.close()
        self._start_unread_timer()

    def abort(self) -> None:
        """Close at once and discard what the client has not read yet."""
        self._refused = True
        self._clear_idle()
        self._stop_unread_timer()
        self._open_reads.pop(self, None)
        self.transport.abort()

    def _evict_one(self) -> None:
        # Dictionaries keep the order of insertion, so the first entry of each has waited for the longest time.
        oldest = [next(iter(since.items())) for since in (self._idle, self._unread) if since]
        # A response that has begun is spared: `/events`, for one, never completes.
        reader = next((one for one in self._open_reads if one.cycle and not one.cycle.response_started), self)
        evicted, _ = min((one for one in oldest if one[0] is not self), key=itemgetter(1), default=(reader, 0.0))
        evicted.abort()

    # Streams.

    def detach_connection(self, owner: ConnectionOwner) -> bool:
        """Give the connection to `owner` and forget the request; False where that is not possible any more.

        Relies on uvicorn: once a request's cycle counts as complete, nothing more is written to the connection.
        """
        cycle, transport = self.cycle, self.transport
        if cycle is None or cycle.response_started or self.pipeline or self._refused or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            return False  # `owner` may write to the socket directly, and would overtake an earlier response.
        cycle.response_started = cycle.response_complete = True
        self.flow.resume_reading()
        self._cancel_close_timer()
        self._open_reads.pop(self, None)
        self._owner = owner
        self.cycle = self.scope = self.headers = self.parser = None  # type: ignore[assignment]
        # With a limit of 0 asyncio calls `pause_writing` as soon as one byte has to wait. Over TLS some event loops
        # take 0 for a buffer that is always full.
        transport.set_write_buffer_limits(0 if self.scheme == "http" else 1, 0)
        connection, write = transport.get_extra_info("socket"), None
        if connection is not None:
            _limit_kernel_buffering(connection)
            if self.scheme == "http":  # Over TLS only the transport can write, for it encrypts.
                write = partial(os.write, connection.fileno())
        owner.connection_made(transport, write)
        return True

    def end_by_closing(self) -> bool:
        """Send the response under way without chunks and end it by closing the connection.

        Returns False where that is not possible any more. Relies on uvicorn: a cycle that expects a content length
        sends no chunks, and subtracts from that length what it has sent.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_started or self.pipeline or self._refused:
            return False
        cycle.chunked_encoding = False
        cycle.expected_content_length = _Unbounded()
        return True

    def _count_ignored_input(self, size: int) -> None:
        self._ignored_bytes += size
        if self._ignored_bytes > MAX_IGNORED_INPUT:
            self.abort()

    # Timeouts and refusals.

    def _start_header_timeout(self) -> None:
        self._clear_idle()
        self._idle[self] = time.monotonic()
        self._close_timer = self.loop.call_later(HEADER_TIMEOUT_SEC, self._close_gracefully)

    def _clear_idle(self) -> None:
        """Mark the connection as one that we do not wait for: a whole request has arrived, or it is being closed."""
        self._idle.pop(self, None)
        self._cancel_close_timer()

    def _cancel_close_timer(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None

    def _stop_reading(self) -> None:
        """Answer the requests that have arrived, ignore further input, and close then.

        A client may send the rest again, on another connection.
        """
        self._refused = True
        self.cycle.keep_alive = False

    def _refuse_head(self) -> None:
        """Refuse a head that is too large, and say which part of it is."""
        if len(self.url) > MAX_HEAD // 2:
            self._refuse("long_target", _LONG_TARGET)
        else:
            self._refuse("headers", _TOO_LARGE)

    def _refuse(self, code: str, detail: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._clear_idle()
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self._close_gracefully()  # A refusal would land in the middle of a response, or be taken for another's.
                return
            if not self.cycle.more_body:
                self._stop_reading()  # The request before the invalid one is complete and must still be answered.
                return
            # The refusal is this request's only response: the application must neither answer nor wait for the body.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(raw_problem(code, detail))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_timer = self.loop.call_later(LINGER_SEC, self._close_gracefully)


class _Unbounded(int):
    """A content length for uvicorn that nothing exceeds and nothing falls short of."""

    def __lt__(self, other: int) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    def __sub__(self, other: int) -> "_Unbounded":
        return self

    __hash__ = int.__hash__


def _limit_kernel_buffering(connection: socket.socket) -> None:
    """Limit how much the kernel buffers for a stream, and for how long it retransmits.

    A phone that leaves the network closes no connection; without TCP_USER_TIMEOUT its socket would stay for minutes.
    """
    with contextlib.suppress(OSError):  # The client has disconnected already.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if (timeout := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, timeout, int(UNREAD_SEC * 1000))


def make_protocol_class(limit: int) -> type[LimitedHttpProtocol]:
    """Return a protocol class for a server of at most `limit` connections."""

    # A class of its own for each server: uvicorn takes a class, and what is counted must not be shared by two servers.
    class ServerProtocol(LimitedHttpProtocol):
        max_connections = limit
        _idle: ClassVar[dict[LimitedHttpProtocol, float]] = {}
        _unread: ClassVar[dict[LimitedHttpProtocol, float]] = {}
        _open_reads: ClassVar[dict[LimitedHttpProtocol, None]] = {}

    return ServerProtocol
