"""Who may do what, before anything else runs: an outermost ASGI wrapper. Loopback only for now."""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.web.problems import problem

BODY_MOST = 64 * 1024
BODY_PATIENCE_SEC = 10.0

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

PROXY_HEADERS = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "via",
)

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Host with port always; on everything but GET and HEAD: no proxy, own Origin, same site, a bounded body.

    `on_error` is told of an exception that came out of the application, which has answered it by then.
    """

    def __init__(self, app: ASGIApp, on_error: Callable[[str, Exception], None]) -> None:
        self._app = app
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._guard(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - told to the presenter, not to the server's stderr
            self._on_error(f"{scope.get('method', '')} {scope.get('path', '')[:80]}", error)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _with_headers(send)
        refused = refusal(scope)
        if refused is not None:
            await problem(*refused)(scope, receive, guarded)
            return
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, guarded)
            return
        body = await _read_body(scope, receive)
        if isinstance(body, str):
            response = problem(body, f"a body may have up to {BODY_MOST} bytes and must arrive within 10 s")
            response.headers["connection"] = "close"
            await response(scope, receive, guarded)
            return
        await self._app(scope, _replay(body, receive), guarded)


def refusal(scope: Scope) -> tuple[str, str] | None:
    """Why this request may not pass (a code and a sentence), or None."""
    headers = Headers(scope=scope)
    hosts = set(allowed_hosts(scope))
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or host.lower() not in hosts:
        return "host", f"this server is not {host[:100]!r}: it answers to {', '.join(sorted(hosts))}"
    site = headers.get("sec-fetch-site", "none")
    cross = site not in ("same-origin", "none")
    if scope["method"] in ("GET", "HEAD"):
        is_stream = scope["path"] == "/events" or scope["path"].startswith("/stream/")
        return ("origin", f"a page of another site ({site}) may not open a stream") if cross and is_stream else None
    shown = [name for name in PROXY_HEADERS if name in headers]
    if shown or scope.get("http_version") == "1.0":
        return "proxied", f"the request came through a proxy ({', '.join(shown) or 'HTTP/1.0'})"
    origins = {f"{scope.get('scheme', 'http')}://{name}" for name in hosts}
    if any(origin not in origins for origin in headers.getlist("origin")):
        return "origin", f"the request comes from {headers.get('origin', '')[:100]!r}, not from a page of this server"
    if cross:
        return "origin", f"the browser says that another site sent this ({site[:40]!r})"
    return None


def allowed_hosts(scope: Scope) -> Iterable[str]:
    """The Host headers this connection may carry: loopback names and its own local address, with the port."""
    server = scope.get("server")
    if not server or server[1] is None:
        return
    address, port = server
    for name in (*LOOPBACK_NAMES, f"[{address}]" if ":" in address else address):
        yield f"{name}:{port}"
        if port == (443 if scope.get("scheme") == "https" else 80):
            yield name


def is_loopback(host: str) -> bool:
    """Does binding to `host` keep everyone else out?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def _read_body(scope: Scope, receive: Receive) -> bytes | str:
    """The whole body, or the code of a refusal."""
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_MOST:
        return "too_large"
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE_SEC):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return "timeout"
                body += message.get("body", b"")
                if len(body) > BODY_MOST:
                    return "too_large"
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return "timeout"


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
