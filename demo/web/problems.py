"""Error responses: RFC 9457 problem details from one table of codes, for the framework's own errors too."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from demo.errors import InvalidValue
from demo.web.responses import AsciiJsonResponse

MEDIA_TYPE = "application/problem+json"

FULL_RETRY_SEC = 5

STATUS: Mapping[str, int] = {
    "malformed": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "stale": 409,
    "blocked": 409,
    "running": 409,
    "required": 409,
    "at_end": 409,
    "at_start": 409,
    "closed": 409,
    "active": 409,
    "healing": 409,
    "replay": 409,
    "too_large": 413,
    "host": 421,
    "invalid": 422,
    "long_target": 414,
    "halted": 423,
    "timeout": 408,
    "origin": 403,
    "proxied": 403,
    "bad_code": 403,
    "unpaired": 401,
    "slow_down": 429,
    "headers": 431,
    "broken": 500,
    "unknown_method": 501,
    "no_ledger": 503,
    "closing": 503,
    "full": 503,
    "no_show": 503,
}
"""The HTTP status of every code a refusal can have."""

# The sentence that goes with a title is where the refusal is decided: of access, in demo/web/access/policy.py.
TITLES: Mapping[str, str] = {
    "malformed": "This is not a valid HTTP request",
    "not_found": "Not found",
    "method_not_allowed": "This method is not allowed here",
    "stale": "The show has moved on",
    "blocked": "The chapter is still running",
    "running": "The action is still running",
    "required": "What the chapter requires is not met",
    "at_end": "This is the last chapter",
    "at_start": "This is the first chapter",
    "closed": "The vote is closed",
    "active": "The fault is already in place",
    "healing": "Everything is being healed",
    "replay": "A replay cannot do this",
    "too_large": "The body is too large",
    "host": "Unknown host name",
    "invalid": "The request is not valid",
    "long_target": "The address is too long",
    "halted": "The show is halted",
    "timeout": "The request took too long to arrive",
    "origin": "Control from another site is refused",
    "proxied": "Control through a proxy is refused",
    "bad_code": "This code is not valid",
    "unpaired": "This is for the presenter",
    "slow_down": "Too many attempts",
    "headers": "The headers of the request are too large",
    "unknown_method": "There is no such method",
    "broken": "Error in the server",
    "no_ledger": "The undo cannot be saved",
    "closing": "The show is over",
    "full": "Too many streams are open",
    "no_show": "The show has not begun",
}


def problem_body(code: str, detail: str) -> dict[str, Any]:
    """Return the members of a problem, for a response that is written without the framework."""
    return {"type": type_of(code), "title": TITLES[code], "status": STATUS[code], "code": code, "detail": detail}


def problem(code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> AsciiJsonResponse:
    """Build a problem+json response; `code` is for programs, `detail` for people, `more` adds members to the body."""
    status = STATUS[code]
    body = problem_body(code, detail) | more
    return AsciiJsonResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def type_of(code: str) -> str:
    """Return the URI of this kind of problem; docs/http.md explains each."""
    return f"urn:chaos-stage:problem:{code}"


def code_of(status: int) -> str:
    """Return the code for an HTTP status that the framework raised without one."""
    by_status = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 422: "invalid", 400: "invalid"}
    return by_status.get(status, "broken" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid")


def refuse_full() -> Response:
    """Refuse a stream: no slot is free."""
    headers = {"retry-after": str(FULL_RETRY_SEC)}
    return problem("full", f"all stream slots are in use: try again in {FULL_RETRY_SEC} s", headers)


def add_errors(app: FastAPI) -> None:
    """Install handlers that turn every error of `app` into a problem+json response."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        code = code_of(error.status_code)
        requested = f"{request.method} {request.url.path[:120]}"
        detail = f"{requested}: {error.detail}" if error.detail else requested
        return problem(code, detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {}
        return problem("invalid", str(first.get("msg", "the request is not valid"))[:200])

    @app.exception_handler(InvalidValue)
    async def invalid(request: Request, error: InvalidValue) -> Response:
        return problem("invalid", str(error))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return problem("broken", "this is a bug in the dashboard; the show continues")
