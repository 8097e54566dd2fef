"""The limited keys: limit, algorithm and load of each; and what a node can do while Redis does not answer."""

from dataclasses import dataclass
from typing import Literal

Algorithm = Literal["naive", "exact"]

Fallback = Literal["local", "open", "closed"]
"""What a node does while Redis does not answer: count alone, admit everything, or admit nothing."""

NAIVE_KEY = "pay-naive"
EXACT_KEY = "pay-exact"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` admissions in any `window_sec` seconds; the steady load is `rate` requests per second."""

    key: str
    algorithm: Algorithm
    limit: int
    window_sec: float
    rate: float

    @property
    def window_us(self) -> int:
        return round(self.window_sec * 1_000_000)


LIMITS: tuple[RateLimit, ...] = (
    # Two alike, for the side-by-side comparison: the same limit, and the same load just below it.
    RateLimit(NAIVE_KEY, "naive", 100, 10.0, 9.0),
    RateLimit(EXACT_KEY, "exact", 100, 10.0, 9.0),
    # Two with a load a few percent over the limit, so that refusals are always to be seen.
    RateLimit("search", "exact", 40, 1.0, 42.0),
    RateLimit("login", "exact", 40, 10.0, 4.2),
)
