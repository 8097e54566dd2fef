"""The show's clock. It follows the machine's uptime, sleep included, and no setting of the wall clock changes it.

A *moment* is the uptime plus an anchor, the wall clock time at the start; so it looks like seconds of the epoch.
Ages, durations and deadlines are differences of moments. The wall clock is only for people and other programs: `wall`
converts a moment to it, and `moment_of` converts times that others have taken from it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WALL_CLOCK_STEP_SEC = 0.25
"""When the wall clock moved by more than this between two checks, it was set, not slewed."""

SLEW_TOLERANCE_SEC = 0.02
"""Smaller changes are ignored, so that dates derived from a moment stay the same text."""

NOTICED_SEC = 1.0
"""A step of the wall clock is noticed up to this much later."""

ANCHOR_SEC = 0.001
"""Two readings that are this close together count as simultaneous."""

ANCHOR_TRIES = 5

PERIODS_KEPT = 32
CHECK_INTERVAL_SEC = 0.5
"""The event loop's timers stop while the machine sleeps, so no sleep on them is longer than this."""


def uptime() -> float:
    """Return the uptime in seconds, sleep of the machine included where the system counts it. Nobody can set it."""
    # Linux counts sleep in CLOCK_BOOTTIME, macOS in CLOCK_MONOTONIC_RAW.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW"):
        if hasattr(time, name):
            return time.clock_gettime(getattr(time, name))
    return time.monotonic()


def boot_id() -> str:
    """Return an id of this run of the machine, the same in all processes; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@dataclass(slots=True)
class _Period:
    """A time between two steps of the wall clock, in which it was `ahead` of the moments by so many seconds."""

    ahead: float
    since: float
    until: float


class ShowClock:
    """Returns moments. `ticks` runs evenly, `wall` is the machine's wall clock, which may be set at any time.

    Can be called from any thread.
    """

    def __init__(
        self,
        ticks: Callable[[], float] = uptime,
        wall: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:
        self._ticks, self._wall = ticks, wall
        self.boot = boot_id() if boot is None else boot
        self.anchor = _measure_offset(ticks, wall)
        """The moment at which the ticks were 0."""
        self._periods: deque[_Period] = deque([_Period(0.0, float("-inf"), self.now())], PERIODS_KEPT)

    def __call__(self) -> float:
        return self.now()

    def now(self) -> float:
        """Return the current moment."""
        return self.anchor + self._ticks()

    @property
    def ahead(self) -> float:
        """Return how far the wall clock is ahead of the moments now, in seconds."""
        self.check_wall_clock()
        return self._periods[-1].ahead

    def wall(self, moment: float) -> float:
        """Return the wall clock time of a moment, in seconds of the epoch, by its current setting."""
        return moment + self.ahead

    def moment_of(self, dated: float) -> float:
        """Return the moment at which the wall clock showed this time; never later than now.

        A clock that was set back shows a time twice: then the later moment counts. A time that it never showed is
        converted by the current setting.
        """
        self.check_wall_clock()
        now = self.now()
        candidates = [dated - p.ahead for p in self._periods if _is_within(dated - p.ahead, p)]
        past = [moment for moment in candidates if moment <= now]
        return max(past) if past else min(now, dated - self._periods[-1].ahead)

    def of_uptime(self, seconds: float) -> float:
        """Return the moment of an `uptime` of another process; all processes of a machine share it."""
        return self.anchor + seconds

    def to_uptime(self, moment: float) -> float:
        """Return a moment as an `uptime`, for another process of this machine."""
        return moment - self.anchor

    def check_wall_clock(self) -> None:
        """Check whether the wall clock was set. Must be called at least every `NOTICED_SEC`."""
        before = self._ticks()
        wall_time = self._wall()
        if self._ticks() - before > SLEW_TOLERANCE_SEC:
            return  # too much time between the readings: they cannot be compared
        now = self.anchor + before
        ahead, period = wall_time - now, self._periods[-1]
        if abs(ahead - period.ahead) > WALL_CLOCK_STEP_SEC:
            self._periods.append(_Period(ahead, now, now))
            return
        # NTP slews the clock a little: that is followed within the same period.
        if abs(ahead - period.ahead) > SLEW_TOLERANCE_SEC:
            period.ahead = ahead
        period.until = now

    def resume(self, boot: str, anchor: float, newest: float) -> None:
        """Continue the time of a stored show, whose newest moment is `newest`; time never goes back.

        In the same run of the machine (`boot`) the anchor is exactly that of the show; else the wall clock determines
        it.
        """
        known = bool(boot) and boot == self.boot
        started = anchor if known else self._wall() - self._ticks()
        self.shift(max(started, newest - self._ticks()) - self.anchor)

    def shift(self, by: float) -> None:
        """Shift the anchor, and all known periods with it, by so many seconds."""
        self.anchor += by
        for period in self._periods:
            period.ahead -= by
            period.since += by
            period.until += by

    async def sleep(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep` does, but count the time for which the machine slept."""
        await self.sleep_until(self.now() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Sleep until a moment; return at once when the machine slept beyond it."""
        while (left := moment - self.now()) > 0:  # noqa: ASYNC110 - no event: it waits for the time itself
            await asyncio.sleep(min(left, CHECK_INTERVAL_SEC))


def as_clock(clock: Callable[[], float] | None) -> ShowClock:
    """Return a show's clock for a function that returns seconds; None: this process's clock."""
    if clock is None:
        return CLOCK
    return clock if isinstance(clock, ShowClock) else ShowClock(clock, clock)


def _measure_offset(ticks: Callable[[], float], wall: Callable[[], float]) -> float:
    """Measure how far the wall clock is ahead of the ticks.

    Repeated when too much time passes between the two readings, as on a busy machine.
    """
    readings: list[tuple[float, float]] = []
    for _ in range(ANCHOR_TRIES):
        before = ticks()
        wall_time = wall()
        readings.append((ticks() - before, wall_time - before))
        if readings[-1][0] < ANCHOR_SEC:
            break
    # The pair with the shortest time between its two readings is the most exact.
    return min(readings)[1]


def _is_within(moment: float, period: _Period) -> bool:
    return period.since - NOTICED_SEC <= moment <= period.until + NOTICED_SEC


CLOCK = ShowClock()
"""This process's clock. Whoever records when something was seen uses it, so that the times can be compared."""
