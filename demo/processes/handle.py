"""One process of a system, as faults and supervisors see it."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Handle(Protocol):
    """One process, a child of this one or not; identified by pid and start time, never by the pid alone."""

    @property
    def pid(self) -> int | None: ...

    @property
    def born(self) -> int | None:
        """When it started, in clock ticks since boot."""

    @property
    def is_alive(self) -> bool: ...

    @property
    def was_killed(self) -> bool:
        """Return whether it was ended by SIGKILL, no matter who sent it."""

    def kill(self) -> None:
        """Send SIGKILL; do nothing if it has terminated already."""

    async def wait(self) -> int | None:
        """Wait until it has terminated; return its exit code where that is known."""


Current = Callable[[], Awaitable[Handle | None]]
"""Returns the current process of one part of a system. Raises `SubjectError` if that cannot be told."""
