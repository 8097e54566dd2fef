"""`CONTAINER_KILL` on a process of ours: SIGKILL; healed by having it restarted on the same port."""

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
"""A signal is sent by this process itself, so an injection cannot take effect long after this process has ended."""


@dataclass(frozen=True)
class SystemRun:
    """One run of the system that a fault targets, named `show`, with the process that owns all its parts.

    `manual_command`: what a person does when a heal does not work.
    """

    show: str
    owner: int
    owner_born: int | None
    manual_command: str = ""

    def plan(self, kind: str, target: str, handle: Handle, late_sec: float) -> Plan:
        """Return a plan for one process of this run."""
        undo = {"show": self.show, "pid": handle.pid, "born": handle.born}
        undo |= {"owner": self.owner, "owner_born": self.owner_born}
        return Plan(kind, target, undo, self.manual_command, late_sec)

    def owns(self, plan: Plan) -> bool:
        """Return whether the plan belongs to this run, not to an earlier one or one out of reach from here."""
        return plan.undo.get("show") == self.show


def has_target_terminated(plan: Plan) -> bool:
    """Return whether the plan's target process has terminated, and its fault with it. Raises `FaultError`."""
    return _has_terminated(plan.undo.get("pid"), plan.undo.get("born"))


def has_system_terminated(plan: Plan) -> bool:
    """Return whether the process that owned the plan's whole system has terminated. Raises `FaultError` if unknown."""
    return _has_terminated(plan.undo.get("owner"), plan.undo.get("owner_born"))


def _has_terminated(pid: object, born: object) -> bool:
    # A pid alone proves nothing, it may be another process's by now: the start time must match too.
    return not isinstance(pid, int) or start_time_of(pid) != born


async def same_process(plan: Plan, current: Current) -> bool:
    """Return whether the target still is the process that was planned for. Raises `FaultError` if unknown."""
    handle = await current_process(current)
    return handle is not None and (handle.pid, handle.born) == (plan.undo["pid"], plan.undo["born"])


async def current_process(current: Current) -> Handle | None:
    """Return the process as of now. Raises `FaultError` if that cannot be told."""
    try:
        return await current()
    except SubjectError as error:
        raise FaultError(str(error)) from error


class RestartableProcess(Protocol):
    """A process that can be killed and restarted."""

    @property
    def id(self) -> str: ...

    async def current(self) -> Handle | None:
        """Return its process as of now. Raises `SubjectError` if that cannot be told."""

    async def ensure_running(self) -> None:
        """Restart it if it is dead, and return once a probe says it is up. Raises `SubjectError`."""

    async def is_up(self) -> bool:
        """Return whether it answers a probe now."""

    @property
    def is_over(self) -> bool:
        """Whether its owner has stopped it with the whole system: it will not be restarted."""


@dataclass(frozen=True)
class ProcessKill:
    """Kills one process of the system run `system_run`."""

    config: ChaosConfig
    part: RestartableProcess
    system_run: SystemRun

    @property
    def target(self) -> str:
        return self.part.id

    @property
    def observable(self) -> str:
        return f"{self.part.id} is down"

    async def plan(self) -> Plan:
        handle = await current_process(self.part.current)
        if handle is None or not handle.is_alive:
            raise FaultError(f"{self.target} is not running, so it cannot be killed: heal it first")
        return self.system_run.plan("process_kill", self.target, handle, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        handle = await current_process(self.part.current)
        # The plan has the undo of that process only: one that was restarted since must not be killed.
        if handle is None or not await same_process(plan, self.part.current):
            raise FaultError(f"{self.target} was restarted meanwhile: nothing was killed")
        handle.kill()
        try:
            async with asyncio.timeout(DEATH_SEC):
                await handle.wait()
        except TimeoutError as error:
            raise FaultError(f"{self.target} did not terminate within {DEATH_SEC:.0f} s of SIGKILL") from error

    async def heal(self, plan: Plan) -> None:
        if has_system_terminated(plan):
            return  # and all its processes with it
        # The plan is of a run that is not ours or was not found: restarting a part of ours would heal nothing.
        if not self.system_run.owns(plan):
            raise FaultError(f"the system of {self.target} is still running, but cannot be reached from here")
        try:
            await self.part.ensure_running()
        except SubjectError as error:
            if not has_system_terminated(plan):
                raise FaultError(f"{self.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        return has_system_terminated(plan) or (
            self.system_run.owns(plan) and (self.part.is_over or await self.part.is_up())
        )

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """Return whether the sample shows the target down. Degraded is not down: it lacks Redis."""
        matching_nodes = [n for n in health.get("nodes", ()) if n.get("id") == self.target]
        return not matching_nodes or matching_nodes[0].get("health") not in ("up", "degraded")
