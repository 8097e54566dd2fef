"""When requests are due: evenly spaced by the clock alone, however slow the answers are. No I/O."""

from dataclasses import dataclass

MAX_LATE_SEC = 0.2
"""A request that is due for longer than this is not sent any more: after a pause of this machine there is no burst."""


@dataclass(frozen=True, slots=True)
class Due:
    """`moments`: when each request was due that is sent now; `missed`: how many others came too late."""

    moments: tuple[float, ...] = ()
    missed: int = 0


class Arrivals:
    """An even schedule of so many a second. Times are seconds of any clock that runs evenly.

    Each moment is computed from the first one, so that small errors do not add up.
    """

    def __init__(self) -> None:
        self._rate, self._began, self._taken = 0.0, 0.0, 0

    @property
    def rate(self) -> float:
        return self._rate

    def set_rate(self, rate: float, now: float) -> None:
        """Go on with another rate from now on; 0 stops."""
        self._rate, self._began, self._taken = rate, now, 0

    @property
    def next_at(self) -> float | None:
        """The moment of the next request; None while there are none."""
        return self._began + (self._taken + 1) / self._rate if self._rate > 0 else None

    def take(self, now: float) -> Due:
        """Return what is due by now, and has not been taken before."""
        if self._rate <= 0:
            return Due()
        until = max(self._taken, int((now - self._began) * self._rate))
        # A moment can be rounded to either side of `now`; what `next_at` has announced is due.
        if until == self._taken and (self.next_at or now) <= now:
            until += 1
        first, self._taken = self._taken + 1, until
        in_time = max(first, int((now - MAX_LATE_SEC - self._began) * self._rate) + 1)
        moments = tuple(self._began + number / self._rate for number in range(in_time, until + 1))
        return Due(moments, until - first + 1 - len(moments))
