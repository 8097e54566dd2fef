"""What must be in a journal after a crash: each answered command once, and nothing that nobody asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.show import ShowState, apply
from demo.show import events as e


@dataclass
class SentCommand:
    """A command as somebody sent it, and how it was answered.

    Its effect, if it had one, lies behind entry `low` (what its sender knew) and up to `high` (what the answer told).
    """

    kind: str
    pressed_on: int | None = None
    goal: int = 0
    text: str = ""
    on: bool | None = None
    low: int = 0
    status: int | None = None
    high: int | None = None
    durable: bool = True

    @property
    def path(self) -> str:
        path = f"/goto/{self.goal}" if self.kind == "goto" else f"/{self.kind}"
        if self.kind in ("blackout", "freeze") and self.on is not None:
            path += f"?on={str(self.on).lower()}"
        return path if self.pressed_on is None else f"{path}?from={self.pressed_on}"


@dataclass(frozen=True)
class RecordedEffect:
    """An entry that some command caused, and the state it came upon."""

    entry: e.JournalEntry
    before: ShowState


def check_journal(commands: Sequence[SentCommand], entries: Sequence[e.JournalEntry], state: ShowState) -> None:
    """Raise `AssertionError` unless these entries of one life, begun in `state`, are what its commands ask for."""
    effects, states = [], {state.seq: state}
    for entry in entries:
        if entry.who == "http" and _is_effect(entry.event, state):
            effects.append(RecordedEffect(entry, state))
        state = apply(state, entry)
        states[entry.seq] = state
    asked = [command for command in commands if command.status in (None, 200)]
    may: dict[int, list[int]] = {
        number: [place for place, effect in enumerate(effects) if _fits(command, effect)]
        for number, command in enumerate(asked)
    }
    newest = state.seq
    needs = [
        n
        for n, command in enumerate(asked)
        if command.status == 200 and not _may_have_no_effect(command, states, newest)
    ]
    lost = _find_unmatched(needs, may)
    assert not lost, f"answered with 200, and not in the journal: {[_around(asked[n], entries) for n in lost]}"
    back = {place: [n for n, places in may.items() if place in places] for place in range(len(effects))}
    extra = _find_unmatched(list(back), back)
    assert not extra, f"in the journal, and asked for by nobody (any more): {[effects[n].entry for n in extra]}"


def _around(command: SentCommand, entries: Sequence[e.JournalEntry]) -> str:
    """Tell of a command, and what the journal has from shortly before it on: the run cannot be repeated exactly."""
    near = [
        entry for entry in entries if entry.seq > command.low - 6 and entry.seq <= (command.high or command.low) + 4
    ]
    newest = entries[-1].seq if entries else None
    return f"{command}; the life ended with entry {newest}; {near}"


def _is_effect(event: e.Event, before: ShowState) -> bool:
    """Tell whether this event is the one entry that a command of ours leaves."""
    # Who steps back onto a chapter that a jump had left out runs its action for the first time.
    again = isinstance(event, e.ActionStarted) and (event.run > 1 or not before.forward)
    return again or isinstance(event, e.ChapterEntered | e.Said | e.BlackoutSet | e.Halted | e.HaltLifted | e.FreezeSet)


def _fits(command: SentCommand, effect: RecordedEffect) -> bool:
    """Can this entry be what came of the command?"""
    in_time = command.low < effect.entry.seq and (command.high is None or effect.entry.seq <= command.high)
    on_time = command.pressed_on is None or command.pressed_on == effect.before.number
    return in_time and on_time and _does(command, effect)


def _does(command: SentCommand, effect: RecordedEffect) -> bool:  # noqa: PLR0911 - one for each kind
    event, before = effect.entry.event, effect.before
    match event:
        case e.ChapterEntered(number=number, forward=forward):
            wanted = {"advance": before.number + 1, "back": before.number - 1, "goto": command.goal}.get(command.kind)
            return number == wanted and forward == (number > before.number)
        case e.Said(text=text):
            return command.kind == "say" and text == command.text
        case e.BlackoutSet(on=on):
            return command.kind == "blackout" and command.on in (None, on)
        case e.FreezeSet(on=on):
            return command.kind == "freeze" and command.on in (None, on)
        case e.Halted():
            return command.kind == "halt"
        case e.HaltLifted():
            return command.kind == "resume"
        case _:
            return command.kind == "rerun"


def _may_have_no_effect(command: SentCommand, states: dict[int, ShowState], newest: int) -> bool:
    """May an answered command have left nothing? If there was nothing to change, or nothing was promised.

    A halt is answered before it is written; one of a crash's last moments may be missing.
    """
    if (
        not command.durable
        or command.kind == "timer/reset"
        or (command.kind == "halt" and (command.high or 0) > newest)
    ):
        return True
    idle: dict[str, Callable[[ShowState], bool]] = {
        "goto": lambda state: state.number == command.goal,
        "resume": lambda state: not state.halted,
        "blackout": lambda state: state.blackout == command.on,
        "freeze": lambda state: (state.frozen_view is not None) == command.on,
        "rerun": lambda state: state.chapter.on_enter is None,
    }
    # What its sender knew may have been a health sample, which may be lost: all else is as the newest entry left it.
    seen = (state for seq, state in states.items() if min(command.low, newest) <= seq <= (command.high or newest))
    return command.kind in idle and any(idle[command.kind](state) for state in seen)


def _find_unmatched(left: Sequence[int], may: dict[int, list[int]]) -> list[int]:
    """Whom no matching gives a partner of its own (augmenting paths)."""
    taken: dict[int, int] = {}

    def place(one: int, tried: set[int]) -> bool:
        for other in may[one]:
            if other not in tried:
                tried.add(other)
                if other not in taken or place(taken[other], tried):
                    taken[other] = one
                    return True
        return False

    return [one for one in left if not place(one, set())]
