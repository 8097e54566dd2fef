"""`none`: a short deck without a system, for plain talks, for tests of the show alone, and for measurements."""

from collections.abc import Sequence
from pathlib import Path

from demo.subjects.packaged_deck import packaged_deck
from demo.types import Chapter, FaultDriver, HealthPollerProtocol, Stage


class NoSystem:
    name = "none"
    title = "One show, many screens"
    description = "a talk without a system"

    @property
    def poller(self) -> HealthPollerProtocol | None:
        return None

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return ()

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        return packaged_deck(Path(__file__).with_name("none.md"), stage, self)

    # There is no system, so there is nothing to check, start, heal or stop.

    def check(self) -> None: ...

    async def start(self) -> None: ...

    async def heal(self) -> None: ...

    async def stop(self) -> None: ...
