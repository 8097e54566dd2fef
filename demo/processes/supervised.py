"""One process of the system: on a port, watched by a probe, restarted only on request."""

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
"""A heal replaces a process that lives but has not answered for so long."""

CHECK_INTERVAL_SEC = 0.03
NOT_RUNNING = Reading(trouble="not running")


class ObservedProcess(ABC):
    """A process as seen from outside. `trouble`: why there is none, in a few words for its card.

    `is_ours(reading, handle)` checks that an answer comes from that process, for a probe that cannot tell by itself.
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
        """Return its process as of now. Raises `SubjectError` if that cannot be told."""

    @abstractmethod
    async def ensure_running(self) -> None:
        """Restart it if it is dead, or silent for HANG_SEC; do nothing if it is up. Raises `SubjectError`."""

    async def read(self) -> Reading:
        """Probe it once. It is not asked while its process is known to be dead: its port may belong to a stranger."""
        handle = self.handle
        if handle is None or not _may_be_alive(handle):
            return NOT_RUNNING
        reading = await self.probe.read()
        if reading.ok and not self.is_ours(reading, handle):
            reading = Reading(trouble=STRANGER)
        if reading.ok:
            self.is_starting, self.trouble = False, ""
        return reading

    async def is_up(self) -> bool:
        return (await self.read()).ok

    @property
    def is_over(self) -> bool:
        """Return whether its owner has stopped it for good; False where that cannot be told."""
        return False


def _may_be_alive(handle: Handle) -> bool:
    """Return whether it lives; True as well when that cannot be told, as not knowing does not prove an end."""
    try:
        return handle.is_alive
    except FaultError:
        return True


class SupervisedProcess(ObservedProcess):
    """A child process of our own; `make` creates a new `Child` for each start."""

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
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def handle(self) -> Child | None:
        return self.child

    async def current(self) -> Child | None:
        return self.child

    @property
    def is_over(self) -> bool:
        return self._closed and (self.child is None or not self.child.is_alive)

    async def ensure_running(self) -> None:
        async with self._lock:
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
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        return True

    async def _start_anew(self) -> None:
        if self.child is not None:
            self.child.kill()
            await self.child.wait()
        self._check_not_closed()
        self._check_port()
        self.is_starting, self.trouble = True, ""
        child = self.child = self._make()
        await child.start()
        try:
            self._check_not_closed()  # again: `stop` may have been called while it was starting
        except SubjectError:
            await child.stop()
            raise
        if not await self._answers_within(START_SEC):
            raise SubjectError(self._describe_failure(child))

    def _check_port(self) -> None:
        """Check that the port is free: another program may have taken it while the process was dead."""
        if not is_free(self.port):
            self.trouble = taken = taken_by(self.port)
            raise SubjectError(f"{self.id}: {taken}: stop that program, then heal")

    def _check_not_closed(self) -> None:
        if self._closed:
            raise SubjectError(f"{self.id} was stopped")

    def _describe_failure(self, child: Child) -> str:
        last_line = child.tail.splitlines()[-1:] or ["it printed nothing"]
        if child.is_alive:
            return f"{self.id} does not answer on port {self.port} after {START_SEC:.0f} s: {last_line[0]}"
        return f"{self.id} ended while starting: {last_line[0]}"

    async def stop(self) -> None:
        self._closed = True
        if self.child is not None:
            await self.child.stop()

    def give_up(self, why: str) -> None:
        """Mark it as not starting, with the reason `why` for its card: no start will be tried."""
        self.is_starting, self.trouble = False, why
