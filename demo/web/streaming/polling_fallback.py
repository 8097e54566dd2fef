"""What a page gets instead of a stream: the newest picture, and when to ask for the next one.

For a hall beyond the last place, and for pages behind something that passes an answer on only when it is complete.
"""

import asyncio
import json
import math
import random
import re
import time
from collections.abc import AsyncIterator, Callable

from sse_starlette import ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from demo.web.problems import problem
from demo.web.streaming.stream_slots import StreamSlots

EVERY_SEC = 5.0
"""How often a page that found no place for a stream asks, while there are few of them."""

HELD_EVERY_SEC = 1.0
"""How often one asks that gets no stream through, while there are few of them."""

MAX_EVERY_SEC = 60.0
ASKED_MOST_PER_SEC = 100.0
"""Beyond so many questions a second pages ask more rarely: the places that are taken come first."""

WINDOW_SEC = 5.0

MISSED_SEC = 3.0
"""So long after the moment when it should have asked again, a page counts as closed."""

MAX_COUNTED = 100_000
"""Pages that are told apart; whoever invents more of them only spoils the count."""

TRIAL_SEC = 1.0
"""How long a trial stream stands: what comes through is read before its end."""

NO_PICTURE = "this view cannot be drawn; the show goes on"

PAGE_HEADER = "x-demo-page"
_PAGE = re.compile("[0-9a-f]{16}")


def page_of(request: Request) -> str:
    """The page that asks, which every request for its view names; "" for a program, which does not."""
    named = request.headers.get(PAGE_HEADER, "")
    return named if _PAGE.fullmatch(named) else ""


class PollingFallback:
    """`picture` gives the whole view as one message of a stream."""

    def __init__(self, picture: Callable[[], bytes | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._picture = picture
        self._clock = clock
        self._every = 0.0
        self._since = clock()
        self._asked = 0
        self._pages: dict[str, float] = {}

    def instead(self, request: Request, lines: StreamSlots) -> Response | None:
        """What a page asks for that gets no stream through; None for whoever wants the stream.

        `picture`: the newest one. The page's own stream ends, which something on the way may still read. `trial`: does
        a stream come through now?
        """
        if "trial" in request.query_params:
            return _trial()
        if "picture" not in request.query_params:
            return None
        page = page_of(request)
        lines.end_page(page)
        return self.answer(page, least_sec=HELD_EVERY_SEC) or problem("broken", NO_PICTURE)

    def answer(self, page: str = "", *, least_sec: float = EVERY_SEC) -> Response | None:
        """A stream of one picture, which ends at once; None when there is none to show."""
        picture = self._picture()
        if picture is None:
            return None
        every = max(least_sec, self._next()) * random.uniform(0.8, 1.2)  # noqa: S311 - so that they do not come at once
        if page and len(self._pages) < MAX_COUNTED:
            self._pages[page] = self._clock() + every + MISSED_SEC
        told = ServerSentEvent(
            json.dumps({"every_sec": round(every, 1)}), event="poll", retry=int(every * 1000), sep="\n"
        )
        headers = {"retry-after": str(math.ceil(every)), "x-accel-buffering": "no"}
        return Response(picture + told.encode(), media_type="text/event-stream", headers=headers)

    def forget(self, page: str) -> None:
        """It has a stream."""
        self._pages.pop(page, None)

    def viewers(self) -> int:
        """Open pages that live on pictures."""
        if self._pages:
            now = self._clock()
            self._pages = {page: until for page, until in self._pages.items() if until > now}
        return len(self._pages)

    def _next(self) -> float:
        """As often as the questions of the last seconds allow."""
        self._asked += 1
        passed = self._clock() - self._since
        if passed >= WINDOW_SEC:
            wanted = max(self._every, HELD_EVERY_SEC) * self._asked / passed / ASKED_MOST_PER_SEC
            self._every = min(MAX_EVERY_SEC, wanted)
            self._since, self._asked = self._clock(), 0
        return self._every


def _trial() -> Response:
    """A stream of two messages: where nothing on the way holds it back, the first one arrives before the second."""
    headers = {"x-accel-buffering": "no", "cache-control": "no-store, no-transform"}
    return StreamingResponse(_apart(), media_type="text/event-stream", headers=headers)


async def _apart() -> AsyncIterator[bytes]:
    yield b"event: trial\ndata: 1\n\n"
    await asyncio.sleep(TRIAL_SEC)
    yield b"event: trial\ndata: 2\n\n"
