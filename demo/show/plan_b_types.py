"""What plan B adds to a show, which is to go on from a recording: its commands, its events, its state. Plain data."""

from dataclasses import dataclass
from typing import Literal


# Commands.
@dataclass(frozen=True, slots=True)
class PlanB:
    """Show the recording that is at hand on all screens, or (on: False) the show itself again; None: toggle."""

    on: bool | None = None


@dataclass(frozen=True, slots=True)
class ShowRecording:
    """All screens show this chapter of a recording now. The fields are those of `RecordingShown`.

    `begins`: they showed the show itself until now; else this changes nothing while they do.
    """

    recorded_at: float
    number: int
    title: str
    same_before: int = 0
    begins: bool = False


@dataclass(frozen=True, slots=True)
class EndRecording:
    """The screens show the show itself again. `step`: that of the chapter the recording stood at."""

    step: int = 1


# Events.
@dataclass(frozen=True, slots=True)
class RecordingShown:
    """All screens show a recording from here on, or from here on another chapter of it. It is not part of this show.

    `recorded_at`: when the recorded show began. `number`, `title`: the chapter there, by which that of this show is
    found; `same_before`: how many chapters of the same title are before it.
    """

    recorded_at: float
    number: int
    title: str
    same_before: int = 0


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The screens show the show itself again. `interrupted`: because another process continues it."""

    interrupted: bool = False


# State.
@dataclass(frozen=True, slots=True)
class ShownRecording:
    """The recording that all screens show instead of the show, since the moment `since`; else as `RecordingShown`."""

    recorded_at: float
    number: int
    title: str
    same_before: int
    since: float


Need = Literal["", "system", "fault"]
"""Why a presenter may want to go on from a recording: the system is gone; a fault failed; "" for no reason of ours."""


@dataclass(frozen=True, slots=True)
class LiveStand:
    """How the show itself fares while a recording is shown. `healing`, `unhealed`: faults that are still in place."""

    is_live: bool
    up: int
    total: int
    healing: tuple[str, ...] = ()
    unhealed: tuple[str, ...] = ()
    is_halted: bool = False


@dataclass(frozen=True, slots=True)
class RecordingAtHand:
    """A recording from which the presenter may go on. `recorded_at`: when that show began.

    `has_chapter`: it shows the chapter on which the show is. `differences`: what it has not as the deck has it.
    `live`: set while it is shown.
    """

    recorded_at: float
    has_chapter: bool = True
    differences: tuple[str, ...] = ()
    need: Need = ""
    live: LiveStand | None = None
