"""`CONTAINER_KILL` on a process: SIGKILL, healed by having it started again on the same port."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from demo.chaos.child import birth_of
from demo.errors import FaultError, SubjectError
from demo.types import ChaosConfig, Plan

DEATH_SEC = 2.0


class Handle(Protocol):
    """One process, whether it is a child of this one or not: named by pid and birth, never by the pid alone."""

    @property
    def pid(self) -> int | None: ...

    @property
    def born(self) -> int | None:
        """In clock ticks since boot."""

    @property
    def is_alive(self) -> bool: ...

    @property
    def was_killed(self) -> bool:
        """Ended by SIGKILL, ours or anybody's."""

    def kill(self) -> None:
        """SIGKILL; nothing happens if it is gone already."""

    async def wait(self) -> int | None:
        """Returns when it has ended."""


Current = Callable[[], Awaitable[Handle | None]]
"""A part's process as of now. Raises `SubjectError` when nobody can tell."""


def identity(show: str, handle: Handle) -> dict[str, Any]:
    """What a plan writes down of its target: which process of which system."""
    return {"show": show, "pid": handle.pid, "born": handle.born}


def is_gone(plan: Plan) -> bool:
    """The process that the plan is about has ended, and what was done to it with it."""
    pid = plan.undo.get("pid")
    return not isinstance(pid, int) or birth_of(pid) != plan.undo.get("born")


async def same_process(plan: Plan, current: Current) -> bool:
    """Is the target still the process that was planned for? Raises `FaultError` when nobody can tell."""
    handle = await ask(current)
    return handle is not None and (handle.pid, handle.born) == (plan.undo["pid"], plan.undo["born"])


async def ask(current: Current) -> Handle | None:
    """The process as of now. Raises `FaultError` when nobody can tell."""
    try:
        return await current()
    except SubjectError as error:
        raise FaultError(str(error)) from error


class Part(Protocol):
    """A process that can be killed and brought back."""

    @property
    def id(self) -> str: ...

    async def current(self) -> Handle | None:
        """Its process as of now. Raises `SubjectError` when nobody can tell."""

    async def bring_back(self) -> None:
        """Have it started if it is dead, and return when a probe says it is up. Raises `SubjectError`."""

    async def is_up(self) -> bool:
        """By probe."""

    def is_lost(self) -> bool:
        """Has the whole system it belonged to ended, for good?"""


@dataclass(frozen=True)
class ProcessKill:
    """Kills one part. `show` names the running system: a plan of another one has lost its target."""

    config: ChaosConfig
    part: Part
    show: str
    by_hand: str = ""

    @property
    def target(self) -> str:
        return self.part.id

    @property
    def observable(self) -> str:
        return f"{self.part.id} is down"

    async def plan(self) -> Plan:
        handle = await ask(self.part.current)
        if handle is None or not handle.is_alive:
            raise FaultError(f"{self.target} is not running, so it cannot be killed: heal it first")
        return Plan("process_kill", self.target, identity(self.show, handle), self.by_hand)

    async def inject(self, plan: Plan) -> None:
        handle = await ask(self.part.current)
        if handle is None or not await same_process(plan, self.part.current):
            raise FaultError(f"{self.target} was started anew meanwhile: nothing was killed")
        handle.kill()
        try:
            async with asyncio.timeout(DEATH_SEC):
                await handle.wait()
        except TimeoutError as error:
            raise FaultError(f"{self.target} did not end within {DEATH_SEC:.0f} s of SIGKILL") from error

    async def heal(self, plan: Plan) -> None:
        if self._is_of_another(plan) or self.part.is_lost():
            return  # killed in a system that has ended since, and all its processes with it
        try:
            await self.part.bring_back()
        except SubjectError as error:
            if not self.part.is_lost():
                raise FaultError(f"{self.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        if self._is_of_another(plan):
            return is_gone(plan)
        return await self.part.is_up() or self.part.is_lost()

    def _is_of_another(self, plan: Plan) -> bool:
        return plan.undo.get("show") != self.show

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """A node that only lost Redis is degraded: another fault's doing."""
        found = [n for n in health.get("nodes", ()) if n.get("id") == self.target]
        return not found or found[0].get("health") not in ("up", "degraded")
