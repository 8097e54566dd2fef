"""What the chapters do when they are entered: break one thing, watch, and say what was measured."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from demo.subjects.ratelimiter.faults import BURST, KILL, PAUSE
from demo.subjects.ratelimiter.verdicts import Requests, of_burst, of_kill, of_pause
from demo.types import Stage

RECOVERY_SEC = 20.0
"""How long beyond its own duration a fault is given to be gone."""

READING_SEC = 8.0


class Acts:
    def __init__(self, stage: Stage, reading_sec: float = READING_SEC) -> None:
        self._stage = stage
        self._reading_sec = reading_sec

    async def kill(self) -> None:
        before, _ = await self._break(KILL.name, KILL.duration_sec)
        requests = Requests.between(before, self._stage.health())
        await self._stage.conclude(*of_kill(self._stage.measured(KILL.name), requests))

    async def burst(self) -> None:
        _, since = await self._break(BURST.name, BURST.duration_sec)
        await self._stage.conclude(*of_burst(self._counters(), since))

    async def pause(self) -> None:
        before, since = await self._break(PAUSE.name, PAUSE.duration_sec)
        requests = Requests.between(before, self._stage.health())
        await self._stage.conclude(*of_pause(self._counters(), since, requests))
        await asyncio.sleep(self._reading_sec)  # the evidence comes next, by itself: leave time to read this first

    async def _break(self, name: str, lasts_sec: float) -> tuple[Mapping[str, Any] | None, float]:
        """The health and the time (epoch seconds) before it; returns once it is healed and gone."""
        await self._stage.countdown(3)
        before, since = self._stage.health(), time.time()
        await self._stage.inject(name)
        await self._stage.wait_recovered(name, lasts_sec + RECOVERY_SEC)
        return before, since

    def _counters(self) -> Iterable[Mapping[str, Any]]:
        return (self._stage.health() or {}).get("counters") or ()
