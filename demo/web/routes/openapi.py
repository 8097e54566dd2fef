"""Parts of the OpenAPI description that FastAPI cannot derive from the routes' signatures: bodies, refusals, pages."""

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
    """Describe refusals by their status, each as a problem with this text."""
    return {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}} for status, text in texts.items()
    }


EVERYWHERE: Described = refusals(
    {
        status: " · ".join(TITLES[code] for code in STATUS if STATUS[code] == status)
        for status in (401, 403, 404, 405, 408, 413, 421, 422, 429, 431, 500, 503)
    }
)
"""The refusals that any route may respond with."""

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
    """Describe a body with these fields, sent as a form or as JSON. `more`: further keys of its schema."""
    schema = {"type": "object", "properties": dict(fields), "required": list(required)} | more
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}}


def query(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Describe an optional field of the query."""
    return {"name": name, "in": "query", "required": False, "schema": dict(schema), "description": text}


def in_path(name: str, schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe a parameter of the path, for a route that reads it from the request.

    It is not in the route's signature, for FastAPI would import pydantic's version 1 to inspect it there.
    """
    return {"parameters": [{"name": name, "in": "path", "required": True, "schema": schema or {"type": "string"}}]}


def add_page(
    app: FastAPI | APIRouter,
    path: str,
    page: Callable[..., Awaitable[Response]],
    text: str,
    more: Described | None = None,
) -> None:
    """Add a page's GET route, and a HEAD route that is not described.

    They are two routes, for FastAPI would give both methods of one route the same operation id.
    """
    app.add_api_route(
        path, page, methods=["GET"], tags=["pages"], response_class=HTMLResponse, description=text, responses=more
    )
    app.add_api_route(path, page, methods=["HEAD"], include_in_schema=False)
