"""What every screen says of a replay: that it is one, of when; and to the presenter, what comes next in it."""

from dataclasses import dataclass
from datetime import datetime

from demo.show import RecordedMove, ReplayState, ShowState
from demo.texts import mark_text, translate, translate_marked

_MONTHS = (
    mark_text("Jan"),
    mark_text("Feb"),
    mark_text("Mar"),
    mark_text("Apr"),
    mark_text("May"),
    mark_text("Jun"),
    mark_text("Jul"),
    mark_text("Aug"),
    mark_text("Sep"),
    mark_text("Oct"),
    mark_text("Nov"),
    mark_text("Dec"),
)


@dataclass(frozen=True, slots=True)
class ReplayMarkView:
    """The mark of a replay. `rate`, `since`: the clock that a page's ages follow, as in `ReplayState`."""

    recorded: str
    rate: float
    since: float


@dataclass(frozen=True, slots=True)
class ReplayStandView:
    """Where the replay stands, for the presenter: a word for it, and what comes next."""

    mark: ReplayMarkView
    word: str
    coming: str


def replay_mark(state: ShowState) -> ReplayMarkView | None:
    """Return the mark of a replay; None in a running show."""
    replay = state.replay
    return None if replay is None else ReplayMarkView(describe_recorded(replay), replay.rate, replay.since)


def replay_stand(state: ShowState) -> ReplayStandView | None:
    """Return what the presenter is told of a replay; None in a running show."""
    replay, mark = state.replay, replay_mark(state)
    if replay is None or mark is None:
        return None
    words = {
        "playing": translate("Replay playing"),
        "waiting": translate("Replay paused for your next move"),
        "stopped": translate("Replay stopped: press Resume to continue"),
        "over": translate("The recording has ended"),
    }
    coming = "" if replay.coming is None else describe_move(state, replay.coming)
    return ReplayStandView(mark, words[replay.phase], coming)


def is_halted(state: ShowState) -> bool:
    """Return whether Resume is offered: in a replay it lifts the presenter's own halt, not the recorded one."""
    return state.halted if state.replay is None else state.replay.phase == "stopped"


def describe_recorded(replay: ReplayState) -> str:
    """Return when a show was recorded, in words, by this machine's time zone."""
    return recorded_text(replay.recorded_at)


def recorded_text(recorded_at: float) -> str:
    """Return a moment as that of a recording, in words."""
    try:
        at = datetime.fromtimestamp(recorded_at)  # noqa: DTZ006 - as the clock on the wall shows it
    except (ValueError, OverflowError, OSError):
        return translate("recorded")
    month = translate_marked(_MONTHS[at.month - 1])
    return translate("recorded %(date)s", date=f"{at.day} {month} {at.year}, {at:%H:%M}")


def describe_move(state: ShowState, move: RecordedMove) -> str:
    """Return what somebody did next in the recording, in words."""
    names = ", ".join(move.names)
    match move.kind:
        case "chapter":
            title = state.chapters[move.number - 1].title if move.number <= state.total else ""
            return translate("chapter %(number)s, %(title)s", number=move.number, title=title)
        case "step":
            return translate("step %(step)s of this chapter", step=move.step)
        case "fault":
            return translate("the fault %(name)s", name=names)
        case "again":
            return translate("this chapter once more")
        case _:
            return translate("heal %(name)s", name=names) if names else translate("heal all")
