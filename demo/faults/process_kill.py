"""`CONTAINER_KILL` on a process: SIGKILL, healed by having it started again on the same port."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from demo.errors import FaultError, SubjectError
from demo.processes.child import start_time_of
from demo.processes.handle import Current, Handle
from demo.types import ChaosConfig, Plan

DEATH_SEC = 2.0
LATE_SEC = 0.5
"""A signal is sent in this process: what this process has not done by its end is not done."""


@dataclass(frozen=True)
class SystemRun:
    """The system that a fault is in: one run of it, called `show`, and the process that owns all its parts.

    `by_hand`: what a person does when a heal does not work.
    """

    show: str
    owner: int
    owner_born: int | None
    by_hand: str = ""

    def plan(self, kind: str, target: str, handle: Handle, late_sec: float) -> Plan:
        """A plan for one process of it."""
        undo = {"show": self.show, "pid": handle.pid, "born": handle.born}
        undo |= {"owner": self.owner, "owner_born": self.owner_born}
        return Plan(kind, target, undo, self.by_hand, late_sec)

    def is_home_of(self, plan: Plan) -> bool:
        """Else it is about an earlier run, or one that cannot be reached from here."""
        return plan.undo.get("show") == self.show


def is_gone(plan: Plan) -> bool:
    """The process that the plan is about has ended, and what was done to it with it. Raises `FaultError`."""
    return _has_ended(plan.undo.get("pid"), plan.undo.get("born"))


def has_ended(plan: Plan) -> bool:
    """The whole system that the plan is about has ended, with the process that owned it. Raises `FaultError`."""
    return _has_ended(plan.undo.get("owner"), plan.undo.get("owner_born"))


def _has_ended(pid: object, born: object) -> bool:
    return not isinstance(pid, int) or start_time_of(pid) != born


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


class RestartableProcess(Protocol):
    """A process that can be killed and brought back."""

    @property
    def id(self) -> str: ...

    async def current(self) -> Handle | None:
        """Its process as of now. Raises `SubjectError` when nobody can tell."""

    async def bring_back(self) -> None:
        """Have it started if it is dead, and return when a probe says it is up. Raises `SubjectError`."""

    async def is_up(self) -> bool:
        """By probe."""

    @property
    def is_over(self) -> bool:
        """Ended with its system, by who owns it: it does not come back, and nothing of it is left."""


@dataclass(frozen=True)
class ProcessKill:
    """Kills one part of the system at `home`."""

    config: ChaosConfig
    part: RestartableProcess
    home: SystemRun

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
        return self.home.plan("process_kill", self.target, handle, LATE_SEC)

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
        if has_ended(plan):
            return  # and all its processes with it
        if not self.home.is_home_of(plan):
            raise FaultError(f"the system of {self.target} runs, but cannot be reached from here")
        try:
            await self.part.bring_back()
        except SubjectError as error:
            if not has_ended(plan):
                raise FaultError(f"{self.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        return has_ended(plan) or (self.home.is_home_of(plan) and (self.part.is_over or await self.part.is_up()))

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """A node that only lost Redis is degraded: another fault's doing."""
        found = [n for n in health.get("nodes", ()) if n.get("id") == self.target]
        return not found or found[0].get("health") not in ("up", "degraded")
