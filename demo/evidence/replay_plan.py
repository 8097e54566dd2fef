"""What a recording has: where a person moved on in it, and the show at the first entry of each chapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demo.errors import JournalError
from demo.evidence.rehearsal import WHO as REHEARSAL
from demo.journal.library.recording import Recording
from demo.show import RecordedMove, ShowState
from demo.show import events as e
from demo.show.recorded import fold
from demo.terminal.key_controller import WHO as TERMINAL
from demo.views.state_json import DEVICE_MARK
from demo.web.routes.command_handler import CLIENTS

PERSONS = frozenset((*CLIENTS, "curl", "http", TERMINAL, REHEARSAL))
"""Who sends a command of a person's, or in place of one; a device may be named behind it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the recording: from entry `first` on, by which a person moved on, to the next such entry.

    `chapter`: the chapter that the show was on before it.
    """

    first: int
    chapter: int
    move: RecordedMove


@dataclass(frozen=True, slots=True)
class ChapterStart:
    """The first entry of a chapter: the entry before it, the show before it, and its moment."""

    after: int
    state: ShowState
    at: float


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """A recording as it was read once. `show`: the show before its first event. `last`: the last entry that is played.

    `damage`: why nothing can be played after that; "" for a recording that is whole.
    """

    show: ShowState
    decks: Sequence[tuple[int, ShowState]]
    recorded_at: float
    last: int
    segments: Sequence[Segment]
    chapter_starts: Mapping[int, ChapterStart]
    damage: str = ""
    has_recording: bool = False
    """For a part of it all screens showed a recording of an earlier show."""


@dataclass(slots=True)
class _Reading:
    """What was read of a recording so far. A group is what one command brought: it has one moment and one issuer."""

    state: ShowState
    before: ShowState
    group: tuple[float, str] | None = None
    first: int = 0
    last: int = 0
    recorded_at: float = 0.0
    segments: list[Segment] = field(default_factory=list)
    chapter_starts: dict[int, ChapterStart] = field(default_factory=dict)
    has_recording: bool = False

    def note(self, state: ShowState, entry: e.JournalEntry) -> None:
        if (entry.at, entry.who) != self.group:
            self.group, self.first, self.before = (entry.at, entry.who), entry.seq, self.state
        self.recorded_at = self.recorded_at or entry.at
        self.state, self.last = state, entry.seq
        self.has_recording = self.has_recording or state.recording is not None
        if isinstance(entry.event, e.ChapterEntered):
            self.chapter_starts.setdefault(entry.event.number, ChapterStart(self.first - 1, self.before, entry.at))
        move = read_move(entry, state)
        if move is None:
            return
        if self.segments and self.segments[-1].first == self.first:
            self.segments[-1] = Segment(self.first, self.before.number, _joined(self.segments[-1].move, move))
        else:
            self.segments.append(Segment(self.first, self.before.number, move))


def read_plan(recording: Recording) -> ReplayPlan:
    """Read a recording from its first entry to its last, or to the first that cannot be read.

    Raises `JournalError` when nothing of it can be played.
    """
    show, decks = recording.show(), recording.decks()
    reading, damage = _Reading(show, show), ""
    try:
        for state, entry in fold(show, decks, recording.entries()):
            reading.note(state, entry)
    except JournalError as error:
        damage = str(error)
    if not reading.state.visit:
        raise JournalError(damage or f"{recording.path} has no chapter that was shown: there is nothing to replay")
    return ReplayPlan(
        show,
        decks,
        reading.recorded_at,
        reading.last,
        tuple(reading.segments),
        reading.chapter_starts,
        damage,
        reading.has_recording,
    )


def read_move(entry: e.JournalEntry, state: ShowState) -> RecordedMove | None:  # noqa: PLR0911 - one for each event
    """Return by what a person moved on with this entry; None for what the show did, or what is not a move."""
    if entry.who.split(DEVICE_MARK)[0] not in PERSONS:
        return None
    event = entry.event
    if isinstance(event, e.ChapterEntered):
        return RecordedMove("chapter", event.number, event.step)
    if isinstance(event, e.StepShown):
        return RecordedMove("step", event.number, event.step)
    if isinstance(event, e.ActionStarted):
        return RecordedMove("again", event.number) if event.run > 1 else None
    if isinstance(event, e.FaultRequested):
        return RecordedMove("fault", state.number, state.step, (event.name,))
    if isinstance(event, e.HealRequested | e.PartsHealRequested):
        names = (event.name,) if isinstance(event, e.HealRequested) else ()
        return RecordedMove("heal", state.number, state.step, names)
    return None


def _joined(first: RecordedMove, second: RecordedMove) -> RecordedMove:
    """Return the move of two entries that one command brought: heal all may heal several faults."""
    if first.kind != second.kind:
        return first
    names = tuple(dict.fromkeys((*first.names, *second.names)))
    return RecordedMove(first.kind, first.number, first.step, names)
