"""Noticing code that blocks the event loop: while a deck, a poller or a driver sits there, nothing is answered.

A thread of its own looks on, for whoever blocks the loop cannot be watched from inside it.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from demo.subjects.user_code import place_of_frame

BEAT_SEC = 0.1
BLOCKED_SEC = 0.5
"""A press that waits so long is felt. Shorter pauses are the machine's, or the collector's."""

MIN_SIGHTINGS = 2
"""A function that is seen once may just have had its turn on a busy machine."""


class LoopWatch:
    """Tells `report` which function of the user's code held up the loop it runs in, each function once."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._beat = time.monotonic()
        self._ended = threading.Event()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        looking = threading.Thread(target=self._look_on, args=(threading.get_ident(),), name="loop watch", daemon=True)
        looking.start()
        try:
            while True:
                lag = time.monotonic() - self._beat
                self._beat = time.monotonic()
                if lag > BLOCKED_SEC:
                    self._tell(lag)
                await asyncio.sleep(BEAT_SEC)
        finally:
            self._ended.set()

    def _look_on(self, thread: int) -> None:
        while not self._ended.wait(BEAT_SEC):
            if time.monotonic() - self._beat > BLOCKED_SEC / 2:
                found = place_of_frame(sys._current_frames().get(thread))  # noqa: SLF001 - documented, for debuggers
                self._seen[found] += 1

    def _tell(self, lag: float) -> None:
        seen, self._seen = self._seen, Counter()
        with contextlib.suppress(KeyError):
            del seen["", ""]
        for (function, place), times in seen.most_common(1):
            if times >= MIN_SIGHTINGS and function not in self._told:
                self._told.add(function)
                self._report(
                    f"{function} ({place}) held up the whole show for {lag:.1f} s: nothing could be pressed meanwhile. "
                    f"Let it await, or call it with `await asyncio.to_thread(…)`; a poller whose `run` is a plain "
                    f"`def` gets a thread of its own"
                )
