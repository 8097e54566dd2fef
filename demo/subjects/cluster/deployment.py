"""How a cluster is deployed: who starts its members, watches, restarts and removes them."""

from collections.abc import Callable
from typing import Protocol

from demo.container_engine.event_watch import EngineWatch
from demo.subjects.cluster.members import Members

Tell = Callable[[str], None]
"""Called with a notice for the presenter."""


class Deployment(Protocol):
    """How a cluster is brought up and removed. Each method but `close` may raise `SubjectError`."""

    @property
    def watch(self) -> EngineWatch | None:
        """The container engine's account of each member; None where there is no engine."""

    def connect(self, members: Members, changed: Callable[[], None], tell: Tell) -> None:
        """Set the cluster's members and the callbacks for news and for notices. Called once, before anything else."""

    async def check(self) -> None:
        """Check that the cluster can be brought up, or attached to, on this machine."""

    async def bring_up(self) -> None:
        """Start what is missing, unless the cluster belongs to somebody else."""

    async def update_addresses(self) -> None:
        """Tell every member where it answers now."""

    async def restore(self) -> None:
        """Start what does not run and may be touched."""

    async def take_down(self) -> None:
        """Remove what this show brought up; leave the rest as it was found."""

    async def close(self) -> None: ...


class ExternalDeployment:
    """A cluster known only by its addresses: it is observed, and nothing of it is started, changed or removed."""

    watch: EngineWatch | None = None

    def connect(self, members: Members, changed: Callable[[], None], tell: Tell) -> None: ...

    async def check(self) -> None:
        """Do nothing: whether it answers, the probes show on the stage."""

    async def bring_up(self) -> None: ...

    async def update_addresses(self) -> None:
        """Do nothing: its addresses do not change by themselves."""

    async def restore(self) -> None: ...

    async def take_down(self) -> None: ...

    async def close(self) -> None: ...
