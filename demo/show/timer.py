"""The talk's timer, computed from events like all other state. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

Awaits = Literal["", "step", "light"]


@dataclass(frozen=True, slots=True)
class Timer:
    """`banked_sec`: the time counted before the current run, which began at `runs_since` (None: the timer is stopped).

    While it is stopped, `awaits` says what starts it automatically: the next step forward (a new timer), the end of the
    blackout ("light": the blackout stopped it, or it was started during one), or nothing (a presenter paused it).
    """

    banked_sec: float = 0.0
    runs_since: float | None = None
    awaits: Awaits = "step"

    @property
    def is_running(self) -> bool:
        return self.runs_since is not None

    @property
    def is_on(self) -> bool:
        """It runs, or will as soon as the blackout ends."""
        return self.is_running or self.awaits == "light"

    @property
    def is_paused(self) -> bool:
        """It is stopped until a presenter starts it."""
        return not self.is_running and not self.awaits

    def elapsed(self, now: float) -> float:
        """Return the seconds counted until `now`; never less than `banked_sec`."""
        # Clamped: whatever the clock does, time that was counted before the last pause is not taken away.
        return self.banked_sec + (max(0.0, now - self.runs_since) if self.runs_since is not None else 0.0)

    def started(self, at: float, dark: bool) -> "Timer":
        """Return the started timer; during a blackout it starts only when that ends."""
        return replace(self, awaits="light") if dark else replace(self, runs_since=at, awaits="")

    def stepped(self, at: float, dark: bool) -> "Timer":
        """Return the timer after a step forward, which starts a new one."""
        return self.started(at, dark) if self.awaits == "step" else self

    def paused(self, at: float) -> "Timer":
        return Timer(self.elapsed(at), None, "")

    def darkened(self, at: float) -> "Timer":
        # One that a presenter has paused stays paused when the blackout ends.
        return Timer(self.elapsed(at), None, "light") if self.is_running else self

    def lit(self, at: float) -> "Timer":
        return self.started(at, dark=False) if self.awaits == "light" else self
