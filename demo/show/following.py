"""What a subject may offer beyond `demo.types.Subject`: it follows the show, guards chapters, is made again,
heals by a plan alone."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, runtime_checkable

from demo.show.commands import Command, CommandEnvelope
from demo.show.state import ShowState
from demo.types import FaultDriver, Plan


class FollowedShow(Protocol):
    """A running show. `enqueue` adds a command of the show itself, without waiting for its outcome."""

    @property
    def state(self) -> ShowState: ...

    def subscribe(self, listener: Callable[[ShowState], None]) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""

    def enqueue(self, issuer: str, command: Command) -> None: ...


class EditedShow(FollowedShow, Protocol):
    """A running show whose deck may be edited meanwhile."""

    async def enqueue_and_wait(self, command: CommandEnvelope) -> ShowState:
        """Enqueue a command and return the state after it. Raises `Refused`, and `ShowOver` when the show has ended."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """Run a coroutine beside the show until it ends; report its exception to the presenter."""


@runtime_checkable
class FollowsShow(Protocol):
    """A subject that follows the show, for example to judge predictions."""

    def follow(self, show: FollowedShow) -> None:
        """Begin to follow. Called once, before the system is started."""


@runtime_checkable
class TakesEdits(Protocol):
    """A subject whose deck may be edited while it is presented."""

    def take_edits(self, show: EditedShow) -> None:
        """Begin to look for edits, and send each to the show as `ReplaceDeck` or `RejectDeck`. Called once."""


@runtime_checkable
class PresentedOnce(Protocol):
    """A subject that one process at a time may present."""

    def claim(self) -> None:
        """Become that process, before anything starts. Raises `SubjectError` while there is another one."""


@runtime_checkable
class CanBeMadeAgain(Protocol):
    """A subject that another process makes again with other options than those typed, to heal its faults."""

    def options_to_make_it_again(self) -> Mapping[str, Any]:
        """Return the options of its class, as plain JSON data."""


@runtime_checkable
class HealsPlans(Protocol):
    """A subject that heals by the plan alone what an earlier process has injected, whatever faults it has now."""

    def driver_for(self, name: str, plan: Plan) -> FaultDriver | None:
        """Return a driver that heals this plan of the fault `name`.

        None for a plan that is not of its kind: then it is healed by the subject's own fault of that name, if any.
        """


@runtime_checkable
class GuardsChapters(Protocol):
    """A subject whose chapters may require something before they are entered."""

    def unmet(self, number: int) -> str:
        """Return why chapter `number` (1-based) may not be entered now, as a sentence; "" if it may. Never blocks."""


@runtime_checkable
class HasHealSec(Protocol):
    """A subject whose `heal` has another timeout than `HEAL_SEC`, in seconds."""

    @property
    def heal_sec(self) -> float: ...


@runtime_checkable
class HasStopSec(Protocol):
    """A subject whose `stop` has another timeout than `STOP_SEC`, in seconds."""

    @property
    def stop_sec(self) -> float: ...


@runtime_checkable
class AnnouncesStart(Protocol):
    """A subject that reports the progress of its start, in lines for the presenter."""

    def listen(self, tell: Callable[[str], None]) -> None:
        """Call `tell` with each line from now on. Called once, before `start`."""
