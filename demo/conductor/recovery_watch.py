"""Notices targets that somebody else restores while their fault is active, by asking the fault's driver."""

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

FIRST_CHECK_INTERVAL_SEC, CHECK_INTERVAL_SEC = 0.1, 1.0
CHECK_TIMEOUT_SEC = 5.0
PAUSE_FACTOR = 5
"""A slow check is followed by a pause of this many times its own duration."""

FINAL_CHECK_TIMEOUT_SEC = 0.2
"""How long a heal may be delayed by the check of the target right before it."""

CHECKS_AFTER_BROKEN = 2
CHECKS_WITHOUT_BROKEN = 3
"""How many checks in a row must find the target healed: after one found it broken, and where none did but the
driver reported that the injection took effect."""

ON_TIME_MARGIN_SEC, ON_TIME_MARGIN_SHARE = 1.0, 0.2
"""A target that is back this shortly before the fault's end (seconds, or a share of its duration) ended on time."""


@dataclass
class _Run:
    """One run of a fault.

    `was_broken`: a check since the injection found the target broken. `back_at`: since when it looks healed.
    `healed_checks`: how many checks in a row found it healed.
    """

    run: int
    driver: FaultDriver
    plan: Plan
    was_broken: bool = False
    has_landed: bool = False
    back_at: float | None = None
    healed_checks: int = 0

    @property
    def is_back(self) -> bool:
        return (self.was_broken and self.healed_checks >= CHECKS_AFTER_BROKEN) or (
            self.has_landed and self.healed_checks >= CHECKS_WITHOUT_BROKEN
        )


class RecoveryWatch:
    """Checks the target of each active fault, and reports one that is back without a heal.

    A target can only come back after it was seen broken, or after its driver reported that the injection took effect:
    a driver may need a while to see the effect, and a fault without any effect looks healed from the beginning.
    """

    def __init__(self, context: ConductorContext, drivers: Mapping[str, FaultDriver]) -> None:
        self._context = context
        self._drivers = drivers
        self._runs: dict[str, _Run] = {}

    def watch(self, name: str, run: int, plan: Plan) -> None:
        """Start checking the target of a fault that was just injected."""
        watched = self._runs[name] = _Run(run, self._drivers[name], plan)
        self._context.spawn(self._check_repeatedly(name, watched), f"watching the target of {name}")

    async def before_heal(self, name: str, run: int) -> float | None:
        """Stop watching a fault and return since when its target was back before this heal; None when it was not.

        Checks the target once more, so that a heal right after a return does not count as the recovery.
        """
        watched = self._runs.pop(name, None)
        if watched is None or watched.run != run or not (watched.was_broken or watched.has_landed):
            return None
        await self._check(watched, FINAL_CHECK_TIMEOUT_SEC)
        fault = self._context.state.fault(name)
        return watched.back_at if fault is not None and _is_before_own_end(fault, watched.back_at) else None

    async def _check_repeatedly(self, name: str, watched: _Run) -> None:
        pause_sec = FIRST_CHECK_INTERVAL_SEC
        while self._runs.get(name) is watched:
            fault = self._context.state.fault(name)
            if fault is None or fault.run != watched.run or fault.state not in ("injecting", "active"):
                return
            if fault.state == "active":
                began = time.monotonic()
                await self._check(watched, CHECK_TIMEOUT_SEC)
                took_sec = time.monotonic() - began
                if watched.is_back and watched.back_at is not None and _is_before_own_end(fault, watched.back_at):
                    self._context.enqueue("show", c.TargetBack(name, watched.run, watched.back_at))
                # A slow check is a burden for the target: the more it takes, the rarer it is repeated.
                pause_sec = max(min(CHECK_INTERVAL_SEC, pause_sec * 2), took_sec * PAUSE_FACTOR)
            await asyncio.sleep(pause_sec)

    async def _check(self, watched: _Run, limit: float) -> None:
        """Ask the driver once whether the target is healed. A check that fails or times out counts as not healed."""
        # Before the check, so that a slow one does not make the return look later than it was.
        at = self._context.clock()
        try:
            healed = await run_with_timeout(limit, watched.driver.is_healed(watched.plan), "a check of the target")
        except Exception:  # noqa: BLE001 - the next heal reports what is wrong with the driver
            healed = False
        else:
            watched.was_broken = watched.was_broken or not healed
        if not healed:
            watched.back_at, watched.healed_checks = None, 0
            return
        # Only needed where no check has found the target broken, so the target is spared the second request.
        if not watched.was_broken and not watched.has_landed:
            watched.has_landed = await has_landed(watched.driver, watched.plan)
        watched.back_at = at if watched.back_at is None else watched.back_at
        watched.healed_checks += 1


def _is_before_own_end(fault: FaultState, back_at: float | None) -> bool:
    """Return whether the target was back so early that the fault cannot just have ended on time."""
    if back_at is None:
        return False
    if fault.heals_at is None:
        return True
    lasts = fault.duration_sec
    # The injection took so long. A driver's own timer, as a lease, may have started that much before the show's.
    applying = max(0.0, fault.heals_at - lasts - (fault.injected_at or fault.heals_at - lasts))
    return back_at < fault.heals_at - applying - max(ON_TIME_MARGIN_SEC, lasts * ON_TIME_MARGIN_SHARE)
