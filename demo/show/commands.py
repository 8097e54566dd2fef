"""All commands that may change the show: what presenters ask for, and what running work reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from demo.show.health_sample import Sample
from demo.show.plan_b_types import EndRecording, PlanB, ShowRecording
from demo.show.system_described import DescribeSystem
from demo.types import Chapter, FaultDriver

MAX_SAY = 280
"""Characters of one line said on stage."""

MIN_DURATION_SEC, MAX_DURATION_SEC = 0.1, 3600.0
"""What one injection may be asked to last: from what the queue and the timers can keep, to longer than any talk."""

MAX_TARGET = 200
"""Characters of a target's id in a request."""


# What presenters and decks ask for.
@dataclass(frozen=True, slots=True)
class Advance:
    """Show the next step, or enter the next chapter. `override`: even if what that chapter requires is not met."""

    override: bool = False


@dataclass(frozen=True, slots=True)
class Back:
    pass


@dataclass(frozen=True, slots=True)
class Goto:
    chapter: int
    """1-based."""

    override: bool = False


@dataclass(frozen=True, slots=True)
class Rerun:
    pass


@dataclass(frozen=True, slots=True)
class Inject:
    """Inject a fault. `duration_sec`, `target`: for this time, instead of the fault's own duration and target.

    `targets`: the ids that the fault's driver takes at this moment; the conductor fills them in.
    """

    name: str
    duration_sec: float | None = None
    target: str | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heal:
    """Heal one fault, or (None) all of them and the nodes of the system that failed without a fault."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    pass


@dataclass(frozen=True, slots=True)
class Resume:
    pass


@dataclass(frozen=True, slots=True)
class Say:
    """Show a line on every screen. `is_question`: it is a question from the room."""

    text: str
    is_question: bool = False


@dataclass(frozen=True, slots=True)
class OpenVote:
    """Open the vote of the chapter on which the show is. One that was closed begins again, without its votes."""


@dataclass(frozen=True, slots=True)
class CloseVote:
    pass


@dataclass(frozen=True, slots=True)
class Blackout:
    """Darken the stage: on, off, or (None) toggle."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """Freeze what the audience sees of the story: on, off, or (None) toggle."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class StartTimer:
    pass


@dataclass(frozen=True, slots=True)
class PauseTimer:
    pass


@dataclass(frozen=True, slots=True)
class ResetTimer:
    """Set the timer to 0; the next step forward starts it again."""


# What the conductor and its running work report.
@dataclass(frozen=True, slots=True)
class Open:
    """Enter the first chapter of a fresh show, or continue where an earlier process stopped.

    `boot`, `anchor`: on what the moments of this process are based, see `demo.clock.ShowClock`.
    `first`: the chapter (1-based) at which a fresh show begins.
    """

    boot: str = ""
    anchor: float = 0.0
    first: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """The server shuts down in an orderly way: the last command of a show. `by_person`: a presenter quit."""

    by_person: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceDeck:
    """The deck was edited while the show goes on: from now on it is `deck`, with these faults.

    `places`: for each chapter of the deck before, its number now, 0 for one that is gone. `gone_nodes`: nodes that no
    probe tells of any more. `note` is for the log.
    """

    deck: tuple[Chapter, ...]
    places: tuple[int, ...]
    drivers: tuple[FaultDriver, ...]
    title: str
    description: str
    gone_nodes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class RejectDeck:
    """The edited deck cannot be presented, for this reason."""

    error: str


@dataclass(frozen=True, slots=True)
class ActionEnd:
    """An `on_enter` returned, or (with `error`) failed."""

    number: int
    run: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AutoAdvance:
    """The reading time of a chapter without an action has passed."""

    visit: int


@dataclass(frozen=True, slots=True)
class FaultPlanned:
    """The undo is on disk; the target is about to be changed."""

    name: str
    run: int
    target: str


@dataclass(frozen=True, slots=True)
class FaultApplied:
    """The injection succeeded."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class InjectionFailed:
    """The injection failed, perhaps half-way."""

    name: str
    run: int
    error: str
    may_have_changed_target: bool


@dataclass(frozen=True, slots=True)
class FaultLeft:
    """A fault of an earlier server is still in its target and could not be healed."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class FaultDue:
    """The fault's duration has passed."""

    name: str
    run: int


@dataclass(frozen=True, slots=True)
class TargetBack:
    """The target of an active fault was seen healed since `back_at`, without a heal of this show."""

    name: str
    run: int
    back_at: float


@dataclass(frozen=True, slots=True)
class HealEnd:
    """A heal was verified, or (with `error`) failed. `back_at`: the target was back since then, before the heal."""

    name: str
    run: int
    error: str | None = None
    back_at: float | None = None


@dataclass(frozen=True, slots=True)
class SystemHealFinished:
    """The heal of the system, or its start, ended; with `error` it failed."""

    error: str | None = None


@dataclass(frozen=True, slots=True)
class RecordSample:
    """A new health sample, and for each fault whether it shows that fault's observable.

    `recovered`: for faults that know what they have hit, whether the sample shows that healthy again.
    """

    sample: Sample
    seen: Mapping[str, bool] = field(default_factory=dict)
    recovered: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckFreshness:
    """The conductor checks how old the newest sample is. `error`: the poller has ended."""

    error: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the presenter beside the story, mostly an error. `level`: error or note."""

    text: str
    level: Literal["error", "note"] = "error"


@dataclass(frozen=True, slots=True)
class AddCurveMark:
    """Tell of an event of the show file, called `name`: a line of the show's log, and a mark of the curves."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class StartCountdown:
    """The action of chapter `number` counts down on every screen."""

    number: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Conclude:
    """The action of chapter `number` sets the verdict on the hypothesis that stands there."""

    number: int
    held: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class CountVotes:
    """The tally of a vote, as `BallotState` has it. `is_final`: the vote is closed, and none will be added."""

    ballot: int
    counts: tuple[int, ...]
    values: tuple[float, ...] = ()
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class SetDurability:
    """The journal can be written again, or (with `why`) no longer."""

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
    | OpenVote
    | CloseVote
    | Blackout
    | Freeze
    | StartTimer
    | PauseTimer
    | ResetTimer
    | Open
    | Close
    | ReplaceDeck
    | RejectDeck
    | ActionEnd
    | AutoAdvance
    | FaultPlanned
    | FaultApplied
    | InjectionFailed
    | FaultLeft
    | FaultDue
    | TargetBack
    | HealEnd
    | SystemHealFinished
    | RecordSample
    | CheckFreshness
    | Notice
    | AddCurveMark
    | StartCountdown
    | Conclude
    | CountVotes
    | SetDurability
    | PlanB
    | ShowRecording
    | EndRecording
    | DescribeSystem
)


@dataclass(frozen=True, slots=True)
class CommandEnvelope:
    """A command, who issued it, and the chapter and step that the issuer saw (1-based; None: any).

    `unmet`: why a chapter (by its number) may not be entered now; `edits`: how often the deck was edited before it was
    sent, for its numbers are those of that deck. The conductor fills both in.
    """

    issuer: str
    command: Command
    expected_chapter: int | None = None
    expected_step: int | None = None
    unmet: Mapping[int, str] = field(default_factory=dict)
    edits: int = 0
