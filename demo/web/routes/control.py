"""The POSTs that change the show: each is one command. Nothing of a request is used but what its model names."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.show import commands as c
from demo.show.plan_b_types import PlanB
from demo.web.routes.command_handler import CommandHandler
from demo.web.routes.fields import (
    Forward,
    ForwardFields,
    InjectFields,
    Injection,
    Line,
    Move,
    MoveFields,
    NoFields,
    SayFields,
    Switch,
    SwitchFields,
)
from demo.web.routes.openapi import (
    EVERYWHERE,
    FOR_HTMX,
    Described,
    in_path,
    operation_id,
    refusals,
    state_answer,
    takes,
)

_REFUSALS = refusals({404: "unknown", 409: "refused by the rules", 422: "unreadable", 423: "halted"})

_MOVE = takes(MoveFields)
_FORWARD = takes(ForwardFields)
_GOTO = in_path("chapter", {"type": "integer", "minimum": 1, "maximum": 999_999_999}, _FORWARD)
_NAME = in_path("name")
_INJECT = in_path("name", more=takes(InjectFields))
_SWITCH = takes(SwitchFields)


def control_routes(handler: CommandHandler) -> APIRouter:
    """Build a router with every route that changes the show."""
    done, begun = _router(state_answer(200, "done: the new state")), _router(state_answer(202, "begun: the new state"))
    _add_moves(done, handler)
    _add_faults(begun, handler)
    _add_halt(done, handler)
    _add_stage(done, handler)
    _add_plan_b(done, handler)
    _add_timer(done, handler)
    done.routes += begun.routes
    return done


def _router(answers: Described) -> APIRouter:
    return APIRouter(
        tags=["control"],
        responses=EVERYWHERE | _REFUSALS | FOR_HTMX | answers,
        generate_unique_id_function=operation_id,
    )


def _add_moves(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/advance", openapi_extra=_FORWARD)
    async def advance(request: Request, fields: Forward) -> Response:
        """Show the next step, or enter the next chapter."""
        return await handler.perform(request, c.Advance(bool(fields.override)), fields.expected)

    @router.post("/back", openapi_extra=_MOVE)
    async def back(request: Request, fields: Move) -> Response:
        """Return to the chapter before; runs nothing."""
        return await handler.perform(request, c.Back(), fields.expected)

    @router.post("/goto/{chapter}", openapi_extra=_GOTO)
    async def goto(request: Request, fields: Forward) -> Response:
        """Enter a chapter by its number, 1-based."""
        # A number in OpenAPI, but read as text: what is not a number is a chapter not found (404), not invalid (422).
        chapter = request.path_params["chapter"]
        if not (chapter.isascii() and chapter.isdecimal()) or len(chapter) > 9:
            return handler.no_such("chapter", chapter)
        return await handler.perform(request, c.Goto(int(chapter), bool(fields.override)), fields.expected)

    @router.post("/rerun", openapi_extra=_MOVE)
    async def rerun(request: Request, fields: Move) -> Response:
        """Run the action of this chapter again."""
        return await handler.perform(request, c.Rerun(), fields.expected)


def _add_faults(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/chaos/{name}", status_code=202, openapi_extra=_INJECT)
    async def inject_fault(request: Request, fields: Injection) -> Response:
        """Inject a fault of this show, for its own duration and on its own target unless asked otherwise."""
        inject = c.Inject(request.path_params["name"], fields.duration_sec, fields.target)
        return await handler.perform(request, inject, status=202)

    @router.post("/chaos/{name}/heal", status_code=202, openapi_extra=_NAME)
    async def heal_fault(request: Request, fields: NoFields) -> Response:
        """Heal one fault now."""
        return await handler.perform(request, c.Heal(request.path_params["name"]), status=202)

    @router.post("/heal", status_code=202)
    async def heal_all(request: Request, fields: NoFields) -> Response:
        """Heal every fault, and bring back parts that died unasked."""
        return await handler.perform(request, c.Heal(), status=202)


def _add_halt(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/halt")
    async def halt(request: Request, fields: NoFields) -> Response:
        """Stop everything: cancel what runs, heal every fault, refuse new ones."""
        return await handler.perform(request, c.Halt())

    @router.post("/resume")
    async def resume(request: Request, fields: NoFields) -> Response:
        """Lift the halt."""
        return await handler.perform(request, c.Resume())


def _add_stage(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/say", openapi_extra=takes(SayFields))
    async def say(request: Request, fields: Line) -> Response:
        """Put a line of plain text on every screen; an empty one takes it away."""
        return await handler.perform(request, c.Say(fields.text))

    @router.post("/blackout", openapi_extra=_SWITCH)
    async def blackout(request: Request, fields: Switch) -> Response:
        """Set whether the stage is dark; toggle without `on`."""
        return await handler.perform(request, c.Blackout(fields.on))

    @router.post("/freeze", openapi_extra=_SWITCH)
    async def freeze(request: Request, fields: Switch) -> Response:
        """Hold the story the room sees, or let it go on: toggle, or `on=true`. What is measured stays live."""
        return await handler.perform(request, c.Freeze(fields.on))


def _add_plan_b(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/plan-b", openapi_extra=_SWITCH)
    async def plan_b(request: Request, fields: Switch) -> Response:
        """Switch to the recording, or live again."""
        return await handler.perform(request, PlanB(fields.on))


def _add_timer(router: APIRouter, handler: CommandHandler) -> None:
    @router.post("/timer/start")
    async def start_timer(request: Request, fields: NoFields) -> Response:
        """Start the talk's timer, or let it go on; in a blackout it begins with the light."""
        return await handler.perform(request, c.StartTimer())

    @router.post("/timer/pause")
    async def pause_timer(request: Request, fields: NoFields) -> Response:
        """Stop the timer until it is started again."""
        return await handler.perform(request, c.PauseTimer())

    @router.post("/timer/reset")
    async def reset_timer(request: Request, fields: NoFields) -> Response:
        """Back to 0; it starts with the next step forward."""
        return await handler.perform(request, c.ResetTimer())
