"""The talk's clock beside its plan: elapsed, the whole budget, and how far ahead or behind the chapters' own."""

import math
from dataclasses import dataclass

from demo.show import ShowState, Timer

_WORDS = {"": "paused", "step": "starts with the next step", "light": "stopped while dark"}


@dataclass(frozen=True, slots=True)
class TimerView:
    """The clock itself, and the plan in seconds; the screens count.

    `word` says why it stands ("" while it runs). By plan this chapter lasts from `from_sec` to `until_sec` of the
    talk; `budget_sec` and these are None when no chapter has a budget.
    """

    clock: Timer
    word: str
    budget_sec: float | None
    from_sec: float | None
    until_sec: float | None

    @property
    def is_fresh(self) -> bool:
        """It stands at 0 and waits for the talk to begin: nobody is late yet."""
        return self.clock.awaits == "step"


def timer_view(state: ShowState) -> TimerView:
    """The timer at this state, against the plan up to the chapter the show is on."""
    timer = state.timer
    planned = budget_sec(state) is not None
    before, after = (_sum(state, state.current + step) if planned else None for step in (0, 1))
    return TimerView(
        clock=timer,
        word="" if timer.is_running else _WORDS[timer.awaits],
        budget_sec=budget_sec(state),
        from_sec=before,
        until_sec=after,
    )


def budget_sec(state: ShowState) -> float | None:
    """What the chapters' budgets add up to; None when none of them has one."""
    return _sum(state, state.total) or None


def _sum(state: ShowState, count: int) -> float:
    """Of the first `count` chapters. A chapter without a budget, or with an endless one, adds nothing."""
    return sum(c.budget_sec for c in state.chapters[:count] if c.budget_sec is not None and math.isfinite(c.budget_sec))


def pace_text(view: TimerView, now: float) -> str:
    """Ahead of the plan, behind it, or on time; "" without a plan, or before the timer has begun."""
    if view.from_sec is None or view.until_sec is None or view.is_fresh:
        return ""
    elapsed = math.floor(view.clock.elapsed(now))
    if elapsed > view.until_sec:
        return f"{clock_text(elapsed - view.until_sec)} behind"
    return f"{clock_text(view.from_sec - elapsed)} ahead" if elapsed < view.from_sec else "on time"


def clock_text(seconds: float) -> str:
    """As on a watch: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(max(0, math.floor(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
