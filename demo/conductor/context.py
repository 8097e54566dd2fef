"""What the conductor's helpers know of it: the state, the clock, the journal, and three ways to act."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from demo.clock import ShowClock
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c


class ConductorContext(Protocol):
    """The part of a conductor that its helpers use; none of them sees more."""

    clock: ShowClock
    journal: Journal

    @property
    def state(self) -> ShowState:
        """The show as it is now."""

    def enqueue(self, who: str, what: c.Command) -> None:
        """Queue a command of the show's own; it is not waited for."""

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Queue a command and return the state that it led to. Raises `Refused`."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something beside the queue; its exception is shown, not lost."""

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool:
        """Wait for a state that meets `condition`; False when `timeout` seconds pass first."""
