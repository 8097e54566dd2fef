"""The talk's timer and its plan: the time elapsed, the whole budget, and how far the talk is ahead or behind."""

import math
from dataclasses import dataclass

from demo.show import ShowState, Timer
from demo.texts import mark_text, translate, translate_marked

_WHY_STOPPED = {
    "": mark_text("paused"),
    "step": mark_text("starts with the next step"),
    "light": mark_text("curtain"),
}


@dataclass(frozen=True, slots=True)
class TimerView:
    """The timer itself, and the plan in seconds; the screens do the counting.

    `word` says why it does not run ("" while it does). By plan this chapter lasts from `from_sec` to `until_sec` of
    the talk; these and `budget_sec` are None when no chapter has a budget.
    """

    clock: Timer
    word: str
    budget_sec: float | None
    from_sec: float | None
    until_sec: float | None

    @property
    def is_fresh(self) -> bool:
        """It is at 0 and waits for the talk to begin: nobody is late yet."""
        return self.clock.awaits == "step"


def timer_view(state: ShowState) -> TimerView:
    """Return the timer for this state, with the plan up to the current chapter."""
    timer = state.timer
    has_plan = budget_sec(state) is not None
    before, after = (_sum_budgets(state, state.current + step) if has_plan else None for step in (0, 1))
    return TimerView(
        clock=timer,
        word="" if timer.is_running else translate_marked(_WHY_STOPPED[timer.awaits]),
        budget_sec=budget_sec(state),
        from_sec=before,
        until_sec=after,
    )


def budget_sec(state: ShowState) -> float | None:
    """Return the sum of the chapters' budgets; None when none of them has one."""
    return _sum_budgets(state, state.total) or None


def _sum_budgets(state: ShowState, count: int) -> float:
    """Sum the budgets of the first `count` chapters; one without a budget, or with an endless one, adds nothing."""
    return sum(c.budget_sec for c in state.chapters[:count] if c.budget_sec is not None and math.isfinite(c.budget_sec))


def pace_text(view: TimerView, now: float) -> str:
    """Return how far ahead of the plan or behind it the talk is; "" without a plan, or before the timer has begun."""
    if view.from_sec is None or view.until_sec is None or view.is_fresh:
        return ""
    # Whole seconds, as the clock beside it shows: the two must not contradict each other.
    elapsed = math.floor(view.clock.elapsed(now))
    if elapsed > view.until_sec:
        return translate("%(time)s behind", time=clock_text(elapsed - view.until_sec))
    if elapsed < view.from_sec:
        return translate("%(time)s ahead", time=clock_text(view.from_sec - elapsed))
    return translate("on time")


def clock_text(seconds: float) -> str:
    """Format seconds as on a watch: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(max(0, math.floor(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
