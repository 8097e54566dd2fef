"""What the conductor asks of a watchdog, as a protocol: a show may have one, another or none."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from demo.types import Plan


class Watchdog(Protocol):
    """A process that heals pending faults when the process of the show is gone or hangs."""

    def begin(self, journal: Path, tell: Callable[[str], None]) -> None:
        """Set the journal with the undos, and the function that notifies the presenter. Called first."""

    @property
    def is_alive(self) -> bool: ...

    async def hold(self, ident: str, fault: str, plan: Plan, lasts_sec: float) -> None:
        """Give an undo to the watchdog and return once it has it. Raises `FaultError` when there is no watchdog.

        `lasts_sec`: the duration of the fault, `math.inf` until somebody heals it.
        """

    def applied(self, ident: str) -> None:
        """Note that the injection is complete."""

    def release(self, ident: str) -> None:
        """Note that the fault is healed, and that this was verified."""

    async def close(self) -> None:
        """Disconnect: the watchdog heals what is still pending."""
