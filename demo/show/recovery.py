"""What a fault driver may tell of its own recovery, while other faults are in place."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class TellsRecovery(Protocol):
    """Optional for a driver: with it, faults that overlap do not wait for each other to be recovered."""

    def is_recovered(self, health: Mapping[str, Any]) -> bool | None:
        """Return whether this sample shows what the fault has hit healthy again, whatever else is broken.

        None: it is not known what that is. Then the fault counts as recovered once everything is up. Never blocks.
        """
