"""What must be in a journal after a crash: each answered command once, and nothing that nobody asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.show import ShowState, apply
from demo.show import events as e


@dataclass
class Tap:
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
class Deed:
    """An entry that some command caused, and the state it came upon."""

    entry: e.JournalEntry
    before: ShowState


def judge(taps: Sequence[Tap], entries: Sequence[e.JournalEntry], state: ShowState) -> None:
    """Raise `AssertionError` unless these entries of one life, begun in `state`, are what its commands ask for."""
    deeds, states = [], {state.seq: state}
    for entry in entries:
        if entry.who == "http" and _is_deed(entry.event, state):
            deeds.append(Deed(entry, state))
        state = apply(state, entry)
        states[entry.seq] = state
    asked = [tap for tap in taps if tap.status in (None, 200)]
    may: dict[int, list[int]] = {
        number: [place for place, deed in enumerate(deeds) if _fits(tap, deed)] for number, tap in enumerate(asked)
    }
    newest = state.seq
    needs = [n for n, tap in enumerate(asked) if tap.status == 200 and not _needs_none(tap, states, newest)]
    lost = _unmatched(needs, may)
    assert not lost, f"answered with 200, and not in the journal: {[_around(asked[n], entries) for n in lost]}"
    back = {place: [n for n, places in may.items() if place in places] for place in range(len(deeds))}
    extra = _unmatched(list(back), back)
    assert not extra, f"in the journal, and asked for by nobody (any more): {[deeds[n].entry for n in extra]}"


def _around(tap: Tap, entries: Sequence[e.JournalEntry]) -> str:
    """Tell of a tap, and what the journal has from shortly before it on: the run cannot be repeated exactly."""
    near = [entry for entry in entries if entry.seq > tap.low - 6 and entry.seq <= (tap.high or tap.low) + 4]
    newest = entries[-1].seq if entries else None
    return f"{tap}; the life ended with entry {newest}; {near}"


def _is_deed(event: e.Event, before: ShowState) -> bool:
    """The one entry by which a command of ours is known."""
    # Who steps back onto a chapter that a jump had left out runs its action for the first time.
    again = isinstance(event, e.ActionStarted) and (event.run > 1 or not before.forward)
    return again or isinstance(event, e.ChapterEntered | e.Said | e.BlackoutSet | e.Halted | e.HaltLifted | e.FreezeSet)


def _fits(tap: Tap, deed: Deed) -> bool:
    """Can this entry be what came of the tap?"""
    in_time = tap.low < deed.entry.seq and (tap.high is None or deed.entry.seq <= tap.high)
    on_time = tap.pressed_on is None or tap.pressed_on == deed.before.number
    return in_time and on_time and _does(tap, deed)


def _does(tap: Tap, deed: Deed) -> bool:  # noqa: PLR0911 - one for each kind
    event, before = deed.entry.event, deed.before
    match event:
        case e.ChapterEntered(number=number, forward=forward):
            wanted = {"advance": before.number + 1, "back": before.number - 1, "goto": tap.goal}.get(tap.kind)
            return number == wanted and forward == (number > before.number)
        case e.Said(text=text):
            return tap.kind == "say" and text == tap.text
        case e.BlackoutSet(on=on):
            return tap.kind == "blackout" and tap.on in (None, on)
        case e.FreezeSet(on=on):
            return tap.kind == "freeze" and tap.on in (None, on)
        case e.Halted():
            return tap.kind == "halt"
        case e.HaltLifted():
            return tap.kind == "resume"
        case _:
            return tap.kind == "rerun"


def _needs_none(tap: Tap, states: dict[int, ShowState], newest: int) -> bool:
    """May an answered tap have left nothing? If there was nothing to change, or nothing was promised.

    A halt is answered before it is written; one of a crash's last moments may be missing.
    """
    if not tap.durable or tap.kind == "timer/reset" or (tap.kind == "halt" and (tap.high or 0) > newest):
        return True
    idle: dict[str, Callable[[ShowState], bool]] = {
        "goto": lambda state: state.number == tap.goal,
        "resume": lambda state: not state.halted,
        "blackout": lambda state: state.blackout == tap.on,
        "freeze": lambda state: (state.frozen_view is not None) == tap.on,
        "rerun": lambda state: state.chapter.on_enter is None,
    }
    # What its sender knew may have been a health sample, which may be lost: all else is as the newest entry left it.
    seen = (state for seq, state in states.items() if min(tap.low, newest) <= seq <= (tap.high or newest))
    return tap.kind in idle and any(idle[tap.kind](state) for state in seen)


def _unmatched(left: Sequence[int], may: dict[int, list[int]]) -> list[int]:
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
