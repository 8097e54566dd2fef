"""`ShowHost`: what pages, terminal and relays use of a show, whether it is played or replayed."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, runtime_checkable

from demo.clock import ShowClock
from demo.conductor.command_counts import CommandCounts
from demo.journal import Journal
from demo.narration.image import DeckImage
from demo.panels.picture import Panels
from demo.show import ShowState
from demo.show import commands as c


class HealthReadings(Protocol):
    """How many health samples were read, and the seconds that took."""

    @property
    def samples(self) -> int: ...

    @property
    def read_sec(self) -> float: ...


class SystemStop(Protocol):
    """How far the system of a show is with its stop."""

    on_slow: Callable[[], None]

    @property
    def is_slow(self) -> bool: ...

    @property
    def is_stopping(self) -> bool: ...


@runtime_checkable
class HasLiveShow(Protocol):
    """A show that may show a recording in its place. `live`: the running show, where things are measured."""

    @property
    def live(self) -> "ShowHost": ...


class ShowHost(Protocol):
    """A show that front ends show and control: the conductor's, or a replay."""

    journal: Journal
    commands: CommandCounts
    panels: Panels
    images: Callable[[], Sequence[DeckImage]]
    loaded: asyncio.Event

    @property
    def clock(self) -> ShowClock:
        """The clock of what is shown now."""

    @property
    def stopping(self) -> bool:
        """The show is shutting down."""

    @property
    def state(self) -> ShowState:
        """The newest state of the show."""

    @property
    def epoch(self) -> str:
        """Identifies the journal of the show."""

    @property
    def health(self) -> HealthReadings: ...

    @property
    def system(self) -> SystemStop: ...

    def subscribe(self, listener: Callable[[ShowState], None]) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""

    async def submit(self, command: c.CommandEnvelope) -> ShowState:
        """Run a command of a presenter or a program, and return the state after it.

        Raises `Refused`, `ShowOver` when the show has ended, `DemoError` for what fails.
        """

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Enqueue a command of the show itself and return the state after it. Raises as `submit` does."""

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Enqueue a command of the show itself, without waiting for its outcome."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine beside the show until it ends; report its exception to the presenter."""

    def stop(self, *, by_person: bool = False) -> None:
        """Make `run()` end soon."""

    async def run(self) -> None:
        """Play until `stop()`."""


def get_live_show(show: ShowHost) -> ShowHost:
    """Return the live show, even while a recording is on screen: its measurements, votes and reports count."""
    return show.live if isinstance(show, HasLiveShow) else show
