"""What the conductor's helpers see of it, as a protocol: state, clock, journal, and ways to act."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from demo.clock import ShowClock
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c


class ConductorContext(Protocol):
    """The part of the conductor that its helpers use. A protocol, so that no helper imports the conductor."""

    clock: ShowClock
    journal: Journal

    @property
    def state(self) -> ShowState:
        """The newest state of the show."""

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Enqueue a command of the show itself, without waiting for its outcome."""

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Enqueue a command and return the state after it. Raises `Refused`, and `ShowOver` when the show has ended."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine beside the command queue, as a task; report its exception to the presenter."""

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool:
        """Wait for a state that meets `condition`; return False when `timeout` seconds pass first."""
