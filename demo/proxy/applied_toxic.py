"""A toxic as it acts on one direction of one connection: when data is delivered, and how much of it. No I/O."""

import random

from demo.proxy.toxic import Toxic


class AppliedToxic:
    """What one toxic remembers of one direction. `name`: by which it is removed again."""

    __slots__ = ("_free_at", "_passed", "dropped", "name", "toxic")

    def __init__(self, name: str, toxic: Toxic) -> None:
        self.name = name
        self.toxic = toxic
        self.dropped = False
        """Whether data is missing because of it: then the connection cannot go on without it."""
        self._passed = 0
        self._free_at = 0.0

    def delay_data(self, moment: float, size: int) -> float:
        """Return when data of `size` bytes that enters at `moment` leaves; both in monotonic seconds."""
        toxic = self.toxic
        moment = self._add_latency(moment)
        if toxic.bandwidth is not None:
            moment = self._free_at = max(moment, self._free_at) + size / toxic.bandwidth
        return moment

    def delay_end(self, moment: float) -> float:
        """Return when an end of the stream that enters at `moment` leaves; infinite where it is dropped as data is."""
        if self.toxic.drops_data:
            return float("inf")
        return self._add_latency(moment) + (self.toxic.slow_close or 0.0)

    def _add_latency(self, moment: float) -> float:
        toxic = self.toxic
        if toxic.latency is None:
            return moment
        jitter = random.uniform(-toxic.jitter, toxic.jitter) if toxic.jitter else 0.0  # noqa: S311 - no secret
        return moment + max(0.0, toxic.latency + jitter)

    def restart_pacing(self) -> None:
        """Forget what was sent, before the delays of all queued data are computed anew."""
        self._free_at = 0.0

    def take(self, size: int) -> int:
        """Count `size` bytes that are to pass, and return how many of them `limit_data` lets through."""
        limit = self.toxic.limit_data
        if limit is None:
            return size
        allowed = min(size, limit - self._passed)
        self._passed += allowed
        return allowed

    @property
    def is_spent(self) -> bool:
        """Return whether `limit_data` lets nothing more through."""
        return self.toxic.limit_data is not None and self._passed >= self.toxic.limit_data
