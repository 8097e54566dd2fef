"""A hall beyond the last place: who finds no place for a stream gets the newest picture, and when to ask again."""

import json
import math
import random
import time
from collections.abc import Callable

from sse_starlette import ServerSentEvent
from starlette.responses import Response

EVERY_SEC = 5.0
"""How often a page that has no stream asks, while there are few of them."""

EVERY_MOST_SEC = 60.0
ASKED_MOST_PER_SEC = 100.0
"""Beyond so many questions a second pages ask more rarely: the places that are taken come first."""

WINDOW_SEC = 5.0


class Polling:
    """`picture` gives the whole view as one message of a stream."""

    def __init__(self, picture: Callable[[], bytes | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._picture = picture
        self._clock = clock
        self._every = EVERY_SEC
        self._since = clock()
        self._asked = 0

    def answer(self) -> Response | None:
        """A stream of one picture, which ends at once; None when there is none to show."""
        picture = self._picture()
        if picture is None:
            return None
        every = self._next() * random.uniform(0.8, 1.2)  # noqa: S311 - so that they do not all come at once
        told = ServerSentEvent(
            json.dumps({"every_sec": round(every, 1)}), event="poll", retry=int(every * 1000), sep="\n"
        )
        headers = {"retry-after": str(math.ceil(every)), "x-accel-buffering": "no"}
        return Response(picture + told.encode(), media_type="text/event-stream", headers=headers)

    def _next(self) -> float:
        """As often as the questions of the last seconds allow."""
        self._asked += 1
        passed = self._clock() - self._since
        if passed >= WINDOW_SEC:
            wanted = self._every * self._asked / passed / ASKED_MOST_PER_SEC
            self._every = min(EVERY_MOST_SEC, max(EVERY_SEC, wanted))
            self._since, self._asked = self._clock(), 0
        return self._every
