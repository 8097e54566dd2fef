"""The show's time: it goes on with the machine's uptime, asleep or awake, whatever is done to the wall clock.

A moment reads like seconds of the epoch, for it is counted from where the wall clock stood when the show began.
Ages, durations and deadlines are differences of moments. The wall clock dates what people and other programs read
(`wall`), and what others have dated by it is read back (`moment_of`).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STEP_SEC = 0.25
"""The wall clock was set, not steered, when it moved by more than this between two looks."""

STEERED_SEC = 0.02
"""Less than this is not followed: what is dated then stays the same text."""

NOTICED_SEC = 1.0
"""A step of the wall clock may have been noticed so late."""

ANCHOR_SEC = 0.001
"""Two readings within this time count as one."""

ANCHOR_TRIES = 5

PERIODS_KEPT = 32
LOOK_SEC = 0.5
"""Timers of the loop stand still while the machine sleeps: nobody trusts one for longer than this."""


def uptime() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps, where it can tell."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW"):
        if hasattr(time, name):
            return time.clock_gettime(getattr(time, name))
    return time.monotonic()


def boot_id() -> str:
    """Name this run of the machine, across processes; empty where the machine does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@dataclass(slots=True)
class _Period:
    """Between two steps of the wall clock it was `ahead` of the moments by so many seconds."""

    ahead: float
    since: float
    until: float


class ShowClock:
    """Tells the moment. `ticks` goes on evenly, `wall` is the machine's date, which may be set at any time.

    Safe to ask from any thread.
    """

    def __init__(
        self,
        ticks: Callable[[], float] = uptime,
        wall: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:
        self._ticks, self._wall = ticks, wall
        self.boot = boot_id() if boot is None else boot
        self.anchor = _apart(ticks, wall)
        """The moment at which the ticks were 0."""
        self._periods: deque[_Period] = deque([_Period(0.0, float("-inf"), self.now())], PERIODS_KEPT)

    def __call__(self) -> float:
        return self.now()

    def now(self) -> float:
        """Return this moment."""
        return self.anchor + self._ticks()

    @property
    def ahead(self) -> float:
        """Return how far the wall clock is ahead of the moments now, in seconds."""
        self.look()
        return self._periods[-1].ahead

    def wall(self, moment: float) -> float:
        """Return the date of a moment, in seconds of the epoch, as the wall clock counts now."""
        return moment + self.ahead

    def moment_of(self, dated: float) -> float:
        """Return the moment at which the wall clock told this date; never later than now.

        A clock that was set back tells a date twice: then it is the later one. A date that this machine never told
        is taken as the clock counts now.
        """
        self.look()
        now = self.now()
        told = [dated - p.ahead for p in self._periods if _told(dated - p.ahead, p)]
        past = [moment for moment in told if moment <= now]
        return max(past) if past else min(now, dated - self._periods[-1].ahead)

    def of_uptime(self, seconds: float) -> float:
        """Return the moment that another process of this machine tells by `uptime`, which they all share."""
        return self.anchor + seconds

    def to_uptime(self, moment: float) -> float:
        """Return what another process of this machine is told of a moment."""
        return moment - self.anchor

    def look(self) -> None:
        """Notice whether the wall clock was set. Somebody must call this every `NOTICED_SEC` at least."""
        before = self._ticks()
        dated = self._wall()
        if self._ticks() - before > STEERED_SEC:
            return  # the machine was busy elsewhere in between: nothing can be said
        now = self.anchor + before
        ahead, period = dated - now, self._periods[-1]
        if abs(ahead - period.ahead) > STEP_SEC:
            self._periods.append(_Period(ahead, now, now))
            return
        if abs(ahead - period.ahead) > STEERED_SEC:
            period.ahead = ahead
        period.until = now

    def go_on(self, boot: str, anchor: float, newest: float) -> None:
        """Go on with the time of a show that was kept, whose newest moment is `newest`: never back.

        In the same run of the machine (`boot`) it is exactly that show's time; else the wall clock tells it.
        """
        known = bool(boot) and boot == self.boot
        started = anchor if known else self._wall() - self._ticks()
        self.move(max(started, newest - self._ticks()) - self.anchor)

    def move(self, by: float) -> None:
        self.anchor += by
        for period in self._periods:
            period.ahead -= by
            period.since += by
            period.until += by

    async def sleep(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep` does; what the machine slept counts."""
        await self.sleep_until(self.now() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Return at this moment, or at once after a sleep of the machine that went beyond it."""
        while (left := moment - self.now()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(min(left, LOOK_SEC))


def as_clock(clock: Callable[[], float] | None) -> ShowClock:
    """Make a show's clock of a function that tells seconds; None: this process's."""
    if clock is None:
        return CLOCK
    return clock if isinstance(clock, ShowClock) else ShowClock(clock, clock)


def _apart(ticks: Callable[[], float], wall: Callable[[], float]) -> float:
    """Measure how far the wall clock is ahead of the ticks; again where the machine was busy elsewhere in between."""
    found: list[tuple[float, float]] = []
    for _ in range(ANCHOR_TRIES):
        before = ticks()
        dated = wall()
        found.append((ticks() - before, dated - before))
        if found[-1][0] < ANCHOR_SEC:
            break
    return min(found)[1]


def _told(moment: float, period: _Period) -> bool:
    return period.since - NOTICED_SEC <= moment <= period.until + NOTICED_SEC


CLOCK = ShowClock()
"""This process's. Whoever notes when something was seen asks it, so that it can be compared with a show's moments."""
