"""`CONTAINER_KILL` on a process of ours: SIGKILL; healed by having it restarted on the same port."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from demo.errors import FaultError, SubjectError
from demo.faults.node_health import are_shown_up, is_shown_down
from demo.processes.handle import Current, Handle
from demo.processes.process_ref import ProcessRef
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


def _has_terminated(pid: object, born: int | None) -> bool:
    # A pid alone proves nothing, it may be another process's by now: the start time must match too.
    return not isinstance(pid, int) or ProcessRef(pid, born).has_terminated


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
        """Return whether its owner has stopped it with the whole system: it will not be restarted."""


class ProcessKill:
    """Kills a process of the system run `system_run`: `part`, unless one injection names another of `parts`."""

    def __init__(
        self,
        config: ChaosConfig,
        part: RestartableProcess,
        system_run: SystemRun,
        parts: Sequence[RestartableProcess] = (),
    ) -> None:
        self.config = config
        self.system_run = system_run
        self._part = part
        self._parts = {one.id: one for one in (*parts, part)}
        self._planned = part.id

    @property
    def target(self) -> str:
        return self._part.id

    @property
    def observable(self) -> str:
        return f"{self._planned} is down"

    def targets(self) -> Sequence[str]:
        return tuple(self._parts)

    async def plan(self) -> Plan:
        return await self.plan_for(self._part.id)

    async def plan_for(self, target: str) -> Plan:
        handle = await current_process(self._find(target).current)
        if handle is None or not handle.is_alive:
            raise FaultError(f"{target} is not running, so it cannot be killed: heal it first")
        self._planned = target
        return self.system_run.plan("process_kill", target, handle, LATE_SEC)

    def _find(self, target: str) -> RestartableProcess:
        if target not in self._parts:
            raise FaultError(f"there is no target {target!r}: nothing was touched")
        return self._parts[target]

    async def inject(self, plan: Plan) -> None:
        current = self._find(plan.target).current
        handle = await current_process(current)
        # The plan has the undo of that process only: one that was restarted since must not be killed.
        if handle is None or not await same_process(plan, current):
            raise FaultError(f"{plan.target} was restarted meanwhile: nothing was killed")
        handle.kill()
        try:
            async with asyncio.timeout(DEATH_SEC):
                await handle.wait()
        except TimeoutError as error:
            raise FaultError(f"{plan.target} did not terminate within {DEATH_SEC:.0f} s of SIGKILL") from error

    async def heal(self, plan: Plan) -> None:
        if has_system_terminated(plan):
            return  # and all its processes with it
        # The plan is of a run that is not ours or was not found: restarting a part of ours would heal nothing.
        if not self.system_run.owns(plan):
            raise FaultError(f"the system of {plan.target} is still running, but cannot be reached from here")
        try:
            await self._find(plan.target).ensure_running()
        except SubjectError as error:
            if not has_system_terminated(plan):
                raise FaultError(f"{plan.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        if has_system_terminated(plan):
            return True
        if not self.system_run.owns(plan):
            return False
        part = self._find(plan.target)
        return part.is_over or await part.is_up()

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return is_shown_down(health, self._planned)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return are_shown_up(health, (self._planned,))
