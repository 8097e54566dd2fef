"""Faults on processes of a system with another owner: killed (`CONTAINER_KILL`) or suspended (`CONTAINER_PAUSE`)."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from demo.errors import FaultError, InvalidValue, SubjectError
from demo.faults.node_health import are_shown_up, is_shown_down
from demo.faults.process_kill import has_system_terminated, has_target_terminated
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import is_stopped
from demo.types import ChaosConfig, ChaosType, Plan

LATE_SEC = 0.5
"""A signal is sent by this process itself, so an injection cannot take effect long after this process has ended."""

SETTLE_SEC = 2.0
CHECK_INTERVAL_SEC = 0.02
PIN_SEC = 60.0


@dataclass(frozen=True)
class TargetProcess:
    """One process of the system. `undo`: what its owner needs to restart it; `owner` in it is the owner itself."""

    name: str
    process: ProcessRef
    undo: Mapping[str, Any]
    manual_command: str = ""


class ProcessOwner(Protocol):
    """The supervisor that owns the processes, restarts them, and ends them with the show. Raises `SubjectError`."""

    async def find(self, name: str, *, to_kill: bool) -> TargetProcess:
        """Return the process called `name` as of now."""

    async def restart(self, undo: Mapping[str, Any]) -> None:
        """Restart what is dead; if the whole system is just ending, wait for its end instead. Called in any process."""

    async def is_up(self, undo: Mapping[str, Any]) -> bool:
        """Return whether the process answers a probe of the owner's own. Called in any process."""


class SignalFault:
    """Signals whichever process has `role` now ("the leading store", for people); `current` returns its name.

    `others`: all that could hold it, from which one injection may name its target.
    """

    def __init__(
        self,
        config: ChaosConfig,
        role: str,
        current: Callable[[], str | None],
        owner: ProcessOwner,
        others: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        if config.chaos_type not in (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_PAUSE):
            raise InvalidValue(
                f"fault {config.name!r}: chaos_type {config.chaos_type.value} cannot be applied by a signal"
            )
        self.config = config
        self._kills = config.chaos_type is ChaosType.CONTAINER_KILL
        self._role, self._current, self._owner, self._others = role, current, owner, others
        self._pin: tuple[TargetProcess, float] | None = None
        self._planned = ""

    @property
    def target(self) -> str:
        return self._role

    @property
    def observable(self) -> str:
        return f"{self._planned or self._role} is down"

    async def choose(self) -> str:
        """Choose the target for the next plan within 60 s, and return its name, so that it can be announced."""
        target = await self._find_target()
        self._pin = (target, time.monotonic() + PIN_SEC)
        return target.name

    def targets(self) -> Sequence[str]:
        return self._others()

    async def plan(self) -> Plan:
        pin, self._pin = self._pin, None
        return self._plan(pin[0] if pin is not None and time.monotonic() <= pin[1] else await self._find_target())

    async def plan_for(self, target: str) -> Plan:
        self._pin = None
        return self._plan(await self._find(target))

    def _plan(self, target: TargetProcess) -> Plan:
        if not target.process.is_alive:
            raise FaultError(f"{target.name} has terminated since it was chosen: nothing was changed")
        if not self._kills and is_stopped(target.process.pid):
            raise FaultError(f"{target.name} is already frozen: heal it first")
        self._planned = target.name
        undo = dict(target.undo) | {"pid": target.process.pid, "born": target.process.born}
        by_hand = target.manual_command if self._kills else f"kill -CONT {target.process.pid}"
        return Plan(self.config.chaos_type.value, target.name, undo, by_hand, LATE_SEC)

    async def _find_target(self) -> TargetProcess:
        # Asked at the injection and not when the show starts: leaders change.
        name = self._current()
        if name is None:
            raise FaultError(f"there is no {self._role.removeprefix('the ')} now: try again when there is one")
        return await self._find(name)

    async def _find(self, name: str) -> TargetProcess:
        try:
            return await self._owner.find(name, to_kill=self._kills)
        except SubjectError as error:
            raise FaultError(str(error)) from error

    async def inject(self, plan: Plan) -> None:
        if has_target_terminated(plan):
            raise FaultError(f"{plan.target} has terminated meanwhile: nothing was changed")
        process = _process_of(plan)
        if self._kills:
            process.kill()
        else:
            process.suspend()
        # Signals take effect asynchronously: without this wait a probe could still find the process up.
        until = time.monotonic() + SETTLE_SEC
        while not (has_target_terminated(plan) or (not self._kills and is_stopped(process.pid))):
            if time.monotonic() > until:
                expected_effect = "terminate" if self._kills else "stop"
                raise FaultError(f"{plan.target} did not {expected_effect} within {SETTLE_SEC:.0f} s of the signal")
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def heal(self, plan: Plan) -> None:
        if has_system_terminated(plan):
            return  # and all its processes with it
        if not self._kills:
            _process_of(plan).resume()
            return
        try:
            await self._owner.restart(plan.undo)
        except SubjectError as error:
            if not has_system_terminated(plan):
                raise FaultError(f"{plan.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        if has_system_terminated(plan):
            return True
        if not self._kills and has_target_terminated(plan):
            return True  # what was done to it ended with it
        # Before the probe, which a stopped process would keep waiting until its timeout.
        if not self._kills and is_stopped(_process_of(plan).pid):
            return False
        return await self._owner.is_up(plan.undo)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return bool(self._planned) and is_shown_down(health, self._planned)

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        return are_shown_up(health, (self._planned,) if self._planned else ())


def _process_of(plan: Plan) -> ProcessRef:
    return ProcessRef(plan.undo["pid"], plan.undo["born"])
