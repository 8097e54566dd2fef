"""The rules of a show: pure functions over a frozen `ShowState`. No clock, no event loop, no I/O."""

from demo.show.apply import apply
from demo.show.decide import decide
from demo.show.refusal import Refusal
from demo.show.replay_state import RecordedMove, ReplayPhase, ReplayState
from demo.show.state import (
    ActionState,
    FaultState,
    FrozenView,
    JournalKind,
    LogLine,
    Point,
    ShowState,
    Span,
    Verdict,
    create_initial_state,
)
from demo.show.timer import Timer

__all__ = [
    "ActionState",
    "FaultState",
    "FrozenView",
    "JournalKind",
    "LogLine",
    "Point",
    "RecordedMove",
    "Refusal",
    "ReplayPhase",
    "ReplayState",
    "ShowState",
    "Span",
    "Timer",
    "Verdict",
    "apply",
    "create_initial_state",
    "decide",
]
