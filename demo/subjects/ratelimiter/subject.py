"""The rate limiter as the subject of a show: one of the show's own, or a running one that it attaches to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from demo.errors import UsageError
from demo.findings import Finding
from demo.subjects.packaged_deck import packaged_deck
from demo.subjects.ratelimiter.attached_system import AttachedSystem
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.description import describe_limiter
from demo.subjects.ratelimiter.doctor import PARTS, examine_own, examine_standing
from demo.subjects.ratelimiter.faults import faults
from demo.subjects.ratelimiter.limiter_system import LimiterSystem
from demo.subjects.ratelimiter.limits import Fallback
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.ratelimiter.poller import Poller
from demo.types import Chapter, FaultDriver, Stage

WITHOUT_REDIS = {
    "local": "Our nodes will then **count alone**, each for itself. The shop stays open.",
    "open": "Our nodes will then **let everything in**. The shop stays open.",
    "closed": "Our nodes will then **refuse everything**. The shop closes.",
}
"""What a node does while Redis does not answer, by the system's `fallback`."""

HIGHEST_BASE = 65_535 - PARTS + 1


class RateLimiter:
    """`fallback`: what a node does while Redis does not answer: count alone, admit everything, or admit nothing.

    `load` multiplies the steady rate of every key. `base_port`: the first of six consecutive ports; None uses free
    ones. `attach`: the name of a system that `demo up` started; it has settings of its own.
    """

    name = "ratelimiter"
    title = "Who counts to a hundred?"
    description = "three rate limiters, one Redis"

    def __init__(
        self,
        fallback: Fallback = "local",
        load: float = 1.0,
        base_port: int | None = None,
        attach: str | None = None,
    ) -> None:
        if fallback not in get_args(Fallback):
            raise UsageError(f"fallback must be one of {', '.join(get_args(Fallback))}, not {fallback!r}")
        if not 0.1 <= load <= 10:
            raise UsageError(f"load must be between 0.1 and 10 times the steady rate, not {load!r}")
        if base_port is not None and not 1 <= base_port <= HIGHEST_BASE:
            raise UsageError(f"base_port must be between 1 and {HIGHEST_BASE}, for six ports, not {base_port!r}")
        if attach is not None and (fallback, load, base_port) != ("local", 1.0, None):
            raise UsageError("an attached system keeps its own settings: leave out fallback, load and base_port")
        self.system: LimiterSystem[Any] = (
            OwnedSystem(LimiterSettings(fallback=fallback, load=load, base_port=base_port))
            if attach is None
            else AttachedSystem(attach)
        )
        self._attach, self._base_port = attach, base_port
        self._poller = Poller(self.system.parts, self.system.settings.limits)
        self._faults = faults(self.system)

    @property
    def poller(self) -> Poller:
        return self._poller

    @property
    def faults(self) -> Sequence[FaultDriver]:
        return self._faults

    def chapters(self, stage: Stage) -> Sequence[Chapter]:
        return packaged_deck(Path(__file__).with_name("show.md"), stage, self)

    @property
    def words(self) -> Mapping[str, str]:
        """Words of the deck: what happens without Redis."""
        return {"without_redis": WITHOUT_REDIS[self.system.settings.fallback]}

    def check(self) -> None:
        self.system.check()

    async def examine(self) -> Sequence[Finding]:
        return await (examine_standing(self._attach) if self._attach else examine_own(self._base_port))

    async def describe_system(self) -> Sequence[tuple[str, str]]:
        return await describe_limiter(self.system)

    async def start(self) -> None:
        await self.system.start()

    async def heal(self) -> None:
        await self.system.heal()

    async def stop(self) -> None:
        await self.system.stop()
