"""`POST /ask`: a question from the room, for the presenter only, who may show it to everybody or dismiss it."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from demo.errors import InvalidValue, Refused, TooManyQuestions
from demo.questions.question_box import MAX_QUESTION_TEXT, QuestionBox
from demo.questions.question_file import Question
from demo.show import commands as c
from demo.web.access.policy import client_address
from demo.web.access.rate_limit import GuessLimiter
from demo.web.problems import problem
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.command_handler import CommandHandler
from demo.web.routes.device_cookie import DeviceCookie
from demo.web.routes.fields import AskFields, NoFields, reading
from demo.web.routes.openapi import (
    EVERYWHERE,
    FOR_HTMX,
    answer,
    in_path,
    operation_id,
    refusals,
    state_answer,
    takes,
)
from demo.web.routes.vote import to_page

OFF = "this show takes no questions from the room: start it with --questions"

QUESTIONS_AT_ONCE, QUESTIONS_PER_SEC = 60, 2.0
"""From one address: a hall may be behind one, and some of it asks in the same seconds."""

QUESTIONS_TOTAL_PER_SEC = 60.0

_read = reading(AskFields)


class QuestionRoutes:
    """Takes questions for a question box; without one (None) the show takes none."""

    def __init__(self, box: QuestionBox | None, handler: CommandHandler, cookie_path: Callable[[str], str]) -> None:
        self._box = box
        self._handler = handler
        self._cookie = DeviceCookie(cookie_path)
        self._limit = GuessLimiter(QUESTIONS_AT_ONCE, QUESTIONS_PER_SEC, QUESTIONS_TOTAL_PER_SEC)

    def audience_routes(self) -> APIRouter:
        """Build the router with `POST /ask`."""
        router = APIRouter(
            tags=["audience"],
            responses=EVERYWHERE | refusals({409: "refused by the rules"}),
            generate_unique_id_function=operation_id,
        )

        @router.post("/ask", response_class=Response, responses=answer("Asked"), openapi_extra=takes(AskFields))
        async def ask(request: Request) -> Response:
            """Ask the presenter a question. The same question of the same device, sent again, is still one."""
            return await self._ask(request)

        return router

    async def _ask(self, request: Request) -> Response:
        if self._box is None:
            return problem("not_found", OFF)
        if wait := self._limit.delay_sec(client_address(request.scope)):
            return _slow_down(f"too many questions come from this address: try again in {wait} s", wait)
        try:
            fields = await _read(request)
            device = self._cookie.device_of(request, fields.device)
            receipt = await self._box.ask(device, fields.text)
        except InvalidValue as error:
            return problem("invalid", str(error))
        except Refused as refused:
            return problem(refused.code, str(refused))
        except TooManyQuestions as refused:
            return _slow_down(str(refused), refused.wait_sec)
        # A form of a page without scripts comes back to its page.
        is_form = "text/html" in request.headers.get("accept", "")
        told = {"text": receipt.text, "durable": receipt.durable}
        response = to_page() if is_form else AsciiJsonResponse(told)
        self._cookie.remember(request, response, device)
        return response

    def control_routes(self) -> APIRouter:
        """Build the router with what the presenter does with a question."""
        router = APIRouter(
            tags=["control"],
            responses=EVERYWHERE | FOR_HTMX | state_answer(200, "done: the new state"),
            generate_unique_id_function=operation_id,
        )
        described = in_path("ident", {"type": "integer", "minimum": 1})

        @router.post("/questions/{ident}/show", openapi_extra=described)
        async def show_question(request: Request, fields: NoFields) -> Response:
            """Put a question on every screen, in place of the line that was said; it is no longer open."""
            question = self._find(request)
            if question is None:
                return self._no_such(request)
            response = await self._handler.perform(request, c.Say(question.text[:MAX_QUESTION_TEXT], is_question=True))
            if response.status_code < 400:
                self._remove(question)
            return response

        @router.post("/questions/{ident}/dismiss", openapi_extra=described)
        async def dismiss_question(request: Request, fields: NoFields) -> Response:
            """Remove a question that nobody will see."""
            question = self._find(request)
            if question is None:
                return self._no_such(request)
            self._remove(question)
            is_htmx = request.headers.get("hx-request") == "true"
            return Response(status_code=204) if is_htmx else self._handler.state(request)

        return router

    def _find(self, request: Request) -> Question | None:
        ident = request.path_params["ident"]
        is_number = ident.isascii() and ident.isdecimal() and len(ident) <= 9
        return self._box.find(int(ident)) if self._box is not None and is_number else None

    def _no_such(self, request: Request) -> Response:
        if self._box is None:
            return problem("not_found", OFF)
        return self._handler.no_such("question", request.path_params["ident"])

    def _remove(self, question: Question) -> None:
        if self._box is not None:
            self._box.remove(question.id)


def _slow_down(text: str, wait_sec: int) -> Response:
    return problem("slow_down", text, {"retry-after": str(wait_sec)})
