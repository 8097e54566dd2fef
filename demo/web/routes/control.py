"""The POST routes that change the show; each submits one command. Fields of requests are parsed and checked here."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.errors import InvalidValue
from demo.show import commands as c
from demo.web.routes.command_handler import CommandHandler
from demo.web.routes.openapi import EVERYWHERE, FOR_HTMX, Described, body, in_path, query, refusals
from demo.web.routes.state_schema import state_answer

Fields = dict[str, Any]

_READ = ("from", "on", "text", "secret", "code")
"""All fields that any route reads; others are ignored."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""C0 and C1 control characters except white space, which separates words."""

_NUMBER = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_MOVE = {
    "parameters": [
        query(
            "from",
            _NUMBER,
            "The chapter (1-based) this was pressed on: if the show has moved on, nothing happens. "
            "May also be a form or a JSON field.",
        )
    ]
}
_GOTO = {"parameters": in_path("chapter", _NUMBER)["parameters"] + _MOVE["parameters"]}
_NAME = in_path("name")
_SWITCH = {
    "parameters": [
        query("on", {"type": "boolean"}, "Set it, or toggle without it. May also be a form or a JSON field.")
    ]
}
_LINE = {"type": "string", "description": f"up to {c.MAX_SAY} characters that are no control characters"}
_SAY = body({"text": _LINE}, ["text"])
_SAY["requestBody"]["content"]["text/plain"] = {"schema": _LINE}


async def read_fields(request: Request) -> Fields:
    """Read the fields of the query and of the body, a form or a JSON object. Raises `InvalidValue`."""
    return await body_fields(request, _once(request.query_params.multi_items()))


def _once(pairs: Iterable[tuple[str, Any]]) -> Fields:
    """Collect fields by name. Raises `InvalidValue` where one of `_READ` comes twice, for either could be meant."""
    fields: Fields = {}
    for name, value in pairs:
        if name in fields and name in _READ:
            raise InvalidValue(f"{name!r} was sent twice: send it once")
        fields[name] = value
    return fields


async def body_fields(request: Request, first: Fields) -> Fields:
    """Read the body's fields and merge them into `first`, over fields of the same name. Raises `InvalidValue`."""
    fields, sent = dict(first), await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json" and sent:
            data = json.loads(sent, object_pairs_hook=_once)
            if not isinstance(data, dict):
                raise InvalidValue(f"the JSON body must be an object, not {type(data).__name__}")
            fields |= data
        elif kind == "application/x-www-form-urlencoded":
            fields |= _once(parse_qsl(sent.decode(), keep_blank_values=True, strict_parsing=bool(sent)))
        elif kind == "multipart/form-data":
            form = (await request.form()).multi_items()
            fields |= _once((name, value) for name, value in form if isinstance(value, str))
        elif kind == "text/plain":
            fields.setdefault("text", sent.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"the body cannot be read as {kind}: {error}"[:200]) from None
    return fields


_REFUSALS = refusals({404: "unknown", 409: "refused by the rules", 422: "unreadable", 423: "halted"})


def expected_chapter(fields: Fields) -> int | None:
    """Return the 1-based chapter that the sender of a move saw; None where it is not given. Raises `InvalidValue`."""
    value = fields.get("from")
    if value is None or value == "":
        return None
    return _whole("from", value)


def switch(fields: Fields) -> bool | None:
    """Return the field `on`; None, to toggle, where it is not given. Raises `InvalidValue`."""
    value = fields.get("on")
    if value is None:
        return None
    known = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
    found = known.get(str(value).lower())
    if found is None:
        raise InvalidValue(f"'on' must be true or false, not {str(value)[:40]!r}")
    return found


def line(fields: Fields) -> str:
    """Return the text of `/say`, as one line without control characters.

    Raises `InvalidValue` when it is missing, too long, or contains a lone surrogate (half a character).
    """
    text = fields.get("text")
    if not isinstance(text, str):
        raise InvalidValue("say what? Send text/plain, a form field 'text' or JSON with 'text'")
    text = " ".join(_CONTROL.sub("", text).split())
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("the line holds half a character (a lone surrogate): no screen can show that") from None
    if len(text) > c.MAX_SAY:
        raise InvalidValue(f"a line may have up to {c.MAX_SAY} characters, not {len(text)}")
    return text


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidValue(f"{name!r} must be a whole number, not {str(value)[:40]!r}")
    text = str(value).strip()
    if not (text.isascii() and text.removeprefix("-").isdecimal()) or len(text) > 9:
        raise InvalidValue(f"{name!r} must be a whole number, not {text[:40]!r}")
    return int(text)


def control_routes(handler: CommandHandler) -> APIRouter:
    """Build a router with every route that changes the show."""
    done, begun = _router(state_answer(200, "done: the new state")), _router(state_answer(202, "begun: the new state"))
    _add_moves(done, handler)
    _add_faults(begun, handler)
    _add_halt(done, handler)
    _add_stage(done, handler)
    _add_timer(done, handler)
    done.routes += begun.routes
    return done


def _router(answers: Described) -> APIRouter:
    return APIRouter(tags=["control"], responses=EVERYWHERE | _REFUSALS | FOR_HTMX | answers)


def _add_moves(router: APIRouter, handler: CommandHandler) -> None:
    async def move(request: Request, what: c.Command) -> Response:
        return await handler.perform(request, what, expected_chapter(await read_fields(request)))

    @router.post("/advance", openapi_extra=_MOVE)
    async def advance(request: Request) -> Response:
        """Enter the next chapter."""
        return await move(request, c.Advance())

    @router.post("/back", openapi_extra=_MOVE)
    async def back(request: Request) -> Response:
        """Return to the chapter before; runs nothing."""
        return await move(request, c.Back())

    @router.post("/goto/{chapter}", openapi_extra=_GOTO)
    async def goto(request: Request) -> Response:
        """Enter a chapter by its number, 1-based."""
        # A number in OpenAPI, but read as text: whatever is no number is a chapter not found (404), not invalid (422).
        chapter = request.path_params["chapter"]
        if not (chapter.isascii() and chapter.isdecimal()) or len(chapter) > 9:
            return handler.no_such("chapter", chapter)
        return await move(request, c.Goto(int(chapter)))

    @router.post("/rerun", openapi_extra=_MOVE)
    async def rerun(request: Request) -> Response:
        """Run the action of this chapter again."""
        return await move(request, c.Rerun())


def _add_faults(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/chaos/{name}", status_code=202, openapi_extra=_NAME)
    async def inject(request: Request) -> Response:
        """Inject a fault of this show."""
        return await handler.perform(request, c.Inject(request.path_params["name"]), status=202)

    @router.post("/chaos/{name}/heal", status_code=202, openapi_extra=_NAME)
    async def heal_one(request: Request) -> Response:
        """Heal one fault now."""
        return await handler.perform(request, c.Heal(request.path_params["name"]), status=202)

    @router.post("/heal", status_code=202)
    async def heal(request: Request) -> Response:
        """Heal every fault, and restore parts of the system that terminated by themselves."""
        return await handler.perform(request, c.Heal(), status=202)


def _add_halt(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/halt")
    async def halt(request: Request) -> Response:
        """Halt the show in an emergency: cancel the running action, heal everything, refuse new faults."""
        return await handler.perform(request, c.Halt())

    @router.post("/resume")
    async def resume(request: Request) -> Response:
        """Lift the halt: faults may be injected again."""
        return await handler.perform(request, c.Resume())


def _add_stage(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/say", openapi_extra=_SAY)
    async def say(request: Request) -> Response:
        """Show a line of plain text on every screen; an empty one removes it."""
        return await handler.perform(request, c.Say(line(await read_fields(request))))

    @router.post("/blackout", openapi_extra=_SWITCH)
    async def blackout(request: Request) -> Response:
        """Toggle the blackout of the stage, or set it with `on`."""
        return await handler.perform(request, c.Blackout(switch(await read_fields(request))))

    @router.post("/freeze", openapi_extra=_SWITCH)
    async def freeze(request: Request) -> Response:
        """Toggle whether the audience's chapter and texts stand still, or set it with `on`; health stays live."""
        return await handler.perform(request, c.Freeze(switch(await read_fields(request))))


def _add_timer(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/timer/start")
    async def start(request: Request) -> Response:
        """Start the talk's timer, or continue it; during a blackout it begins to run when that ends."""
        return await handler.perform(request, c.StartTimer())

    @router.post("/timer/pause")
    async def pause(request: Request) -> Response:
        """Pause the timer until it is started again."""
        return await handler.perform(request, c.PauseTimer())

    @router.post("/timer/reset")
    async def reset(request: Request) -> Response:
        """Reset the timer to 0; it starts with the next step forward."""
        return await handler.perform(request, c.ResetTimer())
