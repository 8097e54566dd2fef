"""What was measured of many requests, in little memory: times are counted in classes that are 1% wide. No I/O."""

import math
from collections import Counter
from dataclasses import dataclass, field

WIDTH = math.log(1.01)
SHORTEST_SEC = 1e-6


@dataclass(slots=True)
class Times:
    """A distribution of times in seconds. A percentile is exact to half a percent; `min`, `max`, `mean` are exact."""

    count: int = 0
    total: float = 0.0
    min: float = math.inf
    max: float = 0.0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.min = min(self.min, seconds)
        self.max = max(self.max, seconds)
        self.classes[math.floor(math.log(max(seconds, SHORTEST_SEC)) / WIDTH)] += 1

    def merge(self, other: "Times") -> None:
        self.count += other.count
        self.total += other.total
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)
        self.classes.update(other.classes)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """Return the time within which `percent` of 100 lie (nearest rank); None without any."""
        rank, seen = math.ceil(self.count * percent / 100 - 1e-9), 0
        for number in sorted(self.classes):
            seen += self.classes[number]
            if seen >= rank:
                # The middle of the class; the ends are known exactly.
                middle = math.exp((number + 0.5) * WIDTH)
                return self.max if rank == self.count else min(max(middle, self.min), self.max)
        return None


@dataclass(slots=True)
class MeasuredRequests:
    """Requests that have ended. `took`: from start to answer; one without an answer counts as its whole timeout.

    `late`: by how much each started after it was due. `missed`: those that were due and not sent, because too many were
    under way or this machine was too slow.
    """

    took: Times = field(default_factory=Times)
    late: Times = field(default_factory=Times)
    errors: int = 0
    missed: int = 0

    @property
    def count(self) -> int:
        return self.took.count

    @property
    def error_share(self) -> float | None:
        """The share of requests that failed, from 0 to 1; None without any."""
        return self.errors / self.count if self.count else None

    def merge(self, other: "MeasuredRequests") -> None:
        self.took.merge(other.took)
        self.late.merge(other.late)
        self.errors += other.errors
        self.missed += other.missed
