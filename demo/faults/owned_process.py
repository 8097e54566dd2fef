"""Faults on a process of the show's own: killed (`CONTAINER_KILL`) or suspended (`CONTAINER_PAUSE`), with all of it.

Healing needs the plan alone: it names the supervisor that owns the process. If that has ended, the process has, too.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from demo.errors import FaultError, InvalidValue, SubjectError
from demo.faults.node_health import is_shown_down
from demo.processes.owned import healing
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.identity import SupervisorIdentity
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import is_stopped
from demo.types import ChaosConfig, ChaosType, Plan

LATE_SEC = 0.5
"""A signal is sent by this process itself, so an injection cannot take effect long after this process has ended."""

SETTLE_SEC = 2.0
CHECK_INTERVAL_SEC = 0.02
RESTART_TIMEOUT_SEC = 10.0
"""Shorter than the time that a heal has: a start that takes longer goes on, and is looked after by `is_healed`."""


class OwnedProcessFault:
    """Breaks the process `name` of `processes`, or one of `names` that an injection asks for.

    `nodes`: the ids under which the process is shown, by its name; without an entry it is the name itself.
    """

    def __init__(
        self,
        config: ChaosConfig,
        processes: OwnedProcesses,
        name: str,
        names: Sequence[str] = (),
        nodes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        if config.chaos_type not in (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_PAUSE):
            raise InvalidValue(f"fault {config.name!r}: a process is killed or paused")
        self.config = config
        self._kills = config.chaos_type is ChaosType.CONTAINER_KILL
        self._processes, self._name = processes, name
        self._names = tuple(dict.fromkeys((*names, name)))
        self._nodes = nodes or {}
        self._planned = name

    @property
    def target(self) -> str:
        return self._name

    @property
    def observable(self) -> str:
        return f"{self._planned} is down"

    def targets(self) -> Sequence[str]:
        return self._names

    async def plan(self) -> Plan:
        return await self.plan_for(self._name)

    async def plan_for(self, target: str) -> Plan:
        if target not in self._names:
            raise FaultError(f"there is no target {target!r}: nothing was touched")
        supervisor = self._processes.identity
        verb = "killed" if self._kills else "paused"
        try:
            state = self._processes.state(target)
        except SubjectError as error:
            raise FaultError(str(error)) from error
        if supervisor is None or not state.alive or state.pid is None:
            raise FaultError(f"{target} is not running, so it cannot be {verb}: heal it first")
        if state.suspended:
            raise FaultError(f"{target} is already suspended: heal it first")
        self._planned = target
        undo = {"supervisor": supervisor.to_json(), "process": target, "pid": state.pid, "born": state.born}
        by_hand = "end this show: all its processes end with it" if self._kills else f"kill -CONT {state.pid}"
        return Plan(f"owned_process_{'kill' if self._kills else 'pause'}", target, undo, by_hand, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        process = _process_of(plan)
        # The plan has the undo of that process only: one that was restarted since must not be hit.
        if process.has_terminated:
            raise FaultError(f"{plan.target} has terminated meanwhile: nothing was changed")
        await (_kill(plan) if self._kills else _suspend(plan))

    async def heal(self, plan: Plan) -> None:
        supervisor = _supervisor_of(plan)
        if supervisor.has_ended:
            return  # and all its processes with it
        if not self._kills:
            await _resume(plan)
            return
        try:
            if self._processes.identity == supervisor:
                await self._processes.restart(plan.target)
            else:
                await healing.restart(supervisor, plan.target, RESTART_TIMEOUT_SEC)
        except SubjectError as error:
            if not _has_ended(supervisor):
                raise FaultError(f"{plan.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        supervisor = _supervisor_of(plan)
        if supervisor.has_ended:
            return True
        if not self._kills:
            if _process_of(plan).has_terminated:
                return True  # what was done to it ended with it
            return not any(is_stopped(one.pid) for one in await _members(plan))
        try:
            return (await healing.observe(supervisor, plan.target)).is_up
        except SubjectError as error:
            if _has_ended(supervisor):
                return True
            raise FaultError(f"{plan.target} cannot be checked: {error}") from error

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(is_shown_down(health, node) for node in self._nodes.get(self._planned, (self._planned,)))


def _process_of(plan: Plan) -> ProcessRef:
    return ProcessRef(plan.undo["pid"], plan.undo["born"])


def _supervisor_of(plan: Plan) -> SupervisorIdentity:
    return SupervisorIdentity.from_json(plan.undo["supervisor"])


def _has_ended(supervisor: SupervisorIdentity) -> bool:
    """Return whether it has ended meanwhile."""
    return supervisor.has_ended


async def _kill(plan: Plan) -> None:
    """Kill the main process; the supervisor kills what it leaves."""
    process, until = _process_of(plan), time.monotonic() + SETTLE_SEC
    process.kill()
    while not process.has_terminated:
        if time.monotonic() > until:
            raise FaultError(f"{plan.target} did not terminate within {SETTLE_SEC:.0f} s of SIGKILL")
        await asyncio.sleep(CHECK_INTERVAL_SEC)


async def _suspend(plan: Plan) -> None:
    """Suspend all of it, from the top down: a process that is suspended starts no others."""
    _process_of(plan).suspend()
    until = time.monotonic() + SETTLE_SEC
    while running := [one for one in await _members(plan) if not is_stopped(one.pid)]:
        for one in running:
            one.suspend()
        if time.monotonic() > until:
            raise FaultError(f"{plan.target} did not stop within {SETTLE_SEC:.0f} s of SIGSTOP")
        await asyncio.sleep(CHECK_INTERVAL_SEC)


async def _resume(plan: Plan) -> None:
    """Let all of it go on, the main process by the plan alone: its supervisor need not answer for that."""
    _process_of(plan).resume()
    with contextlib.suppress(FaultError):
        for one in await _members(plan):
            one.resume()


async def _members(plan: Plan) -> list[ProcessRef]:
    """Return the processes that are to be suspended or resumed; none once the supervisor has ended."""
    try:
        return await healing.members_of(_supervisor_of(plan), plan.undo["process"])
    except SubjectError as error:
        if _supervisor_of(plan).has_ended:
            return []
        raise FaultError(f"{plan.target} cannot be checked: {error}") from error
