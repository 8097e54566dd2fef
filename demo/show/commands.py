"""Everything that may ask the show to change: what people press, and what running work reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from demo.show.health_sample import Sample

MAX_SAY = 280
"""Characters of one presenter's line."""


# What people ask for.
@dataclass(frozen=True, slots=True)
class Advance:
    pass


@dataclass(frozen=True, slots=True)
class Back:
    pass


@dataclass(frozen=True, slots=True)
class Goto:
    chapter: int
    """1-based."""


@dataclass(frozen=True, slots=True)
class Rerun:
    pass


@dataclass(frozen=True, slots=True)
class Inject:
    name: str


@dataclass(frozen=True, slots=True)
class Heal:
    """One fault, or (None) all of them and the parts that died unasked."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    pass


@dataclass(frozen=True, slots=True)
class Resume:
    pass


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Blackout:
    """On, off, or (None) the other way round."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """Hold the story the room sees: on, off, or (None) the other way round."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class StartTimer:
    pass


@dataclass(frozen=True, slots=True)
class PauseTimer:
    pass


@dataclass(frozen=True, slots=True)
class ResetTimer:
    """Back to 0; the next step forward starts it again."""


# What the conductor and its running work report.
@dataclass(frozen=True, slots=True)
class Open:
    """A journal was opened: enter the first chapter, or pick up where an earlier process stopped.

    `boot`, `anchor`: from what the moments of this process are counted, as `demo.clock.ShowClock` says.
    `first`: the chapter (1-based) that a fresh show begins with.
    """

    boot: str = ""
    anchor: float = 0.0
    first: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """The server ends in an orderly way: nothing comes behind this. `by_person`: somebody quit it."""

    by_person: bool = False


@dataclass(frozen=True, slots=True)
class ActionEnd:
    """An `on_enter` returned, or (with a reason) failed."""

    number: int
    run: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AutoAdvance:
    """The readable pause of a chapter without an action is over."""

    visit: int


@dataclass(frozen=True, slots=True)
class FaultPlanned:
    """The undo is on disk; the fault is being applied from now on."""

    name: str
    run: int
    target: str


@dataclass(frozen=True, slots=True)
class FaultApplied:
    name: str
    run: int


@dataclass(frozen=True, slots=True)
class FaultBroke:
    """The injection failed, perhaps half-way. `touched`: the target may have been changed."""

    name: str
    run: int
    error: str
    touched: bool


@dataclass(frozen=True, slots=True)
class FaultLeft:
    """An earlier server left it in the target, and it could not be healed."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class FaultDue:
    """The fault's time is over."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class TargetBack:
    """The target of a fault in place was seen healed, since `back_at`, and nobody here had healed it."""

    name: str
    run: int
    back_at: float


@dataclass(frozen=True, slots=True)
class HealEnd:
    """A heal was verified by observation, or (with a reason) was not. `back_at`: since when it was back before it."""

    name: str
    run: int
    error: str | None = None
    back_at: float | None = None


@dataclass(frozen=True, slots=True)
class PartsHealEnd:
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Observe:
    """A new health sample, and for each fault whether it shows that fault's observable."""

    sample: Sample
    seen: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """The conductor's clock looks at how old the newest sample is; `error`: the poller has ended."""

    error: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something beside the story, mostly gone wrong: for the presenter's screens. `level`: error or note."""

    text: str
    level: Literal["error", "note"] = "error"


@dataclass(frozen=True, slots=True)
class StartCountdown:
    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Conclude:
    """The verdict of an action of chapter `number` on the hypothesis standing there."""

    number: int
    held: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Durable:
    """The disk takes what is written to it, or (with a reason) does not."""

    on: bool
    why: str = ""


Command = (
    Advance
    | Back
    | Goto
    | Rerun
    | Inject
    | Heal
    | Halt
    | Resume
    | Say
    | Blackout
    | Freeze
    | StartTimer
    | PauseTimer
    | ResetTimer
    | Open
    | Close
    | ActionEnd
    | AutoAdvance
    | FaultPlanned
    | FaultApplied
    | FaultBroke
    | FaultLeft
    | FaultDue
    | TargetBack
    | HealEnd
    | PartsHealEnd
    | Observe
    | Watch
    | Notice
    | StartCountdown
    | Conclude
    | Durable
)


@dataclass(frozen=True, slots=True)
class CommandEnvelope:
    """Who asks for what, pressed on which chapter (1-based; None: whichever is on screen)."""

    issuer: str
    command: Command
    expected_chapter: int | None = None
