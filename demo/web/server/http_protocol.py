"""The connection below the application: heads are bounded in size and in time, and new guests never find it full.

uvicorn's own protocol has no limit on a head and no timeout before the first request. What is overridden here
is not all public, so its version is pinned, and tests/web/server/test_http_protocol.py holds what we lean on.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import time
from functools import partial
from operator import itemgetter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from demo.web.asgi_extensions import EXTENSION, GONE, UNTIL_CLOSED, ConnectionOwner
from demo.web.problems import MEDIA_TYPE, STATUS, TITLES

MAX_HEAD = 16 * 1024
HEAD_SEC = 10.0
"""A head must be complete this long after the connection was made, or after the answer before it."""

KEEP_ALIVE_SEC = 5
MAX_IN_A_ROW = 16
"""Requests that may wait for an answer before theirs: each is kept, and a stream's answer has no end."""

LINGER_SEC = 1.0
"""How long a refused connection is read on, so that the refusal arrives before the reset."""

UNREAD_SEC = 20.0
"""How long what was answered may lie unread; a stream, too, that takes nothing for so long is cut."""

MAX_FRAMING = 16 * 1024
FRAMING_PER_BYTE = 8
"""What may arrive behind a head besides the body itself: trailers, and up to so much around each of its bytes."""

SEND_BUFFER = 64 * 1024
"""Asked of the kernel for a stream: enough for some pictures, too little to keep a slow reader in the past."""

MAX_CHATTER = 4096
"""What a listener may still send, once its stream has begun."""

READS = (b"GET", b"HEAD")

_TOO_LARGE = f"the head of a request may have up to {MAX_HEAD} bytes"
_TWO_NAMES = "the address that is asked for and the Host header must name the same server"
_PLAIN = "this is not HTTP as this server speaks it"


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. `most` bounds all of them: beyond it goes the one that is waited for the longest.

    Waited for is a request that has not come, and a reader that does not take what it asked for. Where nobody is,
    a reader goes whose turn has not come yet: who steers the show must find a place.
    """

    most: ClassVar[int] = 10_000
    _idle: ClassVar[dict["LimitedHttpProtocol", float]] = {}
    _unread: ClassVar[dict["LimitedHttpProtocol", float]] = {}
    _in_turn: ClassVar[dict["LimitedHttpProtocol", None]] = {}

    _deadline: asyncio.TimerHandle | None = None
    _unread_end: asyncio.TimerHandle | None = None
    _body_bytes = 0
    _framing_bytes = 0
    _head_bytes = 0
    _in_head = False
    _between = True
    _begun = 0
    _refused = False
    _outlet: ConnectionOwner | None = None
    _chatter = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._start_header_timeout()
        if len(self.connections) > self.most:
            self._cut_longest_waited_for()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_idle()
        self._was_read()
        self._in_turn.pop(self, None)
        outlet, self._outlet = self._outlet, None
        super().connection_lost(exc)
        # Both know `detach_connection`, and so this: none would be let go of before the collector comes.
        self.scope = self.cycle = None  # type: ignore[assignment]
        if outlet is not None:
            outlet.connection_lost()

    def data_received(self, data: bytes) -> None:
        if self._outlet is not None:
            self._count_ignored_input(len(data))
            return
        if self._refused:
            return
        in_head, between, body, self._begun = self._in_head, self._between, self._body_bytes, 0
        super().data_received(data)
        if not (in_head or between or self._between or self._begun or self._refused):
            # All of it belongs to one message, behind its head.
            self._framing_bytes += len(data) - (self._body_bytes - body)
            if self._framing_bytes > MAX_FRAMING + FRAMING_PER_BYTE * self._body_bytes:
                self.abort()
        if self._in_head and (in_head or (between and self._begun == 1)):
            # All of it is one head. What the parser keeps to itself until a line is complete counts as well.
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse("headers", _TOO_LARGE)

    # What the parser finds.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        found: dict[str, Any] = {EXTENSION: self.detach_connection, GONE: self.transport.is_closing}
        self.scope["extensions"] = found | {UNTIL_CLOSED: self.answer_until_closed}
        self._in_head, self._between = True, False
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # Trailers are not asked for, and prove nothing.
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD:
            self._refuse("headers", _TOO_LARGE)
        elif not self._is_for_its_host():
            self._refuse("host", _TWO_NAMES)
        elif len(self.pipeline) >= MAX_IN_A_ROW:
            self._stop_reading()
        if self._refused:
            return
        self._end_deadline()
        if self.parser.get_method() in READS:
            self._in_turn.setdefault(self)
        super().on_headers_complete()

    def _is_for_its_host(self) -> bool:
        """A whole URL as the target, as a proxy gets it, counts more than the Host header that is looked at later."""
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
        self._between = True
        if not self._refused:
            self._clear_idle()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        last = not self.pipeline
        if last:
            self._in_turn.pop(self, None)
        super().on_response_complete()
        if self.transport.is_closing():
            self._close_gracefully()
        elif last:
            # A body that still arrives has the time of a head: nobody reads it any more.
            self._start_header_timeout()

    def send_400_response(self, msg: str) -> None:
        self._refuse("invalid", _PLAIN)

    # Readers that take nothing.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()
        if self._outlet is not None:
            self._outlet.pause_writing()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.transport.is_closing():
            return
        self._was_read()
        if self._outlet is not None:
            self._outlet.resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self._close_gracefully()

    def _wait_for_reader(self) -> None:
        if self not in self._unread:
            self._unread[self] = time.monotonic()
            self._unread_end = self.loop.call_later(UNREAD_SEC, self.abort)

    def _was_read(self) -> None:
        self._unread.pop(self, None)
        if self._unread_end is not None:
            self._unread_end.cancel()
            self._unread_end = None

    def _close_gracefully(self) -> None:
        """Close, once what was written is read: for that there is a limit, too."""
        self._clear_idle()
        self.transport.close()
        self._wait_for_reader()

    def abort(self) -> None:
        """Close at once, whatever waits to be read."""
        self._refused = True
        self._clear_idle()
        self._was_read()
        self._in_turn.pop(self, None)
        self.transport.abort()

    def _cut_longest_waited_for(self) -> None:
        waited_for = [next(iter(some.items())) for some in (self._idle, self._unread) if some]
        # One that is being answered, as `/events` is without end, has had its turn.
        reader = next((one for one in self._in_turn if one.cycle and not one.cycle.response_started), self)
        longest, _ = min((one for one in waited_for if one[0] is not self), key=itemgetter(1), default=(reader, 0.0))
        longest.abort()

    # Streams.

    def detach_connection(self, outlet: ConnectionOwner) -> bool:
        """From now on the connection is the outlet's; of the request, and of what answers it, nothing stays.

        Leans on uvicorn: a cycle that counts as complete is let go of without another word to the connection.
        """
        cycle, transport = self.cycle, self.transport
        if cycle is None or cycle.response_started or self.pipeline or self._refused or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            return False  # An earlier answer is not read yet.
        cycle.response_started = cycle.response_complete = True
        self.flow.resume_reading()
        self._end_deadline()
        self._in_turn.pop(self, None)
        self._outlet = outlet
        self.cycle = self.scope = self.headers = self.parser = None  # type: ignore[assignment]
        # Whatever does not go out at once is told to `pause_writing`; over TLS some loops hold 0 for always full.
        transport.set_write_buffer_limits(0 if self.scheme == "http" else 1, 0)
        connection, write = transport.get_extra_info("socket"), None
        if connection is not None:
            _bound(connection)
            if self.scheme == "http":
                write = partial(os.write, connection.fileno())
        outlet.connection_made(transport, write)
        return True

    def answer_until_closed(self) -> bool:
        """The answer under way ends with its connection, and has no chunks.

        Leans on uvicorn: a cycle whose length is settled adds no chunks, and counts down to 0 what is to come.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_started or self.pipeline or self._refused:
            return False
        cycle.chunked_encoding = False
        cycle.expected_content_length = _Unbounded()
        return True

    def _count_ignored_input(self, size: int) -> None:
        self._chatter += size
        if self._chatter > MAX_CHATTER:
            self.abort()

    # Waiting, and refusing.

    def _start_header_timeout(self) -> None:
        self._clear_idle()
        self._idle[self] = time.monotonic()
        self._deadline = self.loop.call_later(HEAD_SEC, self._close_gracefully)

    def _clear_idle(self) -> None:
        """A whole request is here: nobody waits for this guest any more."""
        self._idle.pop(self, None)
        self._end_deadline()

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_reading(self) -> None:
        """Answer what waits already, and close: a client may send the rest again, on another connection."""
        self._refused = True
        self.cycle.keep_alive = False

    def _refuse(self, code: str, detail: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._clear_idle()
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self._close_gracefully()  # In the middle of an answer there is no place for another.
                return
            if not self.cycle.more_body:
                self._stop_reading()  # What came before the mistake was whole, and may have been done.
                return
            # Nobody may answer this one any more, nor wait for its body.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_response(code, detail))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(LINGER_SEC, self._close_gracefully)


class _Unbounded(int):
    """A length that nothing exceeds, and nothing falls short of."""

    def __lt__(self, other: int) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    def __sub__(self, other: int) -> "_Unbounded":
        return self

    __hash__ = int.__hash__


def _bound(connection: socket.socket) -> None:
    """What the kernel keeps for a stream, and for how long: a phone that left the network says no goodbye."""
    with contextlib.suppress(OSError):  # It is gone already.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if (timeout := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, timeout, int(UNREAD_SEC * 1000))


def bounded(connections: int) -> type[LimitedHttpProtocol]:
    """The protocol for a server of at most so many connections."""

    class Bounded(LimitedHttpProtocol):
        most = connections
        _idle: ClassVar[dict[LimitedHttpProtocol, float]] = {}
        _unread: ClassVar[dict[LimitedHttpProtocol, float]] = {}
        _in_turn: ClassVar[dict[LimitedHttpProtocol, None]] = {}

    return Bounded


def _response(code: str, detail: str) -> bytes:
    status = STATUS[code]
    problem: dict[str, Any] = {"type": "about:blank", "title": TITLES[code], "status": status, "code": code}
    body = json.dumps(problem | {"detail": detail}).encode("ascii")
    head = (
        f"HTTP/1.1 {status} {TITLES[code]}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        f"cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
