"""Faults on a process of this machine that is not the show's: found by its port or its pid file.

It is killed only if the show says how it is started again; a suspended one is let go on by its pid and start time.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import FaultError, InvalidValue
from demo.faults.node_health import is_shown_down
from demo.processes import procfs
from demo.processes.child import start_time_of
from demo.processes.owned.identity import boot_id
from demo.processes.process_ref import ProcessRef
from demo.types import ChaosConfig, ChaosType, Plan

LATE_SEC = 0.5
SETTLE_SEC = 2.0
CHECK_INTERVAL_SEC = 0.02
MAX_PIDFILE_BYTES = 64


@dataclass(frozen=True)
class LocalProcess:
    """Where a process is found: exactly one of its TCP port and the file that holds its pid."""

    port: int | None = None
    pidfile: Path | None = None

    def __post_init__(self) -> None:
        if (self.port is None) == (self.pidfile is None):
            raise InvalidValue("a local process is found by exactly one of port and pidfile")

    def __str__(self) -> str:
        return f"port {self.port}" if self.port is not None else f"the process of {self.pidfile}"

    def find(self) -> ProcessRef:
        """Return the process as of now. Raises `FaultError` when there is none, or it must not be touched."""
        pid = self._read_pid()
        born = start_time_of(pid)
        if born is None:
            raise FaultError(f"{self}: process {pid} is not running, so nothing was changed")
        if pid == 1 or os.getpid() in procfs.list_with_descendants({pid}):
            raise FaultError(f"{self}: process {pid} runs this show itself, so nothing was changed")
        return ProcessRef(pid, born)

    def _read_pid(self) -> int:
        if self.port is not None:
            pid = procfs.listener(self.port)
            if pid is None:
                raise FaultError(f"no process that we may see listens on port {self.port}, so nothing was changed")
            return pid
        try:
            with open(self.pidfile or "", "rb") as file:  # noqa: PTH123 - reads only its beginning
                words = file.read(MAX_PIDFILE_BYTES).split()
        except OSError as error:
            raise FaultError(f"{self.pidfile} cannot be read: {error.strerror or error}") from error
        # Postgres writes more lines behind the pid.
        if not words or not words[0].isdigit():
            raise FaultError(f"{self.pidfile} does not begin with a pid, so nothing was changed")
        return int(words[0])


@dataclass(frozen=True)
class ProcessUndo:
    """How a killed process comes back. `data`, plain JSON, is kept in the plan, and handed to both functions."""

    data: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], Awaitable[None]]
    is_healed: Callable[[Mapping[str, Any]], Awaitable[bool]]


class LocalProcessFault:
    """Kills or suspends the process `where`. Raises `InvalidValue` for a kill without an `undo`."""

    def __init__(
        self, config: ChaosConfig, where: LocalProcess, undo: ProcessUndo | None = None, nodes: tuple[str, ...] = ()
    ) -> None:
        if config.chaos_type not in (ChaosType.CONTAINER_KILL, ChaosType.CONTAINER_PAUSE):
            raise InvalidValue(f"fault {config.name!r}: a process is killed or paused")
        self._kills = config.chaos_type is ChaosType.CONTAINER_KILL
        if self._kills and undo is None:
            raise InvalidValue(f"fault {config.name!r}: a process that is not the show's is killed only with an undo")
        self.config = config
        self._where, self._undo, self._nodes = where, undo, nodes

    @property
    def target(self) -> str:
        return str(self._where)

    @property
    def observable(self) -> str:
        return f"{self.target} is down"

    async def plan(self) -> Plan:
        process = self._where.find()
        if procfs.is_stopped(process.pid):
            raise FaultError(f"{self.target}: process {process.pid} is already suspended: heal it first")
        undo: dict[str, Any] = {"pid": process.pid, "born": process.born, "boot": boot_id()}
        if self._undo is not None:
            undo["undo"] = dict(self._undo.data)
        by_hand = "" if self._kills else f"kill -CONT {process.pid}"
        kind = f"local_process_{'kill' if self._kills else 'pause'}"
        return Plan(kind, self.target, undo, by_hand, LATE_SEC)

    async def inject(self, plan: Plan) -> None:
        process = _process_of(plan)
        if process is None:
            raise FaultError(f"{plan.target} has terminated meanwhile: nothing was changed")
        try:
            process.kill() if self._kills else process.suspend()
        except PermissionError as error:
            raise FaultError(f"{plan.target}: process {process.pid} belongs to another user") from error
        until = time.monotonic() + SETTLE_SEC
        while not (process.has_terminated or (not self._kills and procfs.is_stopped(process.pid))):
            if time.monotonic() > until:
                raise FaultError(f"{plan.target} did not react within {SETTLE_SEC:.0f} s of the signal")
            await asyncio.sleep(CHECK_INTERVAL_SEC)

    async def heal(self, plan: Plan) -> None:
        process = _process_of(plan)
        if not self._kills:
            if process is not None:
                process.resume()
        elif self._undo is not None and process is None:  # while it lives there is nothing to undo
            await self._undo.run(plan.undo["undo"])

    async def is_healed(self, plan: Plan) -> bool:
        process = _process_of(plan)
        if not self._kills:
            return process is None or not procfs.is_stopped(process.pid)
        return process is not None or (self._undo is not None and await self._undo.is_healed(plan.undo["undo"]))

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return any(is_shown_down(health, node) for node in self._nodes)


def _process_of(plan: Plan) -> ProcessRef | None:
    """Return the plan's process; None when it has terminated. Raises `FaultError` when that cannot be told."""
    if plan.undo["boot"] != boot_id():
        return None
    process = ProcessRef(plan.undo["pid"], plan.undo["born"])
    return None if process.has_terminated else process
