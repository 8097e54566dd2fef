"""A fault with a lease: it ends by itself unless it is renewed, so a crash of this process heals it within one term."""

import asyncio
from collections.abc import Awaitable, Callable

from demo.errors import FaultError
from demo.faults.process_kill import SystemRun, has_system_terminated, has_target_terminated
from demo.processes.child import is_dying
from demo.types import Plan

TERM_SEC = 3.0
"""How long a fault outlives the process that renews it."""

RENEW_SEC = 1.0
LATE_SEC = 1.0
"""How long a renewal that was requested just before the end may take to have its effect."""


async def wait_for_expiry() -> None:
    """Wait until a lease that is no longer renewed has expired, for a target that cannot be asked from here."""
    await asyncio.sleep(TERM_SEC + LATE_SEC)


async def heal_leased(
    lease: "Renewal | None", system_run: SystemRun, plan: Plan, cancel: Callable[[], Awaitable[None]]
) -> None:
    """Heal a leased fault: stop its renewals, then call `cancel`; if it cannot be reached from here, let it expire.

    Raises the `FaultError` of `cancel`, unless the target is terminating: then the fault ends with it.
    """
    if lease is not None:
        await lease.end()
    if has_target_terminated(plan) or has_system_terminated(plan):
        return
    if not system_run.owns(plan):
        await wait_for_expiry()
        return
    try:
        await cancel()
    except FaultError:
        # A killed process drops its connections before it counts as terminated: `cancel` may fail for that reason
        # alone.
        if not await is_dying(lambda: has_target_terminated(plan)):
            raise


class Renewal:
    """Calls `renew` now and every `every_sec`, until `end()` or until `lasts_sec` have passed."""

    def __init__(self, renew: Callable[[], Awaitable[None]], lasts_sec: float, every_sec: float = RENEW_SEC) -> None:
        self._renew = renew
        self._every_sec = every_sec
        self._lasts_sec = lasts_sec
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start renewing. The first call is made here, so that the caller gets its `FaultError`."""
        await self._renew()
        self._task = asyncio.create_task(self._keep_renewing(), name="lease of a fault")

    async def end(self) -> None:
        """Stop renewing; return once no renewal is running, so that none can follow the heal."""
        self._ended.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _keep_renewing(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time() + self._lasts_sec
        while loop.time() < last:
            try:
                async with asyncio.timeout(self._every_sec):
                    await self._ended.wait()
            except TimeoutError:
                try:
                    await self._renew()
                except FaultError:
                    return  # the fault cannot be renewed any more: it expires, and the probes show that
            else:
                return
