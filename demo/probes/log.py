"""A probe of what a process prints: how often its lines match a pattern, and what the newest of them says."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from demo.clock import CLOCK
from demo.probes.patterns import Pattern, TooSlow
from demo.probes.result import Reading

WINDOW_SEC = 10.0
MAX_MATCHES = 100_000


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines without their ends, oldest first. `end`: the number of the line that comes next, counted from 0."""

    lines: Sequence[str]
    end: int


LinesSince = Callable[[int], Awaitable[LogLines | None]]
"""Returns the lines from a number on, as far as they are kept; None where the log cannot be read."""


@dataclass
class LogRateProbe:
    """The reading's data: `rate` (matching lines a second over the last 10 s, or since it began), `count`, `line`.

    `line` is the newest that matched, and each named group of the pattern has its part of it. What was printed before
    the first look counts for `count`, but for no rate: nobody knows when it was.
    """

    lines: LinesSince
    pattern: Pattern
    _begun: float = 0.0
    _end: int = 0
    _matches: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_MATCHES), repr=False)
    _count: int = 0
    _newest: Mapping[str, str | None] = field(default_factory=dict, repr=False)

    async def read(self) -> Reading:
        found = await self.lines(self._end)
        if found is None:
            return Reading(trouble="its log cannot be read here", inconclusive=True)
        now, self._end = CLOCK.now(), found.end
        try:
            matching = [
                {**groups, "line": line} for line in found.lines if (groups := self.pattern.search(line)) is not None
            ]
        except TooSlow as error:
            return Reading(trouble=str(error), inconclusive=True)
        self._count += len(matching)
        self._newest = matching[-1] if matching else self._newest
        if self._begun:
            self._matches.extend([now] * len(matching))
        self._begun = self._begun or now
        while self._matches and self._matches[0] < now - WINDOW_SEC:
            self._matches.popleft()
        # At least a second, so that the first lines are no burst.
        span = min(WINDOW_SEC, max(1.0, now - self._begun))
        return Reading({**self._newest, "rate": len(self._matches) / span, "count": self._count})
