"""The matrix on the rate limiter: its cells, and the system that runs through all of them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from demo.cli import standalone
from demo.subjects.ratelimiter.attached_system import AttachedSystem
from demo.subjects.ratelimiter.faults import TrafficOrders
from demo.subjects.standalone import StandaloneSystem
from tests.support.matrix import HEALERS, SCENARIOS, Cell, CellRun
from tests.support.self_killing_subject import STEPS
from tests.support.servers import wait_for

PARTS = {"kill-node": "node-2", "burst": "traffic", "pause-redis": "redis"}

CELLS = tuple(
    [Cell(fault, step, healer) for fault in PARTS for step in STEPS for healer in HEALERS]
    + [Cell(fault, end) for fault in PARTS for end in SCENARIOS]
)


QUIET: Mapping[str, Any] = {"load": 0.1}
"""No cell counts requests: the lowest steady load costs the least CPU while cells wait."""


class LimiterSystem:
    """A rate limiter that runs apart from the servers under test, for all cells."""

    faults_replacing_target = ("kill-node",)
    late_sec = 0.0
    own_scenarios: Mapping[str, Callable[[CellRun], None]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.standing: StandaloneSystem = standalone.up("ratelimiter", name, QUIET)

    @property
    def serve_args(self) -> tuple[str, ...]:
        return ("tests.support.self_killing_subject:Limiter", "--attach", self.name)

    def end(self) -> None:
        standalone.down(self.name)

    def pids(self) -> dict[str, int]:
        """Of each part, as its supervisor has it."""

        async def ask() -> dict[str, int]:
            system = AttachedSystem(self.name)
            await system.start()
            await system.stop()
            return {part.id: part.handle.pid for part in system.parts if part.handle is not None}

        return asyncio.run(ask())

    def list_broken(self) -> list[str]:
        """List what is broken, by probes of our own: the server is not asked."""

        async def look() -> list[str]:
            system = AttachedSystem(self.name)
            try:
                await system.start()  # which processes the parts are: nobody else on their ports counts
                found = [part.id for part in system.parts if not await part.is_up()]
                with contextlib.suppress(Exception):
                    found += ["bursting"] if await TrafficOrders(system).is_bursting() else []
            finally:
                await system.stop()
            return found

        return asyncio.run(look())

    def target_identity(self, fault: str) -> int:
        return self.pids()[PARTS[fault]]

    def replace(self, fault: str) -> None:
        if fault not in self.faults_replacing_target:
            os.kill(self.target_identity(fault), signal.SIGKILL)
            wait_for(lambda: PARTS[fault] in self.list_broken(), 5.0)
        standalone.heal(self.name)

    def repair(self) -> None:
        standalone.heal(self.name)
