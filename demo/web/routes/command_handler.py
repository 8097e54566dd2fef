"""Where requests meet the conductor: who sent a command, and how its outcome is answered."""

import time
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from demo.conductor import Conductor
from demo.errors import DemoError, Refused, ShowOver
from demo.show.commands import Command, CommandEnvelope
from demo.views import snapshot
from demo.views.state_json import DEVICE_MARK
from demo.web.access.policy import visitor_of
from demo.web.problems import problem
from demo.web.responses import AsciiJsonResponse

CLIENTS = ("presenter", "remote", "stage")


class CommandHandler:
    """Sends commands in the name of a request and answers with the new state."""

    def __init__(self, conductor: Conductor, viewers: Mapping[str, int]) -> None:
        self._conductor = conductor
        self._viewers = viewers

    async def perform(
        self, request: Request, what: Command, expected_chapter: int | None = None, status: int = 200
    ) -> Response:
        """200 or 202 with the new state; 204 for htmx, whose page changes through its stream."""
        try:
            await self._conductor.submit(CommandEnvelope(sender(request), what, expected_chapter))
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
        """`GET /state`: the snapshot of now, as much of it as this visitor may see."""
        return AsciiJsonResponse(self._snapshot(visitor_of(request).is_presenter), status)

    def _snapshot(self, private: bool) -> dict[str, Any]:
        conductor, clock = self._conductor, self._conductor.clock
        return snapshot(conductor.state, conductor.epoch, self._viewers, private, clock(), clock.ahead)

    def no_such(self, what: str, name: str) -> Response:
        """A path that names a thing this show has not."""
        return problem("not_found", f"there is no {what} {name[:80]!r} in this show")


def sender(request: Request) -> str:
    """Who the log says it was: one of our pages, curl or some other program; and which paired device, or the token."""
    client = request.headers.get("x-demo-client", "")
    if client not in CLIENTS:
        client = "curl" if request.headers.get("user-agent", "").startswith("curl/") else "http"
    visitor = visitor_of(request)
    if visitor.session is not None:
        return f"{client}{DEVICE_MARK}{visitor.session.device}"
    return f"{client}{DEVICE_MARK}token" if visitor.by == "token" else client
