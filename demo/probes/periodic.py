"""A probe on a beat of its own: one part that answers slowly holds up no other."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from demo.clock import CLOCK
from demo.probes.result import Reading

NOTHING_YET = Reading(trouble="not looked at yet")


class Pulse:
    """Looks every `every_sec` seconds, and at once when hurried; `changed` is called after each look.

    `look` answers within a deadline of its own and never raises. `at`: the moment the newest look was begun;
    `worked_at`: the same of the newest that went well; 0 before the first.
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
        """By how much the newest look began after it was due: what the others cost this one."""

    async def run(self) -> None:
        """Until cancelled."""
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
            due = max(due + self._every_sec, time.monotonic())
            try:
                async with asyncio.timeout(due - time.monotonic()):
                    await self._hurried.wait()
            except TimeoutError:
                continue
            due = time.monotonic()

    def hurry(self) -> None:
        """Something has happened to this part: look now."""
        self._hurried.set()
