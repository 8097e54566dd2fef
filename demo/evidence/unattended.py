"""What plays a show in place of a person."""

from typing import Protocol

from demo.conductor import Conductor
from demo.show import ShowState


class Unattended(Protocol):
    """Plays a show that nobody controls: no page is served, and no key is read."""

    def check(self, show: ShowState) -> None:
        """Look at the show before its journal is made. Raises `UsageError` for what cannot be played of it."""

    async def play(self, conductor: Conductor) -> None:
        """Run the conductor, and return once it has ended. Raises what it raises."""
