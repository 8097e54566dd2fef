"""A probe of what a process prints: how often its lines match a pattern, and what the newest of them says."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from demo.clock import CLOCK
from demo.probes.patterns import Pattern, TooSlow
from demo.probes.result import Reading

WINDOW_SEC = 10.0
MAX_MATCHES = 100_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line without its end, and the moment at which it was read."""

    at: float
    text: str


LinesSince = Callable[[float], Sequence[LogLine] | None]
"""Returns at once the lines that were read after a moment, oldest first; None where the log cannot be read."""


@dataclass
class LogProbe:
    """The reading's data: `rate` (matching lines a second over the last 10 s, or since it began), `count`, `line`.

    `line` is the newest that matched, and each named group of the pattern has its part of it.
    """

    lines: LinesSince
    pattern: Pattern
    _begun: float = field(default_factory=CLOCK.now)
    _read_until: float = 0.0
    _matches: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_MATCHES), repr=False)
    _count: int = 0
    _newest: Mapping[str, str | None] = field(default_factory=dict, repr=False)

    async def read(self) -> Reading:
        lines = self.lines(self._read_until)
        if lines is None:
            return Reading(trouble="its log cannot be read here", inconclusive=True)
        try:
            for line in lines:
                self._take(line)
        except TooSlow as error:
            return Reading(trouble=str(error), inconclusive=True)
        now = CLOCK.now()
        while self._matches and self._matches[0] < now - WINDOW_SEC:
            self._matches.popleft()
        # At least a second, so that the first lines are no burst.
        span = min(WINDOW_SEC, max(1.0, now - self._begun))
        return Reading({**self._newest, "rate": len(self._matches) / span, "count": self._count})

    def _take(self, line: LogLine) -> None:
        self._read_until = max(self._read_until, line.at)
        found = self.pattern.search(line.text)
        if found is not None:
            self._newest = {**found, "line": line.text}
            self._count += 1
            self._matches.append(line.at)
