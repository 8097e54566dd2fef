"""One part of the system: a process on a port, watched by a probe, started again only when asked."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from demo.errors import FaultError, SubjectError
from demo.probes.http import STRANGER
from demo.probes.result import Probe, Reading
from demo.processes.child import Child
from demo.processes.handle import Handle
from demo.processes.port_owner import taken_by
from demo.processes.ports import is_free

START_SEC = 8.0
HANG_SEC = 1.0
"""A process that lives but does not answer for so long is replaced when somebody heals."""

LOOK_SEC = 0.03
NOT_RUNNING = Reading(trouble="not running")


class ObservedProcess(ABC):
    """A part as seen from outside. `trouble`: why there is no process, in a few words for its card.

    `is_ours`: does that answer come from that process? For a probe that cannot tell by itself.
    """

    def __init__(self, ident: str, kind: str, port: int, probe: Probe, links: tuple[str, ...] = ()) -> None:
        self.id = ident
        self.kind = kind
        self.port = port
        self.links = links
        self.probe = probe
        self.trouble = ""
        self.is_starting = True
        self.is_ours: Callable[[Reading, Handle], bool] = lambda reading, handle: True

    @property
    @abstractmethod
    def handle(self) -> Handle | None:
        """Its process, as far as is known."""

    @abstractmethod
    async def current(self) -> Handle | None:
        """Its process as of now. Raises `SubjectError` when nobody can tell."""

    @abstractmethod
    async def bring_back(self) -> None:
        """Up already: nothing happens. Dead, or silent for HANG_SEC: started anew. Raises `SubjectError`."""

    async def look(self) -> Reading:
        """Nobody is asked while its process is known not to live: its port may be a stranger's."""
        handle = self.handle
        if handle is None or not _lives(handle):
            return NOT_RUNNING
        reading = await self.probe.look()
        if reading.ok and not self.is_ours(reading, handle):
            reading = Reading(trouble=STRANGER)
        if reading.ok:
            self.is_starting, self.trouble = False, ""
        return reading

    async def is_up(self) -> bool:
        return (await self.look()).ok

    @property
    def is_over(self) -> bool:
        """Ended with its system, by who owns it; nobody else can tell."""
        return False


def _lives(handle: Handle) -> bool:
    """Not to know is no proof of an end."""
    try:
        return handle.is_alive
    except FaultError:
        return True


class SupervisedProcess(ObservedProcess):
    """One of our own. `make` makes its process anew."""

    def __init__(
        self,
        ident: str,
        kind: str,
        port: int,
        probe: Probe,
        make: Callable[[], Child],
        links: tuple[str, ...] = (),
    ) -> None:
        super().__init__(ident, kind, port, probe, links)
        self.child: Child | None = None
        self._make = make
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    @property
    def handle(self) -> Child | None:
        return self.child

    async def current(self) -> Child | None:
        return self.child

    @property
    def is_over(self) -> bool:
        return self._closed and (self.child is None or not self.child.is_alive)

    async def bring_back(self) -> None:
        async with self._one_at_a_time:
            if self.child is not None and self.child.is_alive and await self._answers_within(HANG_SEC):
                return
            try:
                await self._start_anew()
            except SubjectError:
                self.trouble = self.trouble or "could not be started"
                raise
            finally:
                self.is_starting = False

    async def _answers_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not await self.is_up():
            if time.monotonic() > until or self.child is None or not self.child.is_alive:
                return False
            await asyncio.sleep(LOOK_SEC)
        return True

    async def _start_anew(self) -> None:
        if self.child is not None:
            self.child.kill()
            await self.child.wait()
        self._check_open()
        self._check_port()
        self.is_starting, self.trouble = True, ""
        child = self.child = self._make()
        await child.start()
        try:
            self._check_open()
        except SubjectError:
            await child.stop()
            raise
        if not await self._answers_within(START_SEC):
            raise SubjectError(self._why(child))

    def _check_port(self) -> None:
        """Somebody else may have taken it: while the part was dead, or before it first lived."""
        if not is_free(self.port):
            self.trouble = taken = taken_by(self.port)
            raise SubjectError(f"{self.id}: {taken}: end that one, then heal")

    def _check_open(self) -> None:
        if self._closed:
            raise SubjectError(f"{self.id} was stopped")

    def _why(self, child: Child) -> str:
        said = child.tail.splitlines()[-1:] or ["it said nothing"]
        if child.is_alive:
            return f"{self.id} does not answer on port {self.port} after {START_SEC:.0f} s: {said[0]}"
        return f"{self.id} ended while starting: {said[0]}"

    async def stop(self) -> None:
        self._closed = True
        if self.child is not None:
            await self.child.stop()

    def give_up(self, why: str) -> None:
        """It will not even be tried."""
        self.is_starting, self.trouble = False, why
