"""How latencies are spread: the counts of `bench/spread.h`, added up and read as percentiles."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FINE = 128
"""Buckets for each doubling, as in `spread.h`: a percentile is exact within 0.5 %."""


@dataclass
class Spread:
    """Latencies in ms. `most` is exact."""

    buckets: Counter[int] = field(default_factory=Counter)
    most: float = 0.0

    @classmethod
    def read(cls, told: dict[str, Any]) -> "Spread":
        return cls(Counter(dict(told["buckets"])), float(told["max"]))

    @property
    def count(self) -> int:
        return self.buckets.total()

    def at(self, share: float) -> float:
        """The latency that `share` of all stay within; nan of none."""
        wanted, seen = math.ceil(share * self.count), 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= wanted:
                return min(2 ** ((bucket + 0.5) / FINE) / 1000, self.most)
        return math.nan


def together(parts: Iterable[Spread]) -> Spread:
    whole = Spread()
    for part in parts:
        whole.buckets.update(part.buckets)
        whole.most = max(whole.most, part.most)
    return whole
