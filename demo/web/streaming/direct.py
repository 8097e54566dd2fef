"""View streams leave the application here, between the guard and the routes, where the server below hands them over.

Where it does not (any server but ours, with nothing but ASGI's `send`), the application's own route serves them.
"""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.hub import HEADER, Hub, compress_standalone
from demo.web.asgi_extensions import EXTENSION, HandOver
from demo.web.rendering.gzip import accepts_gzip
from demo.web.security_headers import SECURITY_HEADERS
from demo.web.streaming.connection_sink import ConnectionSink
from demo.web.streaming.stream_slots import StreamSlot
from demo.web.streaming.view_stream import RETRY

PREFIX = "/stream/"

WITHOUT_STREAM = {"picture", "trial"}
"""Queries of a page that cannot have a stream: they are answered, and the connection goes on."""

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "vary": "accept-encoding",
    "connection": "close",
    **SECURITY_HEADERS,
}
_HEAD = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
"""Without a length: such a stream ends with its connection."""

Take = Callable[[Request, bool], StreamSlot | None]
"""A place for a stream of whoever sent this, and whether it is one of the presenter's own; None when all are taken."""


class DirectStreams:
    """ASGI around the application. `moves`: a listener may come from another server of the same show."""

    def __init__(self, app: ASGIApp, hub: Hub[Any], take: Take, *, moves: bool = False) -> None:
        self._app = app
        self._hub = hub
        self._take = take
        self._moves = moves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._seated(scope):
            await self._app(scope, receive, send)

    def _seated(self, scope: Scope) -> bool:
        hand_over: HandOver | None = scope.get("extensions", {}).get(EXTENSION)
        view = scope["path"].removeprefix(PREFIX)
        is_stream = scope["method"] == "GET" and scope["path"].startswith(PREFIX) and view in self._hub.counts()
        if hand_over is None or not is_stream:
            return False
        request = Request(scope)
        if request.query_params.keys() & WITHOUT_STREAM:
            return False
        line = self._take(request, view != "stage")
        if line is None:
            return False
        seat = ConnectionSink(self._hub, line)
        if not hand_over(seat):
            line.leave()
            return False
        seen = request.headers.get("last-event-id", "") if self._moves else ""
        seat.begin(_head(packed=_packed(view, request)), view, seen, packed=_packed(view, request))
        return True


def _packed(view: str, request: Request) -> bool:
    """Our own page asks for it; a program's messages come one by one and in order, as they always did."""
    asked = view == "stage" and request.query_params.get("packed") == "1"
    return asked and accepts_gzip(request)


def _head(packed: bool) -> bytes:
    encoding = "content-encoding: gzip\r\n" if packed else ""
    head = f"{_HEAD}{encoding}date: {formatdate(usegmt=True)}\r\n\r\n".encode()
    return head + (HEADER + compress_standalone(RETRY) if packed else RETRY)
