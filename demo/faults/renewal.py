"""A fault that ends by itself unless it is renewed: a crash of this process heals it within one term."""

import asyncio
from collections.abc import Awaitable, Callable

from demo.errors import FaultError
from demo.faults.process_kill import SystemRun, has_ended, is_gone
from demo.processes.child import is_dying
from demo.types import Plan

TERM_SEC = 3.0
"""How long a fault outlives the process that holds its lease."""

RENEW_SEC = 1.0
LATE_SEC = 1.0
"""How long a term that was asked for just before the end may take to begin."""


async def run_out() -> None:
    """Wait until a lease that nobody renews any more has ended, for a target that cannot be asked from here."""
    await asyncio.sleep(TERM_SEC + LATE_SEC)


async def end_leased(
    lease: "Renewal | None", home: SystemRun, plan: Plan, call_off: Callable[[], Awaitable[None]]
) -> None:
    """Heal a leased fault: no renewal any more, then `call_off`; what cannot be reached from here runs out.

    Raises the `FaultError` of `call_off`, unless the target is dying: what was done to it dies with it.
    """
    if lease is not None:
        await lease.end()
    if is_gone(plan) or has_ended(plan):
        return
    if not home.is_home_of(plan):
        await run_out()
        return
    try:
        await call_off()
    except FaultError:
        if not await is_dying(lambda: is_gone(plan)):
            raise


class Renewal:
    """Calls `renew` now and every `every_sec`, until `end()` or until `lasts_sec` are over."""

    def __init__(self, renew: Callable[[], Awaitable[None]], lasts_sec: float, every_sec: float = RENEW_SEC) -> None:
        self._renew = renew
        self._every_sec = every_sec
        self._lasts_sec = lasts_sec
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The first call is made here, so that its `FaultError` reaches whoever injects."""
        await self._renew()
        self._task = asyncio.create_task(self._keep(), name="lease of a fault")

    async def end(self) -> None:
        """Returns when no renewal is under way: nothing of ours can break what is healed next."""
        self._ended.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
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
                    return  # it cannot be held any longer: it ends by itself, and the probes show it
            else:
                return
