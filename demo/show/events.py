"""All events of a show, frozen, with their conversion to and from JSON. The journal stores these."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.errors import JournalError
from demo.show.plan_b_types import RecordingEnded, RecordingShown
from demo.show.system_described import SystemDescribed
from demo.show.vote_events import QuestionShown, VoteClosed, VoteOpened, VotesCounted

Freshness = typing.Literal["live", "stale", "unknown"]


@dataclass(frozen=True, slots=True)
class ShowOpened:
    """A fresh show begins. `chapters` are titles, by which the chapters of an edited deck are matched.

    `boot`, `anchor`: in this run of the machine a moment is its uptime in seconds plus `anchor`.
    """

    subject: str
    chapters: tuple[str, ...]
    boot: str = ""
    anchor: float = 0.0


@dataclass(frozen=True, slots=True)
class DeckChanged:
    """The deck was edited. `chapters`: its titles now; `number`: the current chapter (1-based).

    `places`: edited while the show went on, and for each chapter of the deck before its number now, 0 for one that is
    gone. Empty: edited between two starts, chapters are matched by their titles. `gone_nodes`: nodes that no probe
    tells of any more. `note` is for the log.
    """

    chapters: tuple[str, ...]
    number: int
    places: tuple[int, ...] = ()
    gone_nodes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeckRejected:
    """The edited deck cannot be presented, for this reason: the show goes on with the deck that it has."""

    error: str


@dataclass(frozen=True, slots=True)
class ShowPickedUp:
    """Another process continues this show. `boot`, `anchor`: as in `ShowOpened`, from here on."""

    boot: str = ""
    anchor: float = 0.0


@dataclass(frozen=True, slots=True)
class ShowClosed:
    """The server shut down in an orderly way.

    `over`: a presenter quit on the last chapter, so the show is not continued.
    """

    over: bool


@dataclass(frozen=True, slots=True)
class ShowSetAside:
    """Another show was begun in this one's place: it is continued only when asked for."""


@dataclass(frozen=True, slots=True)
class ChapterEntered:
    """`step`: the step that is shown first, 1 unless the show went back to the chapter."""

    number: int
    forward: bool
    visit: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class StepShown:
    """The show moved to another step of the chapter it is on, both 1-based."""

    number: int
    step: int
    forward: bool


@dataclass(frozen=True, slots=True)
class ActionStarted:
    number: int
    run: int
    visit: int


@dataclass(frozen=True, slots=True)
class ActionSucceeded:
    number: int
    run: int


@dataclass(frozen=True, slots=True)
class ActionFailed:
    number: int
    run: int
    error: str


@dataclass(frozen=True, slots=True)
class FaultRequested:
    """A fault is about to be injected. `duration_sec`, `target`: what was asked for instead of the fault's own."""

    name: str
    run: int
    duration_sec: float | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class FaultStarted:
    """The undo is on disk and the target is about to be changed: durations count from here."""

    name: str
    run: int
    target: str


@dataclass(frozen=True, slots=True)
class FaultInjected:
    """The fault is active. `heals_at`: the moment at which it is healed; None until somebody heals it."""

    name: str
    run: int
    heals_at: float | None


@dataclass(frozen=True, slots=True)
class FaultFailed:
    name: str
    run: int
    error: str
    touched: bool


@dataclass(frozen=True, slots=True)
class FaultLeft:
    """A fault of an earlier server was found in its target at the start, and is not healed yet."""

    name: str
    run: int
    error: str


@dataclass(frozen=True, slots=True)
class HealRequested:
    name: str
    run: int


@dataclass(frozen=True, slots=True)
class FaultHealed:
    """`back_at`: the target was back since then, before the heal began, so no recovery is measured."""

    name: str
    run: int
    back_at: float | None = None


@dataclass(frozen=True, slots=True)
class HealFailed:
    name: str
    run: int
    error: str


@dataclass(frozen=True, slots=True)
class FaultDetected:
    name: str
    run: int
    after_sec: float


@dataclass(frozen=True, slots=True)
class FaultRecovered:
    name: str
    run: int
    after_sec: float


@dataclass(frozen=True, slots=True)
class FaultCameBack:
    """The target came back `after_sec` seconds after the injection, without a heal of this show."""

    name: str
    run: int
    after_sec: float


@dataclass(frozen=True, slots=True)
class PartsHealRequested:
    pass


@dataclass(frozen=True, slots=True)
class PartsHealed:
    pass


@dataclass(frozen=True, slots=True)
class PartsHealFailed:
    error: str


@dataclass(frozen=True, slots=True)
class Halted:
    pass


@dataclass(frozen=True, slots=True)
class HaltLifted:
    pass


@dataclass(frozen=True, slots=True)
class Said:
    text: str


@dataclass(frozen=True, slots=True)
class BlackoutSet:
    """The stage was darkened or lit again. A running timer stops for the blackout."""

    on: bool


@dataclass(frozen=True, slots=True)
class FreezeSet:
    on: bool


@dataclass(frozen=True, slots=True)
class TimerStarted:
    """A presenter started the timer.

    It starts without this event on the first step forward, after the opening of the show or after a reset.
    """


@dataclass(frozen=True, slots=True)
class TimerPaused:
    pass


@dataclass(frozen=True, slots=True)
class TimerReset:
    pass


@dataclass(frozen=True, slots=True)
class CountdownStarted:
    number: int
    ends_at: float


@dataclass(frozen=True, slots=True)
class Concluded:
    number: int
    held: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class HealthSampled:
    """The poller's dict as JSON values, the moment of the sample, and the faults whose observable it shows."""

    health: Mapping[str, Any]
    updated_at: float
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FreshnessChanged:
    freshness: Freshness
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TroubleSeen:
    text: str
    level: typing.Literal["error", "note"] = "error"


@dataclass(frozen=True, slots=True)
class MarkNoted:
    """A line of a log was an event that the show file calls `name`; `text` is what it says of it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class DurabilityChanged:
    """`why`: what keeps the journal from being written, and what to do; empty when unknown."""

    on: bool
    why: str = ""


Event = (
    ShowOpened
    | DeckChanged
    | DeckRejected
    | ShowPickedUp
    | ShowClosed
    | ShowSetAside
    | ChapterEntered
    | StepShown
    | ActionStarted
    | ActionSucceeded
    | ActionFailed
    | FaultRequested
    | FaultStarted
    | FaultInjected
    | FaultFailed
    | FaultLeft
    | HealRequested
    | FaultHealed
    | HealFailed
    | FaultDetected
    | FaultRecovered
    | FaultCameBack
    | PartsHealRequested
    | PartsHealed
    | PartsHealFailed
    | Halted
    | HaltLifted
    | Said
    | QuestionShown
    | BlackoutSet
    | FreezeSet
    | TimerStarted
    | TimerPaused
    | TimerReset
    | CountdownStarted
    | Concluded
    | VoteOpened
    | VoteClosed
    | VotesCounted
    | HealthSampled
    | FreshnessChanged
    | TroubleSeen
    | MarkNoted
    | DurabilityChanged
    | RecordingShown
    | RecordingEnded
    | SystemDescribed
)

_BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(Event)}


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An event, its sequence number, its moment (of the show's clock) and its issuer."""

    seq: int
    at: float
    who: str
    event: Event


class UnknownEventError(JournalError):
    """An event that is not damaged, but was written by another version of this program."""


def to_json(event: Event) -> dict[str, Any]:
    """Return the event's fields, and its name under `type`."""
    return {"type": type(event).__name__} | {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}


def from_json(data: Mapping[str, Any]) -> Event:
    """Return the event that `to_json` wrote. Raises `JournalError` for one that this version does not know."""
    fields = dict(data)
    kind = _BY_NAME.get(str(fields.pop("type", "")))
    if kind is None:
        raise UnknownEventError(f"an event of an unknown type, {data.get('type')!r}, perhaps of a later version")
    try:
        event: Event = kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})
    except TypeError as error:
        raise UnknownEventError(f"an event of another version of this program ({error})") from None
    return event
