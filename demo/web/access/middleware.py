"""The outermost ASGI middleware: every request passes the access policy here, and every response gets its headers."""

import contextlib
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.texts import translate, use_language
from demo.web.access.fair_queue import FairQueue
from demo.web.access.policy import READING, RULE, VISITOR, AccessPolicy, Denied, Visitor, client_address
from demo.web.access.request_body import MAX_ASK, MAX_BODY, MAX_CODE, MAX_VOTE, read_body, replay
from demo.web.access.rules import Rule
from demo.web.asgi_extensions import IS_CLOSING
from demo.web.problems import problem
from demo.web.security_headers import SECURITY_HEADERS

_NOT_FOUND = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="dark light">'
    '<h1>{heading}</h1><p><a href="{stage}">{link}</a></p></html>'
)


_MAX_BODIES: Mapping[Rule | None, int] = {Rule.PAIRING: MAX_CODE, Rule.PARTICIPATE: MAX_VOTE}
"""The limits of bodies that anybody may send, in bytes."""

_MAX_BODIES_BY_PATH: Mapping[str, int] = {"/ask": MAX_ASK}
"""Those of paths that need more than their rule allows."""


class AccessMiddleware:
    """Checks each request by the access policy, limits its body, and records in the scope who sent it.

    `on_error` gets the request's method and path and any exception that the application let through; the application
    has sent its error response by then. `language` returns that of the deck, "" for English.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: AccessPolicy,
        on_error: Callable[[str, Exception], None],
        language: Callable[[], str] = str,
    ) -> None:
        self._app = app
        self._language = language
        self._access = access
        self._on_error = on_error
        self._queue = FairQueue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._handle(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - reported to the presenter, not on the server's stderr
            self._on_error(f"{scope.get('method', '')} {scope.get('path', '')[:80]}", error)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # No route speaks WebSocket, so nothing of it gets in.
        send_with_headers = _add_headers(send)
        requested_path = scope["path"]
        scope["path"] = self._access.addresses.strip_public_path(requested_path)
        if (location := self._find_canonical_path(requested_path, scope)) is not None:
            await Response(status_code=308, headers={"location": location})(scope, receive, send_with_headers)
            return
        decision = self._access.authorize(scope)
        rule: Rule | None = scope.get(RULE)
        if not _skips_queue(decision, rule):
            await self._queue.wait(client_address(scope))
            if _has_disconnected(scope):
                await Response(status_code=503)(scope, receive, send)  # Nobody receives it: rendering would be wasted.
                return
        if not await self._admit(decision, scope, receive, send_with_headers):
            return
        if scope["method"] in READING:
            await self._app(scope, receive, send_with_headers)
            return
        max_bytes = _MAX_BODIES_BY_PATH.get(scope["path"], _MAX_BODIES.get(rule, MAX_BODY))
        body = await read_body(scope, receive, max_bytes)
        if isinstance(body, str):
            response = problem(body, f"a body may have up to {max_bytes} bytes here and must arrive within 10 s")
            response.headers["connection"] = "close"  # The rest of the body is not read.
            await response(scope, receive, send_with_headers)
            return
        # Other requests give way only now that the body is here: a slow sender must not hold them up.
        with self._queue.command() if rule is Rule.CONTROL else contextlib.nullcontext():
            if isinstance(decision, Visitor) and not self._access.is_current(decision):
                decision = self._access.authorize(scope)  # Its session was revoked while the body arrived.
            if await self._admit(decision, scope, replay(body, receive), send_with_headers):
                await self._app(scope, replay(body, receive), send_with_headers)

    def _find_canonical_path(self, requested: str, scope: Scope) -> str | None:
        """Return the right path of the page asked for, relative to the requested one; None where that is right.

        Relative URLs break on `/presenter/` and on a public path without its trailing slash: redirect those.
        """
        path = scope["path"]
        if not path:
            return f"{requested.rpartition('/')[2]}/"
        if scope["method"] not in READING or not path.strip("/") or not path.endswith("/"):
            return None
        name = path.strip("/")
        return f"../{name}" if "/" not in name and self._access.rules.of("GET", f"/{name}") is not None else None

    async def _admit(self, decision: Visitor | Denied, scope: Scope, receive: Receive, send: Send) -> bool:
        """Record in the scope who sent the request, or send the refusal and return False."""
        if isinstance(decision, Denied):
            await _build_refusal(decision, scope, self._language())(scope, receive, send)
            return False
        scope[VISITOR] = decision
        return True


def _skips_queue(decision: Visitor | Denied, rule: Rule | None) -> bool:
    """Return whether a request begins at once: a permitted command, or one with a session or token."""
    return isinstance(decision, Visitor) and (rule is Rule.CONTROL or decision.by in ("session", "token"))


def _has_disconnected(scope: Scope) -> bool:
    """Return whether the client has disconnected; False where the server does not offer to tell."""
    is_closing: Callable[[], bool] | None = scope.get("extensions", {}).get(IS_CLOSING)
    return is_closing is not None and is_closing()


def _build_refusal(denied: Denied, scope: Scope, language: str) -> Response:
    if denied.to:
        return Response(status_code=303, headers={"location": denied.to})
    if denied.code == "not_found" and "text/html" in Headers(scope=scope).get("accept", ""):
        # A person typed a wrong address: a link helps more than a problem in JSON. The path itself is not repeated.
        return HTMLResponse(_describe_not_found("../" * (scope["path"].count("/") - 1) or "./", language), 404)
    return problem(denied.code, denied.detail, denied.headers)


def _describe_not_found(stage: str, language: str) -> str:
    with use_language(language) as catalogue:
        return _NOT_FOUND.format(
            language=catalogue.language,
            title=translate("Not found"),
            heading=translate("There is no such page here"),
            stage=stage,
            link=translate("The stage"),
        )


def _add_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return send_with_headers
