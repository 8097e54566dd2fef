"""What notifying other tools needs of a conductor, as a protocol."""

from collections.abc import Callable
from typing import Protocol

from demo.clock import ShowClock
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c


class NotifiedShow(Protocol):
    """A running show, of which other tools are told."""

    clock: ShowClock
    journal: Journal

    @property
    def state(self) -> ShowState:
        """The newest state of the show."""

    @property
    def epoch(self) -> str:
        """Identifies the show."""

    def subscribe(self, listener: Callable[[ShowState], None]) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Enqueue a command of the show itself, without waiting for its outcome."""


def is_written(state: ShowState) -> bool:
    """Return whether this state's events are being written to a journal, a temporary one included."""
    return state.durable or state.journal != "file"
