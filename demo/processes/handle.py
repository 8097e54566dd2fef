"""One process of a system, as faults and supervisors see it."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Handle(Protocol):
    """One process, whether it is a child of this one or not: named by pid and birth, never by the pid alone."""

    @property
    def pid(self) -> int | None: ...

    @property
    def born(self) -> int | None:
        """In clock ticks since boot."""

    @property
    def is_alive(self) -> bool: ...

    @property
    def was_killed(self) -> bool:
        """Ended by SIGKILL, ours or anybody's."""

    def kill(self) -> None:
        """SIGKILL; nothing happens if it is gone already."""

    async def wait(self) -> int | None:
        """Returns when it has ended."""


Current = Callable[[], Awaitable[Handle | None]]
"""A part's process as of now. Raises `SubjectError` when nobody can tell."""
