"""Where the parts of a cluster run: who starts them, tells of them, brings them back, and removes them."""

from collections.abc import Callable
from typing import Protocol

from demo.container_engine.event_watch import EngineWatch
from demo.subjects.cluster.members import Members

Tell = Callable[[str], None]
"""Called with what the presenter should know."""


class Deployment(Protocol):
    """Each call but `close` may raise `SubjectError`."""

    @property
    def watch(self) -> EngineWatch | None:
        """The container engine's word on each part; None where there is none."""

    def told(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        """Before all else: whose ground it is, and whom to call with news."""

    async def check(self) -> None:
        """Can it be brought up, or attached to, on this machine?"""

    async def bring_up(self) -> None:
        """What is missing is started, where that is this show's to do."""

    async def know(self) -> None:
        """Let every member have the places where it answers now."""

    async def bring_back(self) -> None:
        """Start what does not run, and may be touched."""

    async def take_down(self) -> None:
        """Remove what this show brought up; leave what it found."""

    async def close(self) -> None: ...


class ExternalDeployment:
    """A cluster that is known by its addresses only: it can be watched, and nothing of it can be touched."""

    watch: EngineWatch | None = None

    def told(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        """Nobody but the probes tells of it."""

    async def check(self) -> None:
        """Whether it answers is seen on the wall."""

    async def bring_up(self) -> None:
        """It is somebody else's to start."""

    async def know(self) -> None:
        """Its addresses do not change by themselves."""

    async def bring_back(self) -> None:
        """It is somebody else's to mend."""

    async def take_down(self) -> None:
        """It stays as it was found."""

    async def close(self) -> None:
        """Nothing is open."""
