"""Probes of a container through its engine: the state of it, and a command in it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from demo.container_engine.client import Engine
from demo.container_engine.container import Container
from demo.errors import EngineError
from demo.probes.command import command_reading
from demo.probes.result import Reading

TIMEOUT_SEC = 1.0
MAX_BYTES = 1_000_000

NO_ENGINE = "the container engine does not answer"
NO_CONTAINER = "there is no such container"
STILL_RUNS = "its last command has not ended yet"


def _never(ident: str) -> None:
    return None


@dataclass
class ContainerFinder:
    """Finds one container by its compose service in `project`, or by its whole name; remembers which it was.

    `ended_lately` returns a container of this id that has just ended: that is known sooner than the engine answers.
    """

    engine: Engine
    service: str = ""
    name: str = ""
    project: str = ""
    ended_lately: Callable[[str], Container | None] = _never
    _ident: str = ""

    async def find(self) -> Container | None:
        """Return the container as it is now, None if there is none. Raises `EngineError`.

        Of several of one service, one that runs comes first.
        """
        if self._ident:
            if (ended := self.ended_lately(self._ident)) is not None:
                return ended
            found = await self.engine.inspect(self._ident)
            if found is not None:
                return found
        found = await self._search()
        self._ident = found.id if found is not None else ""
        return found

    async def _search(self) -> Container | None:
        if self.service and self.project:
            of_service = [
                found for found in await self.engine.containers(self.project) if found.service == self.service
            ]
            if of_service:
                return max(of_service, key=lambda found: (found.is_running, found.created_at))
        return await self.engine.inspect(self.name or self.service)


@dataclass(frozen=True)
class ContainerProbe:
    """The reading's data: `state` (`running`, `paused`, `exited`, …, `missing`) and `exit`, of its last end."""

    finder: ContainerFinder
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        try:
            async with asyncio.timeout(self.timeout_sec):
                found = await self.finder.find()
        except (EngineError, TimeoutError):
            return Reading(trouble=NO_ENGINE, inconclusive=True)
        if found is None:
            return Reading({"state": "missing", "exit": None})
        return Reading({"state": found.state, "exit": found.exit_code})


@dataclass
class ContainerCommandProbe:
    """Runs a command in a container; the data of the reading are those of `demo.probes.command.CommandProbe`.

    An engine has no way to end such a command: while one hangs, no other is started.
    """

    finder: ContainerFinder
    argv: Sequence[str]
    timeout_sec: float = TIMEOUT_SEC
    _hangs: list[str] = field(default_factory=list)

    async def read(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_sec):
                return await self._run(started)
        except TimeoutError:
            return Reading(trouble=f"did not end in {self.timeout_sec * 1000:.0f} ms")
        except EngineError:
            return Reading(trouble=NO_ENGINE, inconclusive=True)

    async def _run(self, started: float) -> Reading:
        engine = self.finder.engine
        if self._hangs and await engine.is_execution_running(self._hangs[0]):
            return Reading(trouble=STILL_RUNS)
        self._hangs.clear()
        container = await self.finder.find()
        if container is None:
            return Reading(trouble=NO_CONTAINER)
        if not container.is_running:
            return Reading(trouble=f"its container is {container.state}")
        execution = await engine.prepare_execution(container.id, self.argv)
        self._hangs.append(execution)
        code, printed = await engine.execute(execution, MAX_BYTES)
        self._hangs.clear()
        if code is None:
            return Reading(trouble=f"printed more than {MAX_BYTES / 1e6:g} MB", inconclusive=True)
        return command_reading(code, printed, time.perf_counter() - started)
