"""The rules of the show: pure functions over a frozen `ShowState`. No clock, no loop, no I/O."""

from demo.show.apply import apply
from demo.show.decide import Refusal, decide
from demo.show.state import (
    ActionState,
    FaultState,
    JournalKind,
    LogLine,
    Point,
    ShowState,
    Span,
    Story,
    Verdict,
    opening,
)
from demo.show.timer import Timer

__all__ = [
    "ActionState",
    "FaultState",
    "JournalKind",
    "LogLine",
    "Point",
    "Refusal",
    "ShowState",
    "Span",
    "Story",
    "Timer",
    "Verdict",
    "apply",
    "decide",
    "opening",
]
