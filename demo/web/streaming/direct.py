"""ASGI middleware between the access policy and the routes: it detaches view streams from the application.

A stream as a response would cost each listener a task, a queue and an encoding of its own (docs/decisions/0015). Under
another ASGI server than ours, which has no such extension, the application's own route serves the streams.
"""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.hub import HEADER, Hub, compress_standalone
from demo.web.asgi_extensions import DETACH_CONNECTION, DetachConnection
from demo.web.rendering.gzip import accepts_gzip
from demo.web.security_headers import SECURITY_HEADERS
from demo.web.streaming.connection_sink import ConnectionSink
from demo.web.streaming.stream_slots import StreamSlot
from demo.web.streaming.view_stream import RETRY

PREFIX = "/stream/"

WITHOUT_STREAM = {"picture", "trial"}
"""Query parameters of a page that gets no stream: such a request has a whole response, which the route gives."""

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    # A proxy that compresses a stream would hold messages back until its buffer is full.
    "cache-control": "no-store, no-transform",
    # nginx buffers responses unless it is told not to.
    "x-accel-buffering": "no",
    "vary": "accept-encoding",
    "connection": "close",
    **SECURITY_HEADERS,
}
_HEAD = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
"""Neither Content-Length nor chunks: the response ends when the connection is closed."""

Take = Callable[[Request, bool], StreamSlot | None]
"""Takes a stream slot for a request; the flag is true for the presenter's own views. None when no slot is free."""


class DirectStreams:
    """ASGI middleware. With `moves`, a listener may have read the same show's stream from another server before."""

    def __init__(self, app: ASGIApp, hub: Hub[Any], take: Take, *, moves: bool = False) -> None:
        self._app = app
        self._hub = hub
        self._take = take
        self._moves = moves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._detach_stream(scope):
            await self._app(scope, receive, send)

    def _detach_stream(self, scope: Scope) -> bool:
        detach: DetachConnection | None = scope.get("extensions", {}).get(DETACH_CONNECTION)
        view = scope["path"].removeprefix(PREFIX)
        is_stream = scope["method"] == "GET" and scope["path"].startswith(PREFIX) and view in self._hub.counts()
        if detach is None or not is_stream:
            return False
        request = Request(scope)
        if request.query_params.keys() & WITHOUT_STREAM:
            return False
        slot = self._take(request, view != "stage")
        if slot is None:
            # The route answers then, with what a page without a slot gets instead.
            return False
        sink = ConnectionSink(self._hub, slot)
        if not detach(sink):
            slot.leave()
            return False
        # One server never goes back to an older state, so there the last event id does not matter.
        seen = request.headers.get("last-event-id", "") if self._moves else ""
        wants_gzip = _wants_gzip(view, request)
        sink.begin(_build_head(wants_gzip), view, seen, wants_gzip=wants_gzip)
        return True


def _wants_gzip(view: str, request: Request) -> bool:
    """Return whether the client asks for the compressed stream.

    Accept-Encoding alone is not enough: the compressed stream repeats old messages, which our own page knows to skip.
    All other clients get each message once and in order.
    """
    asked = view == "stage" and request.query_params.get("packed") == "1"
    return asked and accepts_gzip(request)


def _build_head(wants_gzip: bool) -> bytes:
    encoding = "content-encoding: gzip\r\n" if wants_gzip else ""
    head = f"{_HEAD}{encoding}date: {formatdate(usegmt=True)}\r\n\r\n".encode()
    return head + (HEADER + compress_standalone(RETRY) if wants_gzip else RETRY)
