"""The outermost ASGI wrapper: nobody reaches the application past it, and every answer carries its headers."""

import contextlib
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.web.access.fair_queue import FairQueue
from demo.web.access.policy import READING, VISITOR, AccessPolicy, Denied, Visitor, client_address
from demo.web.access.request_body import MAX_BODY, MAX_CODE, read_body, replay
from demo.web.access.rules import Rule
from demo.web.asgi_extensions import GONE
from demo.web.problems import problem
from demo.web.security_headers import SECURITY_HEADERS


class AccessMiddleware:
    """Judges each request by the rules of access, bounds its body, and notes in the scope who sent it.

    `on_error` is told of an exception that came out of the application, which has answered it by then.
    """

    def __init__(self, app: ASGIApp, access: AccessPolicy, on_error: Callable[[str, Exception], None]) -> None:
        self._app = app
        self._access = access
        self._on_error = on_error
        self._queue = FairQueue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._guard(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - told to the presenter, not to the server's stderr
            self._on_error(f"{scope.get('method', '')} {scope.get('path', '')[:80]}", error)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # No route speaks anything else, so nothing else gets in.
        guarded = _with_headers(send)
        asked = scope["path"]
        scope["path"] = self._access.reach.within(asked)
        if not scope["path"]:  # Of a page without the last slash every relative address would lead beside it.
            to = f"{asked.rpartition('/')[2]}/"
            await Response(status_code=308, headers={"location": to})(scope, receive, guarded)
            return
        found, rule = self._access.judge(scope), self._access.rules.of(scope["method"], scope["path"])
        if not _goes_first(found, rule):
            await self._queue.wait(client_address(scope))
            if _is_gone(scope):
                await Response(status_code=503)(scope, receive, send)  # Heard by nobody: drawing it would be wasted.
                return
        if not await self._let_in(found, scope, receive, guarded):
            return
        if scope["method"] in READING:
            await self._app(scope, receive, guarded)
            return
        most = MAX_CODE if rule is Rule.PAIRING else MAX_BODY
        body = await read_body(scope, receive, most)
        if isinstance(body, str):
            response = problem(body, f"a body may have up to {most} bytes here and must arrive within 10 s")
            response.headers["connection"] = "close"
            await response(scope, receive, guarded)
            return
        with self._queue.command() if rule is Rule.CONTROL else contextlib.nullcontext():
            again = self._access.judge(scope)  # A device may have been shown out meanwhile.
            if await self._let_in(again, scope, replay(body, receive), guarded):
                await self._app(scope, replay(body, receive), guarded)

    async def _let_in(self, found: Visitor | Denied, scope: Scope, receive: Receive, send: Send) -> bool:
        """Note who sent the request, or answer why it may not pass."""
        if isinstance(found, Denied):
            await _answer(found)(scope, receive, send)
            return False
        scope[VISITOR] = found
        return True


def _goes_first(found: Visitor | Denied, rule: Rule | None) -> bool:
    """Only what may steer, and who has proven to be the presenter, waits for nobody."""
    return isinstance(found, Visitor) and (rule is Rule.CONTROL or found.by in ("session", "token"))


def _is_gone(scope: Scope) -> bool:
    """Has whoever sent this left meanwhile? Known where the server below says so."""
    gone: Callable[[], bool] | None = scope.get("extensions", {}).get(GONE)
    return gone is not None and gone()


def _answer(denied: Denied) -> Response:
    if denied.to:
        return Response(status_code=303, headers={"location": denied.to})
    return problem(denied.code, denied.detail, denied.headers)


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
