"""Repeats one probe at its own interval: a part that answers slowly delays no other."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from demo.clock import CLOCK
from demo.probes.result import Reading

NOTHING_YET = Reading(trouble="not checked yet")


class Pulse:
    """Calls `look` every `every_sec` seconds, and at once after `hurry`; calls `changed` after each time.

    `look` has a timeout of its own and never raises. `at`: when the newest look began (a moment); `worked_at`: the same
    of the newest one that succeeded; both 0 before the first.
    """

    def __init__(self, look: Callable[[], Awaitable[Reading]], every_sec: float, changed: Callable[[], None]) -> None:
        self._look = look
        self._every_sec = every_sec
        self._changed = changed
        self._hurried = asyncio.Event()
        self.reading = NOTHING_YET
        self.at = 0.0
        self.worked_at = 0.0
        self.late_sec = 0.0
        """By how much the newest look began after it was due: how far the event loop was behind."""

    async def run(self) -> None:
        """Run until cancelled."""
        due = time.monotonic()
        while True:
            self._hurried.clear()
            self.late_sec = max(0.0, time.monotonic() - due)
            begun = CLOCK.now()
            reading = await self._look()
            self.reading, self.at = reading, begun
            if reading.ok:
                self.worked_at = begun
            self._changed()
            # From when it was due, so that the interval does not drift; a late look is not made up for by a burst.
            due = max(due + self._every_sec, time.monotonic())
            try:
                async with asyncio.timeout(due - time.monotonic()):
                    await self._hurried.wait()
            except TimeoutError:
                continue
            due = time.monotonic()

    def hurry(self) -> None:
        """Look now: something has happened to this part."""
        self._hurried.set()
