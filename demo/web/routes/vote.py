"""`POST /vote`: the one thing that the audience may do. The presenter opens and closes a vote here, too."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.ballots.ballot_box import CastsVotes, answer_in_words, read_answer
from demo.ballots.voters import voter_of
from demo.errors import FeedError, InvalidValue, Refused
from demo.show import commands as c
from demo.show.ballot import BallotState
from demo.web.access.policy import client_address
from demo.web.access.rate_limit import GuessLimiter
from demo.web.access.request_body import replay
from demo.web.problems import problem
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.command_handler import CommandHandler
from demo.web.routes.device_cookie import DeviceCookie
from demo.web.routes.fields import NoFields, VoteAnswer, VoteFields, reading
from demo.web.routes.openapi import (
    EVERYWHERE,
    FOR_HTMX,
    answer,
    operation_id,
    refusals,
    state_answer,
    takes,
)

VOTES_AT_ONCE, VOTES_PER_SEC = 6_000, 300.0
"""From one address: a hall of thousands may be behind one, and all of it votes in the same seconds."""

VOTES_TOTAL_PER_SEC = 3_000.0


class VoteRoute:
    """Takes votes for a ballot box, here or at a relay.

    `cookie_path` returns the path of the device's cookie for a Host header.
    """

    def __init__(self, box: CastsVotes, cookie_path: Callable[[str], str]) -> None:
        self._box = box
        self._cookie = DeviceCookie(cookie_path)
        self._limit = GuessLimiter(VOTES_AT_ONCE, VOTES_PER_SEC, VOTES_TOTAL_PER_SEC)

    def routes(self) -> APIRouter:
        """Build the router with `POST /vote`."""
        router = APIRouter(
            tags=["audience"],
            responses=EVERYWHERE | refusals({409: "closed"}),
            generate_unique_id_function=operation_id,
        )

        @router.post("/vote", response_class=Response, responses=answer("Voted"), openapi_extra=takes(VoteFields))
        async def vote(request: Request, fields: VoteAnswer) -> Response:
            """Vote, or change a vote while it is open. The same vote sent again changes nothing."""
            return await self.answer(request, fields)

        return router

    async def answer(self, request: Request, fields: VoteFields) -> Response:
        """Take the vote of a request, and return the response to it."""
        if wait := self._limit.delay_sec(client_address(request.scope)):
            text = f"too many votes come from this address: try again in {wait} s"
            return problem("slow_down", text, {"retry-after": str(wait)})
        # A form of a page without scripts comes back to its page.
        is_form = "text/html" in request.headers.get("accept", "")
        device = self._cookie.device_of(request, fields.device)
        try:
            ballot = self._find_open(fields)
            given = read_answer(ballot, fields.choice, fields.number)
            is_durable = await self._box.cast(voter_of(device, self._box.epoch, ballot.id), ballot, given)
        except InvalidValue as error:
            return problem("invalid", str(error))
        except Refused as refused:
            # The page that a form comes back to says itself that the vote is closed.
            return to_page() if is_form else problem(refused.code, str(refused))
        except FeedError as error:
            return problem("no_show", f"the vote could not be passed on: {error}", {"retry-after": "1"})
        told = {"ballot": ballot.id, "answer": answer_in_words(ballot, given), "durable": is_durable}
        response = to_page() if is_form else AsciiJsonResponse(told)
        self._cookie.remember(request, response, device)
        return response

    def _find_open(self, fields: VoteFields) -> BallotState:
        """Return the vote that is meant. Raises `Refused` if it is not open."""
        ballot = self._box.opened
        if ballot is None:
            raise Refused("closed", "no vote is open now")
        if fields.ballot is not None and fields.ballot != ballot.id:
            raise Refused("closed", "this vote is closed, and another one is open")
        return ballot


class DirectVotes:
    """ASGI middleware that answers a vote itself: finding and calling its route would cost twice as much as the vote.

    What it cannot read goes on to the route, which says what is wrong with it.
    """

    def __init__(self, app: ASGIApp, voting: VoteRoute) -> None:
        self._app = app
        self._voting = voting
        self._read = reading(VoteFields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != "/vote":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        try:
            fields = await self._read(request)
        except (InvalidValue, HTTPException):
            await self._app(scope, replay(body, receive), send)
            return
        response = await self._voting.answer(request, fields)
        await response(scope, receive, send)


def to_page() -> Response:
    """Return a form of a page without scripts to its page."""
    return Response(status_code=303, headers={"location": "./"})


def vote_control_routes(handler: CommandHandler) -> APIRouter:
    """Build a router with the presenter's routes about a vote."""
    router = APIRouter(
        tags=["control"],
        responses=EVERYWHERE
        | refusals({404: "nothing to vote on", 409: "no vote is open", 422: "unreadable"})
        | FOR_HTMX
        | state_answer(200, "done: the new state"),
        generate_unique_id_function=operation_id,
    )

    @router.post("/vote/open")
    async def open_vote(request: Request, fields: NoFields) -> Response:
        """Open the vote of this chapter. One that was closed begins again, without its votes."""
        return await handler.perform(request, c.OpenVote())

    @router.post("/vote/close")
    async def close_vote(request: Request, fields: NoFields) -> Response:
        """Close the vote that is open."""
        return await handler.perform(request, c.CloseVote())

    return router
