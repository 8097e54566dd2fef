"""`ReplayState`: what a show knows of its being a replay of a recorded one."""

from dataclasses import dataclass
from typing import Literal

ReplayPhase = Literal["playing", "waiting", "stopped", "over"]
"""`playing`: entries come at their recorded distances. `waiting`: for the presenter, as somebody moved on here in the
recording. `stopped`: by a halt. `over`: the recording has ended."""

MoveKind = Literal["chapter", "step", "fault", "heal", "again"]


@dataclass(frozen=True, slots=True)
class RecordedMove:
    """Something by which a person moved on in a recorded show.

    `number`, `step`: the place that it led to, or at which it was done. `names`: the faults that were injected or
    healed. `again`: the chapter's action was run again.
    """

    kind: MoveKind
    number: int
    step: int = 1
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayState:
    """Where the replay of a recorded show stands.

    `recorded_at`: when the show began, in seconds of the epoch. `rate`: recorded seconds that pass in a second, 0 while
    the replay stands; `since`: the recorded moment from which on that is so. `coming`: what a person did next in the
    recording. `goes_to`: the chapter and step that a step forward shows, None at the end. `notices`: what the presenter
    has to know of this recording.
    """

    recorded_at: float
    phase: ReplayPhase = "playing"
    rate: float = 1.0
    since: float = 0.0
    coming: RecordedMove | None = None
    goes_to: tuple[int, int] | None = None
    notices: tuple[str, ...] = ()
    shown: int = 0
    """How many states were shown before: no two that differ have the same number."""
