"""Where a command leads in a recording, or why it leads nowhere. Pure."""

from collections.abc import Mapping

from demo.errors import Refused
from demo.evidence.replay_plan import ChapterStart, ReplayPlan
from demo.show import ShowState
from demo.show import commands as c
from demo.show.replay_state import MoveKind

_MOVES: tuple[MoveKind, ...] = ("chapter", "step")

_CANNOT: Mapping[type, str] = {
    c.Say: "messages cannot be sent in a replay",
    c.OpenVote: "votes cannot be opened in a replay",
    c.CloseVote: "votes cannot be closed in a replay",
    c.StartTimer: "the timer cannot be started in a replay",
    c.PauseTimer: "the timer cannot be paused in a replay",
    c.ResetTimer: "the timer cannot be reset in a replay",
}


def find_next_position(plan: ReplayPlan, place: int) -> tuple[int, int] | None:
    """Return the chapter and step that a step forward shows, from segment `place` on; None at the end."""
    moves = (segment.move for segment in plan.segments[place + 1 :] if segment.move.kind in _MOVES)
    move = next(moves, None)
    return (move.number, move.step) if move is not None else None


def find_first_entry(plan: ReplayPlan, number: int) -> ChapterStart:
    """Return the first entry of a chapter. Raises `Refused` if the recording never shows it."""
    if (start := plan.chapter_starts.get(number)) is None:
        raise Refused("replay", f"the recording never shows chapter {number}")
    return start


def find_start(plan: ReplayPlan) -> ChapterStart:
    """Return the first entry of the recording: a show may have begun behind its first chapter."""
    return min(plan.chapter_starts.values(), key=lambda start: start.after)


def find_move(plan: ReplayPlan, place: int, state: ShowState, command: c.Command) -> int:
    """Return the entry that a command leads to, from segment `place` on. Raises `Refused` if there is none."""
    match command:
        case c.Advance():
            found = next((one.first for one in plan.segments[place + 1 :] if one.move.kind in _MOVES), None)
            if found is None:
                raise Refused("at_end", "the recording has no further chapter or step")
        case c.Inject(name=name):
            found = _find_here(plan, place, state, "fault", name)
            if found is None:
                raise Refused("replay", f"the recording has no {name!r} in this chapter from here on")
        case c.Rerun():
            found = _find_here(plan, place, state, "again")
            if found is None:
                raise Refused("replay", "the recording has no second run of this chapter")
        case c.Heal(name=given):
            found = _find_heal(plan, place, given)
            if found is None:
                what = "everything" if given is None else repr(given)
                raise Refused("replay", f"the recording does not heal {what} next")
        case _:
            raise refuse_command(command)
    return found


def _find_here(plan: ReplayPlan, place: int, state: ShowState, kind: MoveKind, name: str = "") -> int | None:
    """Return the next move of this kind before the recorded show leaves this chapter."""
    for segment in plan.segments[place + 1 :]:
        if segment.chapter != state.number:
            return None
        if segment.move.kind == kind and (not name or name in segment.move.names):
            return segment.first
        if segment.move.kind == "chapter":
            return None
    return None


def _find_heal(plan: ReplayPlan, place: int, name: str | None) -> int | None:
    following = plan.segments[place + 1 : place + 2]
    matches = (one for one in following if one.move.kind == "heal" and (name is None or name in one.move.names))
    return next((one.first for one in matches), None)


def refuse_command(command: c.Command) -> Refused:
    """Return why a replay cannot carry out a command."""
    return Refused("replay", _CANNOT.get(type(command), "a replay cannot do this"))
