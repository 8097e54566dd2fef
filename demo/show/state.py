"""`ShowState`: all that is known of a show, frozen; computed from the events of the journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from demo.errors import InvalidValue
from demo.show.ballot import BallotState
from demo.show.events import Freshness
from demo.show.health_sample import Node, Sample
from demo.show.plan_b_types import RecordingAtHand, ShownRecording
from demo.show.replay_state import ReplayState
from demo.show.timer import Timer
from demo.types import ChaosConfig, Chapter, FaultDriver

MAX_LOG = 60
"""Lines of the log that are kept in the state; the journal has all."""

MAX_HISTORY = 61
"""Points of a curve: one a second for a minute."""

ActionStatus = Literal["idle", "running", "done", "failed"]
FaultStatus = Literal["idle", "injecting", "active", "healing", "failed"]
Level = Literal["move", "fault", "word", "error", "note", "event"]
JournalKind = Literal["file", "temporary", "none"]
"""Where a show is stored: `file`, one that stays; `temporary`, because no other could be created; `none`, a temporary
one, because the caller asked for no journal."""


@dataclass(frozen=True, slots=True)
class ActionState:
    """A chapter's `on_enter`. `run` counts its starts, `visit` is the visit that started it last."""

    status: ActionStatus = "idle"
    error: str | None = None
    run: int = 0
    visit: int = 0


@dataclass(frozen=True, slots=True)
class FaultState:
    """A fault and its newest run. Times are moments of the show's clock, durations are in seconds.

    `may_have_changed_target`: only a verified heal clears it. `symptom_before_fault`: the observable was visible before
    the injection, so seeing it is no detection yet. `not_measurable`: a restart came in between, so nothing can be
    measured of this run. `back_at`: the heal found the target back since then. `came_back_after_sec`: it came back by
    itself, without a recovery. `own_target`: what the fault hits unless it is asked otherwise. `requested_…`: what the
    newest run was asked for instead of the fault's own duration and target.
    """

    config: ChaosConfig
    target: str = ""
    observable: str = ""
    own_target: str = ""
    requested_duration_sec: float | None = None
    requested_target: str | None = None
    state: FaultStatus = "idle"
    run: int = 0
    may_have_changed_target: bool = False
    injection_failed: bool = False
    heal_wanted: bool = False
    symptom_before_fault: bool = False
    not_measurable: bool = False
    injected_at: float | None = None
    heals_at: float | None = None
    heal_started_at: float | None = None
    healed_at: float | None = None
    detected_after_sec: float | None = None
    recovered_after_sec: float | None = None
    back_at: float | None = None
    came_back_after_sec: float | None = None
    error: str | None = None

    @classmethod
    def of(cls, driver: FaultDriver) -> "FaultState":
        """Return the state of a fault that never ran."""
        return cls(driver.config, driver.target, driver.observable, own_target=driver.target)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def duration_sec(self) -> float:
        """How long the run that is under way lasts, otherwise the next one; `math.inf` until healed."""
        requested = self.requested_duration_sec if self.is_running else None
        return self.config.duration_sec if requested is None else requested

    @property
    def is_running(self) -> bool:
        """The target may be changed, or is about to be."""
        return self.state in ("injecting", "active", "healing") or self.may_have_changed_target

    @property
    def has_ended(self) -> bool:
        """Its end was measured: it recovered after a heal, or came back by itself."""
        return self.recovered_after_sec is not None or self.came_back_after_sec is not None

    def without_past_error(self) -> "FaultState":
        """Return it without the error of an injection that changed nothing: that is in the log."""
        is_past = self.state == "failed" and not self.may_have_changed_target
        return replace(self, state="idle", error=None) if is_past else self

    @property
    def awaits_detection(self) -> bool:
        is_open = self.detected_after_sec is None and not self.has_ended
        return self.injected_at is not None and is_open and not self.not_measurable

    @property
    def awaits_recovery(self) -> bool:
        # Not while it is running: a sample may look healthy before the heal is verified.
        is_open = not self.has_ended and not self.not_measurable
        return self.healed_at is not None and is_open and not self.is_running


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a hypothesis; `held` None: no effect was seen. `by`: the chapter whose action set it."""

    held: bool | None
    text: str
    by: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    at: float
    who: str
    text: str
    level: Level


@dataclass(frozen=True, slots=True)
class Point:
    """The main numbers of one second, for the curves."""

    at: float
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Span:
    """When a fault was active, and the chapter (1-based) in which it began."""

    name: str
    chapter: int
    started_at: float
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class FrozenView:
    """What the audience saw when the stage was frozen. The fields are named as in `ShowState`."""

    current: int
    step: int
    reached: int
    said: str
    said_is_question: bool
    verdicts: Mapping[int, Verdict]
    spans: tuple[Span, ...]
    log: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class ShowState:
    """All that is known of a show. `current` is 0-based; `visit` counts entries of chapters.

    Times are moments of the show's clock: in the run `boot` of the machine, `anchor` plus its uptime.
    """

    title: str
    subject: str
    description: str
    chapters: tuple[Chapter, ...]
    faults: tuple[FaultState, ...]
    actions: tuple[ActionState, ...]
    deck: tuple[Chapter, ...] = ()
    """The deck of this process. `chapters` differs during the replay of events from before an edit."""
    deck_error: str = ""
    """Why the file of the deck, as it was edited last, cannot be presented; the show goes on with the deck before."""
    frozen_chapter: Chapter | None = None
    """The chapter that a frozen stage shows, if it was edited since: the audience goes on seeing it as it was."""
    seq: int = 0
    opened: bool = False
    boot: str = ""
    anchor: float = 0.0
    current: int = 0
    step: int = 1
    """The step (1-based) of the current chapter that is shown, with those before it."""
    visit: int = 0
    forward: bool = False
    entered_at: float = 0.0
    reached: int = 0
    halted: bool = False
    blackout: bool = False
    frozen_view: FrozenView | None = None
    """While the stage is frozen: what the audience goes on seeing."""
    timer: Timer = field(default_factory=Timer)
    journal: JournalKind = "file"
    durable: bool = True
    """What was answered survives any crash of this server. `not_durable_because`: why it does not, if known."""
    not_durable_because: str = ""
    said: str = ""
    said_is_question: bool = False
    """The line that is said is a question from the room."""
    countdown_ends_at: float | None = None
    countdown_number: int = 0
    system_healing: bool = False
    system_error: str | None = None
    system_failed_at: float = 0.0
    system_seen_broken: bool = False
    """A node was seen not up at that error or since: only then does a sample with all nodes up clear the error."""
    sample: Sample | None = None
    seen: frozenset[str] = frozenset()
    freshness: Freshness = "unknown"
    freshness_reason: str = ""
    history: tuple[Point, ...] = ()
    spans: tuple[Span, ...] = ()
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    ballots: tuple[BallotState, ...] = ()
    """The votes of the audience, one a chapter at most, oldest first."""
    log: tuple[LogLine, ...] = ()
    replay: ReplayState | None = None
    """Set while this is no running show, but the replay of a recorded one."""
    recording: ShownRecording | None = None
    """Set while all screens show a recording instead of this show."""
    plan_b: RecordingAtHand | None = None
    """The recording from which the presenter may go on; None without one."""

    @property
    def number(self) -> int:
        """1-based, as people count."""
        return self.current + 1

    @property
    def total(self) -> int:
        return len(self.chapters)

    @property
    def chapter(self) -> Chapter:
        return self.chapters[self.current]

    @property
    def action(self) -> ActionState:
        return self.actions[self.current]

    @property
    def blocking(self) -> int | None:
        """The 1-based chapter whose running `on_enter` holds the show, or None."""
        # Any chapter, not only the current one: the presenter may have gone back while its action runs.
        for index, (chapter, action) in enumerate(zip(self.chapters, self.actions, strict=True)):
            if chapter.blocks_advance and action.status == "running":
                return index + 1
        return None

    @property
    def expected(self) -> tuple[Node, ...]:
        """All nodes that this show has seen."""
        # Nodes that are missing were added to the newest sample (`with_missing`), so it has all of them.
        return self.sample.nodes if self.sample else ()

    def is_up_again(self, sample: Sample) -> bool:
        """Return whether this sample ends the system's error: all of it is up, whoever did that."""
        if self.system_error is None or self.system_healing or not self.system_seen_broken:
            return False
        # A sample from before the error, or one without nodes, proves nothing.
        return bool(sample.nodes) and not sample.has_issues and sample.updated_at >= self.system_failed_at

    def fault(self, name: str) -> FaultState | None:
        return next((fault for fault in self.faults if fault.name == name), None)

    def known_fault(self, name: str) -> FaultState:
        """Return the fault of that name. Raises `LookupError`."""
        if (fault := self.fault(name)) is None:
            raise LookupError(name)
        return fault

    def hypothesis_number(self, number: int) -> int | None:
        """Return the 1-based chapter whose hypothesis stands on chapter `number`; None for none."""
        # A chapter without a hypothesis of its own concludes the newest one before it.
        return next((n for n in range(number, 0, -1) if self.chapters[n - 1].hypothesis), None)

    def with_fault(self, name: str, **changes: Any) -> "ShowState":
        """Return the state with these fields of one fault replaced."""
        return replace(self, faults=tuple(replace(f, **changes) if f.name == name else f for f in self.faults))

    def with_span_ended(self, name: str, at: float) -> "ShowState":
        """Return the state in which the fault of that name no longer breaks anything, since `at`."""
        spans = (replace(s, ended_at=at) if s.name == name and s.ended_at is None else s for s in self.spans)
        return replace(self, spans=tuple(spans))

    def with_action(self, number: int, **changes: Any) -> "ShowState":
        """Return the state with these fields of one chapter's action replaced; `number` is 1-based."""
        actions = list(self.actions)
        actions[number - 1] = replace(actions[number - 1], **changes)
        return replace(self, actions=tuple(actions))


def create_initial_state(
    title: str, subject: str, description: str, chapters: Iterable[Chapter], faults: Iterable[FaultState] = ()
) -> ShowState:
    """Return a show before its first event. Raises `InvalidValue` for an empty deck or two faults of one name."""
    deck = tuple(chapters)
    if not deck:
        raise InvalidValue("a deck needs at least one chapter")
    known = tuple(faults)
    # The name is how URLs, decks and the journal refer to a fault.
    if len({fault.name for fault in known}) < len(known):
        raise InvalidValue("two faults of a show have the same name")
    return ShowState(title, subject, description, deck, known, actions=tuple(ActionState() for _ in deck), deck=deck)
