"""What fault drivers need of the rest of a show, as small protocols."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from demo.conditions import Facts
from demo.showfile.schema.probes import ProbeSettings

Fill = Callable[[str], str]
"""Puts the values of secrets into a text. Raises `FaultError` where one is not set."""


class FreshFacts(Protocol):
    """Asks probes once, now: the proof of a heal never rests on an answer from before it."""

    async def __call__(
        self, probes: Mapping[str, ProbeSettings], groups: Mapping[str, Sequence[str]], fill: Fill
    ) -> Facts:
        """Return what these probes answer; one without an answer has no value. Raises only what `fill` raises."""


class Loads(Protocol):
    """The loads that this process sends."""

    def multiply(self, load: str, times: float, concurrency: int | None = None) -> None:
        """Send so many times the rate of the show file from now on; 1 is the rate itself."""

    def multiplied(self, load: str) -> float:
        """Return how many times its rate a load is sent now."""
