"""What a page gets instead of a stream: the newest full message, and how many seconds later to ask for the next one.

Two kinds of pages poll: those that found no free stream slot, and those behind a proxy or scanner that passes a
response on only when it is complete (docs/decisions/0022).
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
"""How often a page without a stream slot asks, while there are few of them."""

HELD_EVERY_SEC = 1.0
"""How often a page asks behind a proxy that holds its stream back, while there are few of them."""

MAX_EVERY_SEC = 60.0
ASKED_MOST_PER_SEC = 100.0
"""When there are more requests a second than this, pages are told to ask less often: open streams come first."""

WINDOW_SEC = 5.0
"""Over how long the rate of requests is measured."""

MISSED_SEC = 3.0
"""A page whose next request is overdue by this much counts as closed."""

MAX_COUNTED = 100_000
"""Pages that are counted. It limits memory, for anybody may invent ids; apart from a wrong count they do no harm."""

TRIAL_SEC = 1.0
"""Pause between the two messages of a trial stream: where streams come through, the first arrives that much earlier."""

NO_FULL_MESSAGE = "this view cannot be rendered; the show continues"

PAGE_HEADER = "x-demo-page"
_PAGE = re.compile("[0-9a-f]{16}")


def page_of(request: Request) -> str:
    """Return the id of the page that sent a request, 16 hex digits; "" for a program, which sends none."""
    page = request.headers.get(PAGE_HEADER, "")
    return page if _PAGE.fullmatch(page) else ""


class PollingFallback:
    """Answers the polling pages of one view. `full_message`: the newest one, None where it cannot be rendered."""

    def __init__(self, full_message: Callable[[], bytes | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._full_message = full_message
        self._clock = clock
        self._every = 0.0
        self._since = clock()
        self._asked = 0
        self._pages: dict[str, float] = {}

    def respond_if_polling(self, request: Request, slots: StreamSlots) -> Response | None:
        """Answer a page that asks for something else than a stream; None where the request is for the stream.

        The query `picture` asks for the newest full message, and ends the page's own stream: a proxy may still be
        reading that. The query `trial` asks for a short stream, which shows the page whether streams come through now.
        """
        if "trial" in request.query_params:
            return _respond_with_trial()
        if "picture" not in request.query_params:
            return None
        page = page_of(request)
        # The proxy may still hold the stream open that its page has given up: that would keep a slot.
        slots.end_page(page)
        return self.answer(page, least_sec=HELD_EVERY_SEC) or problem("broken", NO_FULL_MESSAGE)

    def answer(self, page: str = "", *, least_sec: float = EVERY_SEC) -> Response | None:
        """Respond with a stream that ends after one full message; None when the view cannot be rendered.

        `least_sec` is the shortest pause until the page's next request.
        """
        full_message = self._full_message()
        if full_message is None:
            return None
        every = max(least_sec, self._pause()) * random.uniform(0.8, 1.2)  # noqa: S311 - so that they do not come at once
        # A page counts as open until its next request is overdue.
        if page and len(self._pages) < MAX_COUNTED:
            self._pages[page] = self._clock() + every + MISSED_SEC
        # `retry` is for a plain EventSource, Retry-After for other programs, and the event for our own page.
        interval = ServerSentEvent(
            json.dumps({"every_sec": round(every, 1)}), event="poll", retry=int(every * 1000), sep="\n"
        )
        headers = {"retry-after": str(math.ceil(every)), "x-accel-buffering": "no"}
        return Response(full_message + interval.encode(), media_type="text/event-stream", headers=headers)

    def forget(self, page: str) -> None:
        """Stop counting a page that has a stream now."""
        self._pages.pop(page, None)

    def viewers(self) -> int:
        """Count the open pages that poll."""
        if self._pages:
            now = self._clock()
            self._pages = {page: deadline for page, deadline in self._pages.items() if deadline > now}
        return len(self._pages)

    def _pause(self) -> float:
        """Count one request, and return the seconds between two of a page that keep to `ASKED_MOST_PER_SEC`."""
        self._asked += 1
        passed = self._clock() - self._since
        if passed >= WINDOW_SEC:
            # Pages that pause twice as long ask half as often: the pause is scaled by how far their rate is off.
            needed = max(self._every, HELD_EVERY_SEC) * self._asked / passed / ASKED_MOST_PER_SEC
            self._every = min(MAX_EVERY_SEC, needed)
            self._since, self._asked = self._clock(), 0
        return self._every


def _respond_with_trial() -> Response:
    """Respond with two messages, `TRIAL_SEC` apart: a proxy that holds streams back delivers both at the same time."""
    headers = {"x-accel-buffering": "no", "cache-control": "no-store, no-transform"}
    return StreamingResponse(_send_trial_messages(), media_type="text/event-stream", headers=headers)


async def _send_trial_messages() -> AsyncIterator[bytes]:
    yield b"event: trial\ndata: 1\n\n"
    await asyncio.sleep(TRIAL_SEC)
    yield b"event: trial\ndata: 2\n\n"
