"""What the OpenAPI description says beyond the routes' own signatures: pages, bodies and refusals."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response

from demo.web.problems import MEDIA_TYPE, STATUS, TITLES

Described = dict[int | str, dict[str, Any]]
Page = Callable[..., Awaitable[Response]]

_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": sorted(STATUS)},
        "detail": {"type": "string", "minLength": 1},
        "seq": {"type": "integer", "description": "of the state that refused"},
    },
}


def refusals(texts: Mapping[int, str]) -> Described:
    """Refusals by their status."""
    return {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}} for status, text in texts.items()
    }


EVERYWHERE: Described = refusals(
    {
        status: " · ".join(TITLES[code] for code in STATUS if STATUS[code] == status)
        for status in (401, 403, 404, 405, 408, 413, 421, 422, 429, 431, 500, 503)
    }
)
"""What any route may be refused with."""

STREAM: Described = {200: {"description": "server-sent events, without an end", "content": {"text/event-stream": {}}}}
METRICS: Described = {
    200: {
        "description": "as text, or as OpenMetrics for who accepts that",
        "content": {"text/plain": {}, "application/openmetrics-text": {}},
    }
}
JSON: Described = {200: {"description": "as JSON", "content": {"application/json": {}}}}
FOR_HTMX: Described = {204: {"description": "for htmx (`HX-Request: true`): the page changes through its stream"}}
TO_PAIRING: Described = {303: {"description": "a browser without a session: to the pairing"}}


def body(fields: Mapping[str, Any], required: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A body that comes as a form or as JSON, with these fields. `more`: of its schema."""
    schema = {"type": "object", "properties": dict(fields), "required": list(required)} | more
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}}


def query(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A field that may stand in the query."""
    return {"name": name, "in": "query", "required": False, "schema": dict(schema), "description": text}


def in_path(name: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A part of the path, for a route that reads it from the request.

    Described here and not in the signature: FastAPI would import pydantic's old version to look at it.
    """
    return {"parameters": [{"name": name, "in": "path", "required": True, "schema": schema or {"type": "string"}}]}


def add_page(
    app: FastAPI | APIRouter,
    path: str,
    page: Callable[..., Awaitable[Response]],
    text: str,
    more: Described | None = None,
) -> None:
    """A page, described once: one route of two methods would have one operation id twice."""
    app.add_api_route(
        path, page, methods=["GET"], tags=["pages"], response_class=HTMLResponse, description=text, responses=more
    )
    app.add_api_route(path, page, methods=["HEAD"], include_in_schema=False)
