"""What earlier servers left broken, healed when a show starts: that of this show first, that of others beside it."""

import asyncio

from demo.conductor.config import HealOthers
from demo.conductor.context import ConductorContext
from demo.conductor.fault_runner import FaultRunner
from demo.show import commands as c
from demo.startup_report import SYSTEM

OTHERS_TIMEOUT_SEC = 5.0
"""How long commands wait for what other shows left; what takes longer is healed beside the show."""


class Leftovers:
    """`done` is set once commands need not wait any more."""

    def __init__(self, context: ConductorContext, faults: FaultRunner, heal_others: HealOthers | None) -> None:
        self._context = context
        self._faults = faults
        self._heal_others = heal_others
        self.done = asyncio.Event()

    def start(self) -> None:
        """Heal beside the show, as tasks."""
        others = None
        if self._heal_others is not None:
            healing = self._heal_others(self._context.journal.path, self._tell)
            others = self._context.spawn(healing, "healing what other shows left")
        self._context.spawn(self._heal(others), "healing what an earlier server left")

    async def _heal(self, others: asyncio.Task[None] | None) -> None:
        try:
            await self._faults.heal_leftovers()
            if others is not None:
                await asyncio.wait({others}, timeout=OTHERS_TIMEOUT_SEC)
        finally:
            self.done.set()

    def _tell(self, text: str, is_good: bool) -> None:
        self._context.enqueue(SYSTEM, c.Notice(text, "note") if is_good else c.Notice(text))
