"""What `/openapi.json` says beyond the routes' own signatures: fields, refusals, security, each schema once."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from demo.web.problems import MEDIA_TYPE, STATUS, TITLES, type_of
from demo.web.routes.fields import CommandFields, SayFields, names_of

Described = dict[int | str, dict[str, Any]]
Page = Callable[..., Awaitable[Response]]
Schema = dict[str, Any]

PROBLEM: Schema = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457). `code` is for programs, `detail` for people. Nothing was changed.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [type_of("stale")]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(STATUS)},
        "detail": {"type": "string", "minLength": 1},
        "seq": {"type": "integer", "description": "of the state that refused"},
    },
}
INFO: Schema = {
    "description": "A show that demonstrates, live, how a distributed system breaks and recovers. See docs/http.md.",
    "license": {"name": "MIT License", "identifier": "MIT"},
}
TAGS = {
    "control": "change the show",
    "audience": "what anybody may do",
    "machine": "for programs",
    "pages": "for people",
    "access": "pair devices, and end their sessions",
}
SECURITY_SCHEMES: Schema = {
    "token": {"type": "http", "scheme": "bearer", "description": "For programs: the token file's content."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "demo_session",
        "description": "A paired browser's. The name ends in the server's port where one host has several.",
    },
}
LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `id` of the last event that was read: the stream continues after it.",
}
FIELDS = "x-fields"
"""In a route's description, until somebody asks for it: the name of the model of its fields."""


def refusals(texts: Mapping[int, str]) -> Described:
    """Return refusals by their status."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}} for status, text in texts.items()
    }


EVERYWHERE: Described = refusals(
    {
        status: " · ".join(TITLES[code] for code in STATUS if STATUS[code] == status)
        for status in (401, 403, 404, 405, 408, 413, 421, 422, 429, 431, 500, 503)
    }
)
"""The refusals that any route may respond with."""

STREAM: Described = {
    200: {
        "description": "server-sent events, without an end",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
METRICS: Described = {
    200: {
        "description": "as text, or as OpenMetrics for clients that accept it",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")},
    }
}
FOR_HTMX: Described = {204: {"description": "for htmx (`HX-Request: true`): the page changes through its stream"}}
TO_PAIRING: Described = {303: {"description": "a browser without a session: to the pairing"}}


def takes(model: type[CommandFields]) -> Schema:
    """Name the model whose fields a route takes; `described` says how they are sent, once that is asked for."""
    return {FIELDS: model.__name__}


def state_answer(status: int = 200, text: str = "the state") -> Described:
    """Return what a route answers with the state."""
    return answer("State", text, status)


def answer(model: str, text: str = "as JSON", status: int = 200) -> Described:
    """Return what a route answers with a model of `demo/web/routes/response_models.py`."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {status: {"description": text, "content": {"application/json": {"schema": schema}}}}


def in_path(name: str, schema: Schema | None = None, more: Schema | None = None) -> Schema:
    """Describe a part of the path, for a route that reads it from the request.

    Described here and not in the signature: FastAPI would import pydantic's old version to look at it, which takes as
    long as all of our own modules.
    """
    part = {"name": name, "in": "path", "required": True, "schema": schema or {"type": "string"}}
    more = more or {}
    return more | {"parameters": [part, *more.get("parameters", ())]}


def query(name: str, schema: Schema, text: str) -> Schema:
    """Describe a field that may stand in the query."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def add_page(
    app: FastAPI | APIRouter,
    path: str,
    page: Callable[..., Awaitable[Response]],
    text: str,
    more: Described | None = None,
    extra: Schema | None = None,
) -> None:
    """Add a page, described once: one route of two methods would have one operation id twice."""
    name = f"{path.strip('/') or 'stage'}_page"
    app.add_api_route(
        path,
        page,
        methods=["GET"],
        name=name,
        tags=["pages"],
        response_class=HTMLResponse,
        description=text,
        responses=more,
        openapi_extra=extra,
    )
    app.add_api_route(path, page, methods=["HEAD"], include_in_schema=False)


def operation_id(route: APIRoute) -> str:
    """Return a name that generators make a readable function of."""
    return route.name


class Application(FastAPI):
    """Describes what FastAPI does not know: fields in the query or the body, refusals said once, who may ask."""

    relays = False
    """It tells the state of a show that runs elsewhere."""

    def openapi(self) -> Schema:
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi(), self.relays)
        return self.openapi_schema


def _completed(described: Schema, relays: bool) -> Schema:
    # Not at the top: every start of a server would build these models, and hardly one is ever asked for them.
    from demo.web.routes.response_models import OTHER_ANSWERS, RelayedHealthz, RelayedState, State  # noqa: PLC0415

    parts = described.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas |= {"Problem": PROBLEM, **_schemas_of(RelayedState if relays else State, "State")}
    for model in () if relays else OTHER_ANSWERS:
        schemas |= _schemas_of(model, model.__name__)
    if relays:
        schemas |= _schemas_of(RelayedHealthz, "Healthz")
    parts["securitySchemes"] = SECURITY_SCHEMES
    described["info"] |= INFO
    described["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    described["servers"] = [{"url": ".", "description": "the server that this description comes from"}]
    described["security"] = [{}, {"token": []}, {"session": []}]
    shared: Schema = {}
    for path in described["paths"].values():
        for operation in path.values():
            _add_fields(operation, schemas)
            _share_answers(operation["responses"], shared)
    parts["responses"] = shared
    return described


def _schemas_of(model: type[BaseModel], name: str) -> Schema:
    """Return the model's schema under this name, and those that it refers to under theirs."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    inner: Schema = schema.pop("$defs", {})
    found = inner | {name: schema}
    for kind in found.values():
        for field in kind.get("properties", {}).values():
            field.pop("title", None)  # it only repeats the field's name
    return found


def _models_below(model: type[CommandFields]) -> Iterator[type[CommandFields]]:
    for kind in model.__subclasses__():
        yield kind
        yield from _models_below(kind)


def _add_fields(operation: Schema, schemas: Schema) -> None:
    """Describe the fields of the route's model, each in the query or all in a body."""
    name = operation.pop(FIELDS, None)
    if name is None:
        return
    model = next(kind for kind in _models_below(CommandFields) if kind.__name__ == name)
    schema = model.model_json_schema()
    for described in schema["properties"].values():
        del described["default"]  # it only means that a field may be left out
        described.pop("title", None)
    if model.described_in == "query":
        parameters = operation.setdefault("parameters", [])
        for field in names_of(model):
            found = schema["properties"][field]
            text = found.pop("description", "")
            parameters.append({"name": field, "in": "query", "required": False, "schema": found, "description": text})
        return
    schemas[name] = schema
    # A form does as well, and docs/http.md says so. Here it would give generated clients a choice between equal types.
    content: Schema = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    if model is SayFields:
        content["text/plain"] = {"schema": {"type": "string"}}
    operation["requestBody"] = {"required": True, "content": content}


def _share_answers(answers: Schema, shared: Schema) -> None:
    """Replace each refusal, and what htmx is answered, by a reference to one that all routes share."""
    for status, answer in answers.items():
        if MEDIA_TYPE not in answer.get("content", {}) and str(status) != "204":
            continue
        name, number = str(status), 1
        while name in shared and shared[name] != answer:  # a status may say something else on some routes
            number += 1
            name = f"{status}_{number}"
        shared[name] = answer
        answers[status] = {"$ref": f"#/components/responses/{name}"}
