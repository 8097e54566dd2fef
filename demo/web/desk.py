"""Where requests meet the conductor: who sent a command, and how its outcome is answered."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from demo.commands import Command, Order
from demo.conductor import Conductor
from demo.errors import DemoError, Refused, ShowOver
from demo.views import snapshot
from demo.web.answers import Answer
from demo.web.problems import problem

CLIENTS = ("presenter", "remote", "stage")


class Desk:
    """Sends commands in the name of a request and answers with the new state."""

    def __init__(self, conductor: Conductor, viewers: Mapping[str, int]) -> None:
        self._conductor = conductor
        self._viewers = viewers

    async def carry_out(
        self, request: Request, what: Order, pressed_on: int | None = None, status: int = 200
    ) -> Response:
        """200 or 202 with the new state; 204 for htmx, whose page changes through its stream."""
        try:
            await self._conductor.submit(Command(sender(request), what, pressed_on))
        except Refused as refused:
            return problem(refused.code, str(refused), seq=self._conductor.state.seq)
        except ShowOver as over:
            return problem("closing", str(over))
        except DemoError as error:
            return problem("broken", str(error))
        if request.headers.get("hx-request") == "true":
            return Response(status_code=204)
        return self.state(status)

    def state(self, status: int = 200) -> Answer:
        """`GET /state`: the snapshot of now."""
        return Answer(self._snapshot(), status)

    def _snapshot(self) -> dict[str, Any]:
        return snapshot(self._conductor.state, self._conductor.epoch, self._viewers, now=self._conductor.clock())

    def no_such(self, what: str, name: str) -> Response:
        """A path that names a thing this show has not."""
        return problem("not_found", f"there is no {what} {name[:80]!r} in this show")


def sender(request: Request) -> str:
    """Who the log says it was: one of our pages, curl, or some other program."""
    client = request.headers.get("x-demo-client", "")
    if client in CLIENTS:
        return client
    return "curl" if request.headers.get("user-agent", "").startswith("curl/") else "http"
