"""Detects code of a deck, a poller or a driver that blocks the event loop, so that the server answers nobody.

The check runs in a thread of its own, because code on the loop cannot observe the loop while it is blocked.
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
"""A presenter notices a delay of this length. Shorter ones come from a busy machine or the garbage collector."""

MIN_SIGHTINGS = 2
"""A function that was sampled only once may just have been running while the machine was busy."""


class LoopWatch:
    """Reports which function of the user's code blocked the event loop, each function once, by calling `report`."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._last_beat = time.monotonic()
        self._ended = threading.Event()
        self._sightings: Counter[tuple[str, str]] = Counter()
        self._reported: set[str] = set()

    async def run(self) -> None:
        """Watch the loop that this coroutine runs in, until cancelled."""
        thread = threading.Thread(
            target=self._sample_stack, args=(threading.get_ident(),), name="loop watch", daemon=True
        )
        thread.start()
        try:
            while True:
                lag = time.monotonic() - self._last_beat
                self._last_beat = time.monotonic()
                if lag > BLOCKED_SEC:
                    self._report_blocker(lag)
                await asyncio.sleep(BEAT_SEC)
        finally:
            self._ended.set()

    def _sample_stack(self, loop_thread: int) -> None:
        while not self._ended.wait(BEAT_SEC):
            # Half the limit, so that a block just above the limit is still sampled often enough.
            if time.monotonic() - self._last_beat > BLOCKED_SEC / 2:
                frames = sys._current_frames()  # noqa: SLF001 - documented, for debuggers
                blocker = place_of_frame(frames.get(loop_thread))
                self._sightings[blocker] += 1

    def _report_blocker(self, lag: float) -> None:
        sightings, self._sightings = self._sightings, Counter()
        # Samples in which no user code was on the stack.
        with contextlib.suppress(KeyError):
            del sightings["", ""]
        for (function, place), times in sightings.most_common(1):
            if times >= MIN_SIGHTINGS and function not in self._reported:
                self._reported.add(function)
                self._report(
                    f"{function} ({place}) blocked the event loop for {lag:.1f} s: meanwhile the server "
                    "answered nobody. "
                    f"Make it await, or call it with `await asyncio.to_thread(…)`; a poller whose `run` is a plain "
                    f"`def` runs in a thread of its own"
                )
