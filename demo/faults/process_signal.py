"""Faults on processes of a system that somebody keeps: killed (`CONTAINER_KILL`) or stopped (`CONTAINER_PAUSE`)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from demo.errors import FaultError, InvalidValue, SubjectError
from demo.faults.process_kill import has_ended, is_gone
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import is_stopped
from demo.types import ChaosConfig, ChaosType, Plan

LATE_SEC = 0.5
"""A signal is sent in this process: what this process has not done by its end is not done."""

SETTLE_SEC = 2.0
LOOK_SEC = 0.02
PIN_SEC = 60.0


@dataclass(frozen=True)
class TargetProcess:
    """One process of it. `undo`: all that its keeper needs to bring it back, and the keeper itself as `owner`."""

    name: str
    process: ProcessRef
    undo: Mapping[str, Any]
    by_hand: str = ""


class ProcessOwner(Protocol):
    """Who owns the processes, brings them back, and ends them all when the show ends. Raises `SubjectError`."""

    async def find(self, name: str, *, to_kill: bool) -> TargetProcess:
        """The process of that part as of now."""

    async def restart(self, undo: Mapping[str, Any]) -> None:
        """Start again what is dead, unless all of it is just ending: then wait for that. Called in any process."""

    async def is_up(self, undo: Mapping[str, Any]) -> bool:
        """By a probe of its own; called in any process."""


class SignalFault:
    """On whoever holds an `office` right now, as `holder` says: "the leading store"."""

    def __init__(
        self, config: ChaosConfig, office: str, holder: Callable[[], str | None], keeper: ProcessOwner
    ) -> None:
        if config.chaos_type not in (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_PAUSE):
            raise InvalidValue(f"fault {config.name!r}: {config.chaos_type.value} is nothing that a signal does")
        self.config = config
        self._kills = config.chaos_type is ChaosType.CONTAINER_KILL
        self._office, self._holder, self._keeper = office, holder, keeper
        self._pin: tuple[TargetProcess, float] | None = None
        self._planned = ""

    @property
    def target(self) -> str:
        return self._office

    @property
    def observable(self) -> str:
        return f"{self._planned or self._office} is down"

    async def choose(self) -> str:
        """Choose the victim now, for the next plan within 60 s, and tell its name: the room is shown it first."""
        kept = await self._chosen()
        self._pin = (kept, time.monotonic() + PIN_SEC)
        return kept.name

    async def plan(self) -> Plan:
        pin, self._pin = self._pin, None
        kept = pin[0] if pin is not None and time.monotonic() <= pin[1] else await self._chosen()
        if not kept.process.is_alive:
            raise FaultError(f"{kept.name} has ended since it was chosen: nothing was touched")
        if not self._kills and is_stopped(kept.process.pid):
            raise FaultError(f"{kept.name} is frozen already: heal it first")
        self._planned = kept.name
        undo = dict(kept.undo) | {"pid": kept.process.pid, "born": kept.process.born}
        by_hand = kept.by_hand if self._kills else f"kill -CONT {kept.process.pid}"
        return Plan(self.config.chaos_type.value, kept.name, undo, by_hand, LATE_SEC)

    async def _chosen(self) -> TargetProcess:
        name = self._holder()
        if name is None:
            raise FaultError(f"there is no {self._office.removeprefix('the ')} now: try again when there is one")
        try:
            return await self._keeper.find(name, to_kill=self._kills)
        except SubjectError as error:
            raise FaultError(str(error)) from error

    async def inject(self, plan: Plan) -> None:
        if is_gone(plan):
            raise FaultError(f"{plan.target} has ended meanwhile: nothing was touched")
        process = _process(plan)
        if self._kills:
            process.kill()
        else:
            process.suspend()
        until = time.monotonic() + SETTLE_SEC
        while not (is_gone(plan) or (not self._kills and is_stopped(process.pid))):
            if time.monotonic() > until:
                word = "end" if self._kills else "stop"
                raise FaultError(f"{plan.target} did not {word} within {SETTLE_SEC:.0f} s of the signal")
            await asyncio.sleep(LOOK_SEC)

    async def heal(self, plan: Plan) -> None:
        if has_ended(plan):
            return  # and all its processes with it
        if not self._kills:
            _process(plan).resume()
            return
        try:
            await self._keeper.restart(plan.undo)
        except SubjectError as error:
            if not has_ended(plan):
                raise FaultError(f"{plan.target} did not come back: {error}") from error

    async def is_healed(self, plan: Plan) -> bool:
        if has_ended(plan):
            return True
        if not self._kills and is_gone(plan):
            return True  # what was done to it ended with it
        if not self._kills and is_stopped(_process(plan).pid):
            return False
        return await self._keeper.is_up(plan.undo)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        """A node that only misses another one is degraded: it answers."""
        if not self._planned:
            return False
        found = [node for node in health.get("nodes", ()) if node.get("id") == self._planned]
        return not found or found[0].get("health") not in ("up", "degraded")


def _process(plan: Plan) -> ProcessRef:
    return ProcessRef(plan.undo["pid"], plan.undo["born"])
