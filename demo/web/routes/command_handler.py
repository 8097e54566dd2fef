"""Submits the commands of requests to the conductor: names the sender, and turns the outcome into a response."""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from demo.conductor import ShowHost
from demo.errors import DemoError, Refused, ShowOver
from demo.show.commands import Command, CommandEnvelope
from demo.views import snapshot
from demo.views.state_json import DEVICE_MARK
from demo.web.access.policy import visitor_of
from demo.web.problems import problem
from demo.web.responses import AsciiJsonResponse
from demo.web.routes.fields import ANYWHERE, ChapterStep

CLIENTS = ("presenter", "remote", "stage")


class CommandHandler:
    """Submits a request's command to the conductor, and responds with the new state or a problem."""

    def __init__(self, conductor: ShowHost, viewers: Mapping[str, int]) -> None:
        self._conductor = conductor
        self._viewers = viewers

    async def perform(
        self, request: Request, what: Command, expected: ChapterStep | None = None, status: int = 200
    ) -> Response:
        """Send `what` to the conductor; respond with `status` and the new state.

        The response to htmx is 204 without the state, for its page is updated by its stream. `expected` is the
        chapter that the sender saw, and perhaps its step. A refusal becomes a problem response.
        """
        place = expected or ANYWHERE
        try:
            await self._conductor.submit(CommandEnvelope(name_sender(request), what, place.chapter, place.step))
        except Refused as refused:
            return problem(refused.code, str(refused), seq=self._conductor.state.seq)
        except ShowOver as over:
            return problem("closing", str(over))
        except DemoError as error:
            return problem("broken", str(error))
        session = visitor_of(request).session
        if session is not None:
            session.note(type(what).__name__.lower(), time.time())
        if request.headers.get("hx-request") == "true":
            return Response(status_code=204)
        return self.state(request, status)

    def state(self, request: Request, status: int = 200) -> AsciiJsonResponse:
        """Return the current snapshot, as much of it as this visitor may see."""
        return AsciiJsonResponse(self._snapshot(visitor_of(request).is_presenter), status)

    def _snapshot(self, private: bool) -> dict[str, Any]:
        conductor, clock = self._conductor, self._conductor.clock
        return snapshot(conductor.state, conductor.epoch, self._viewers, private, clock(), clock.ahead)

    def no_such(self, what: str, name: str) -> Response:
        """Respond with 404: this show has no `what` of this name."""
        return problem("not_found", f"there is no {what} {name[:80]!r} in this show")


def name_sender(request: Request) -> str:
    """Return the sender's name for the log: our page, curl or http; and the paired device, or that it had the token."""
    client = request.headers.get("x-demo-client", "")
    if client not in CLIENTS:
        client = "curl" if request.headers.get("user-agent", "").startswith("curl/") else "http"
    visitor = visitor_of(request)
    if visitor.session is not None:
        return f"{client}{DEVICE_MARK}{visitor.session.device}"
    return f"{client}{DEVICE_MARK}token" if visitor.by == "token" else client
