"""`CONTAINER_KILL` on a process of ours: SIGKILL, healed by starting it again on the same port."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from demo.chaos.child import Child, birth_of
from demo.errors import FaultError, SubjectError
from demo.types import ChaosConfig, Plan

DEATH_SEC = 2.0


class Part(Protocol):
    """A process that can be killed and brought back."""

    @property
    def id(self) -> str: ...

    @property
    def child(self) -> Child | None: ...

    async def bring_back(self) -> None:
        """Start it if it is dead, and return when a probe says it is up. Raises `SubjectError`."""

    async def is_up(self) -> bool:
        """By probe."""


@dataclass(frozen=True)
class ProcessKill:
    """Kills one part. `show` names the running system: a plan of another one has lost its target."""

    config: ChaosConfig
    part: Part
    show: str

    @property
    def target(self) -> str:
        return self.part.id

    @property
    def observable(self) -> str:
        return f"{self.part.id} is down"

    async def plan(self) -> Plan:
        child = self.part.child
        if child is None or child.pid is None or not child.is_alive:
            raise FaultError(f"{self.target} is not running, so it cannot be killed: heal it first")
        undo = {"show": self.show, "pid": child.pid, "born": birth_of(child.pid)}
        return Plan(kind="process_kill", target=self.target, undo=undo)

    async def inject(self, plan: Plan) -> None:
        child = self.part.child
        if child is None or child.pid != plan.undo["pid"]:
            raise FaultError(f"{self.target} was started anew meanwhile: nothing was killed")
        child.kill()
        try:
            async with asyncio.timeout(DEATH_SEC):
                await child.wait()
        except TimeoutError as error:
            raise FaultError(f"{self.target} did not end within {DEATH_SEC:.0f} s of SIGKILL") from error

    async def heal(self, plan: Plan) -> None:
        if plan.undo.get("show") != self.show:
            return  # killed in an earlier show, whose processes all ended with it
        try:
            await self.part.bring_back()
        except SubjectError as error:
            raise FaultError(f"{self.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        if plan.undo.get("show") != self.show:
            pid = plan.undo.get("pid")
            return not isinstance(pid, int) or birth_of(pid) != plan.undo.get("born")
        return await self.part.is_up()

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """A node that only lost Redis is degraded: another fault's doing."""
        found = [n for n in health.get("nodes", ()) if n.get("id") == self.target]
        return not found or found[0].get("health") not in ("up", "degraded")
