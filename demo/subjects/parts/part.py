"""One part of the system: a process on a port, watched by a probe, started again only when asked."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from demo.chaos.child import Child
from demo.chaos.process import Handle
from demo.errors import SubjectError
from demo.health.reading import Probe, Reading

START_SEC = 8.0
HANG_SEC = 1.0
"""A process that lives but does not answer for so long is replaced when somebody heals."""

LOOK_SEC = 0.03


class WatchedPart(ABC):
    """A part as seen from outside. `trouble`: why there is no process, in a few words for its card."""

    def __init__(self, ident: str, kind: str, port: int, probe: Probe, links: tuple[str, ...] = ()) -> None:
        self.id = ident
        self.kind = kind
        self.port = port
        self.links = links
        self.probe = probe
        self.trouble = ""
        self.is_starting = True

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
        reading = await self.probe.look()
        if reading.ok:
            self.is_starting, self.trouble = False, ""
        return reading

    async def is_up(self) -> bool:
        return (await self.look()).ok

    @property
    def is_over(self) -> bool:
        """Ended with its system, by who owns it; nobody else can tell."""
        return False


class Part(WatchedPart):
    """One of our own. `make` makes its process anew; `confirm` may object to what answers: is it really ours?"""

    def __init__(
        self,
        ident: str,
        kind: str,
        port: int,
        probe: Probe,
        make: Callable[[], Child],
        links: tuple[str, ...] = (),
        confirm: Callable[[Child], Awaitable[bool]] | None = None,
    ) -> None:
        super().__init__(ident, kind, port, probe, links)
        self.child: Child | None = None
        self._make = make
        self._confirm = confirm
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
                self.trouble = "could not be started"
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
        if self._confirm is not None and not await self._confirm(child):
            child.kill()
            raise SubjectError(f"{self.id}: another process answers on its port {self.port}")

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
