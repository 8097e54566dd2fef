"""How a poller says that something has happened which must not wait until it is asked."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class NotifiesChanges(Protocol):
    """Optional for a poller: with it a new sample is read at once, not a tenth of a second later."""

    def subscribe_to_changes(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from the event loop's thread, whenever `get_health` returns a sample that cannot wait."""
