"""Targets that somebody else brings back while their fault runs: noticed by the driver's own look at them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from demo.conductor.context import ConductorContext
from demo.show import FaultState
from demo.show import commands as c
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Plan
from demo.watchdog.undo import has_landed

LOOK_FIRST_SEC, LOOK_EVERY_SEC = 0.1, 1.0
LOOK_TIMEOUT_SEC = 5.0
IDLE_SHARE = 5
"""A look that takes long is followed by a pause of so many times as long."""

LAST_LOOK_SEC = 0.2
"""What a heal may wait for a look at what it is about to undo."""

LOOKS_IN_A_ROW = 2
LOOKS_UNSEEN = 3
"""So often it must look healed: had it been seen broken before, and had it only been seen that the deed was done."""

OWN_END_SEC, OWN_END_SHARE = 1.0, 0.2
"""What ends so shortly before its time (seconds, or a share of it) has ended as it was meant to."""


@dataclass
class _Run:
    """One run of a fault. `was_broken`: seen so since its injection; `back_at`: since when it looks healed."""

    run: int
    driver: FaultDriver
    plan: Plan
    was_broken: bool = False
    has_landed: bool = False
    back_at: float | None = None
    looks: int = 0

    @property
    def is_back(self) -> bool:
        return (self.was_broken and self.looks >= LOOKS_IN_A_ROW) or (self.has_landed and self.looks >= LOOKS_UNSEEN)


class RecoveryWatch:
    """Looks at the target of each fault that is in place, and reports one that is back without a heal.

    Only what was seen broken, or where the deed was seen done, can come back: a driver may take a while to see the
    effect, and a fault without one is healed from the beginning.
    """

    def __init__(self, context: ConductorContext, drivers: Mapping[str, FaultDriver]) -> None:
        self._context = context
        self._drivers = drivers
        self._runs: dict[str, _Run] = {}

    def watch(self, name: str, run: int, plan: Plan) -> None:
        """It is in place now."""
        watched = self._runs[name] = _Run(run, self._drivers[name], plan)
        self._context.spawn(self._look_often(name, watched), f"watching the target of {name}")

    async def before_heal(self, name: str, run: int) -> float | None:
        """Since when it was back before this heal of ours; None when it was not, or not known to be."""
        watched = self._runs.pop(name, None)
        if watched is None or watched.run != run or not (watched.was_broken or watched.has_landed):
            return None
        await self._look(watched, LAST_LOOK_SEC)
        fault = self._context.state.fault(name)
        return watched.back_at if fault is not None and _counts(fault, watched.back_at) else None

    async def _look_often(self, name: str, watched: _Run) -> None:
        pause = LOOK_FIRST_SEC
        while self._runs.get(name) is watched:
            fault = self._context.state.fault(name)
            if fault is None or fault.run != watched.run or fault.state not in ("injecting", "active"):
                return
            if fault.state == "active":
                began = time.monotonic()
                await self._look(watched, LOOK_TIMEOUT_SEC)
                took = time.monotonic() - began
                if watched.is_back and watched.back_at is not None and _counts(fault, watched.back_at):
                    self._context.enqueue("show", c.TargetBack(name, watched.run, watched.back_at))
                pause = max(min(LOOK_EVERY_SEC, pause * 2), took * IDLE_SHARE)
            await asyncio.sleep(pause)

    async def _look(self, watched: _Run, limit: float) -> None:
        """Not to know is no proof of a return."""
        at = self._context.clock()
        try:
            healed = await run_with_timeout(limit, watched.driver.is_healed(watched.plan), "a look")
        except Exception:  # noqa: BLE001 - who heals it says what is wrong with the driver
            healed = False
        else:
            watched.was_broken = watched.was_broken or not healed
        if not healed:
            watched.back_at, watched.looks = None, 0
            return
        if not watched.was_broken and not watched.has_landed:
            watched.has_landed = await has_landed(watched.driver, watched.plan)
        watched.back_at = at if watched.back_at is None else watched.back_at
        watched.looks += 1


def _counts(fault: FaultState, back_at: float | None) -> bool:
    """Not so near to its own end that it may have ended as it was meant to."""
    if back_at is None:
        return False
    if fault.heals_at is None:
        return True
    lasts = fault.config.duration_sec
    applying = max(0.0, fault.heals_at - lasts - (fault.injected_at or fault.heals_at - lasts))
    return back_at < fault.heals_at - applying - max(OWN_END_SEC, lasts * OWN_END_SHARE)
