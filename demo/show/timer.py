"""The talk's timer: a fold of the journal like everything else. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

Awaits = Literal["", "step", "light"]


@dataclass(frozen=True, slots=True)
class Timer:
    """`banked_sec` was counted before its present run, which began at `runs_since` (None: it stands).

    While it stands, `awaits` says what starts it by itself: the next step forward (a fresh one), the light (the
    blackout stopped it, or it was started in the dark), or nothing (it was paused by hand).
    """

    banked_sec: float = 0.0
    runs_since: float | None = None
    awaits: Awaits = "step"

    @property
    def is_running(self) -> bool:
        return self.runs_since is not None

    @property
    def is_on(self) -> bool:
        """It runs, or will as soon as the room is lit."""
        return self.is_running or self.awaits == "light"

    @property
    def is_paused(self) -> bool:
        """It stands until somebody starts it."""
        return not self.is_running and not self.awaits

    def elapsed(self, now: float) -> float:
        """Seconds at `now`; never less than what is banked."""
        return self.banked_sec + (max(0.0, now - self.runs_since) if self.runs_since is not None else 0.0)

    def started(self, at: float, dark: bool) -> "Timer":
        """In the dark it only waits for the light."""
        return replace(self, awaits="light") if dark else replace(self, runs_since=at, awaits="")

    def stepped(self, at: float, dark: bool) -> "Timer":
        """The show went forward: that starts a fresh one."""
        return self.started(at, dark) if self.awaits == "step" else self

    def paused(self, at: float) -> "Timer":
        return Timer(self.elapsed(at), None, "")

    def darkened(self, at: float) -> "Timer":
        return Timer(self.elapsed(at), None, "light") if self.is_running else self

    def lit(self, at: float) -> "Timer":
        return self.started(at, dark=False) if self.awaits == "light" else self
