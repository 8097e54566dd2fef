"""What a key means: pure, over named keys. `keyboard.py` and `plain_ui.py` find out which key it was."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from demo.show import ShowState
from demo.show import commands as c
from demo.show.plan_b import NOT_AT_HAND
from demo.show.plan_b_types import PlanB
from demo.show.voting import shown_ballot
from demo.terminal.keyboard_layouts import normalize_key
from demo.views.replay import is_halted

ARMED_SEC = 2.0
"""A second X halts, a second W resets the timer, and a second M shows the recording, if it comes within this time of
the first."""

ASKED_SEC = 1.6
"""How long the question is on the screen; shorter than ARMED_SEC, so that whoever still reads it is in time."""

NEXT = frozenset({"space", "enter", "right", "down", "pgdn", "n", "j", "l"})
PREVIOUS = frozenset({"left", "up", "pgup", "p", "k", "h", "backspace", "shift-space"})
OVERVIEW = frozenset({"o", "g"})

HELP: tuple[tuple[str, str], ...] = (
    ("Space Enter → ↓ PgDn N J L", "next"),
    ("← ↑ PgUp P K H Backspace", "previous"),
    ("Home / End", "first / last"),
    ("O or G, number, Enter", "list the chapters, go to one"),
    ("!", "next, even if what it requires is not met"),
    ("R", "run this chapter's action again"),
    ("C, digit, Enter", "list the faults, fire one"),
    ("U", "end all faults"),
    ("X X", "halt: end all faults, refuse new ones"),
    ("E", "resume after a halt"),
    ("M M", "show the recording of --plan-b; M: back to live"),
    ("B or .", "close or open the curtain"),
    ("Z", "hold the picture, and release it"),
    ("S, W W", "start or pause the timer, reset the timer"),
    ("T", "show or hide the notes"),
    ("V", "close the vote, or open it"),
    ("I", "show the code that pairs a phone"),
    ("Ctrl-L", "redraw the screen"),
    ("Q or Ctrl-C", "end all faults and quit"),
)
"""The table that `?` shows: keys and what they do."""

Mode = Literal["", "jump", "faults", "help", "invite"]


@dataclass(frozen=True, slots=True)
class Keypad:
    """Which overlay is open, what was typed into it, and which key waits for a second press since when (loop time)."""

    mode: Mode = ""
    typed: str = ""
    armed: str = ""
    armed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a key asks for: a command, a notice to the presenter, or something that concerns this terminal alone."""

    order: c.Command | None = None
    notice: str = ""
    does: Literal["", "quit", "repaint", "notes"] = ""


NOTHING = Pressed()


def carries_chapter(order: c.Command) -> bool:
    """Return whether a command names the chapter it was pressed on, so that one from an old screen is refused."""
    return isinstance(order, c.Advance | c.Back | c.Goto | c.Rerun)


def press(pad: Keypad, key: str, state: ShowState, now: float) -> tuple[Keypad, Pressed]:
    """Return the keypad after `key` at `now` (seconds), and what is to be done.

    An unknown key does nothing; if it is of another script, or a number is being typed, a notice says so.
    """
    printed, key = key, normalize_key(key)
    if not _is_known(key):
        return replace(pad, armed=""), Pressed(notice=_explain_unknown(printed, pad))
    if pad.mode:
        handled = _act_in_overlay(pad, key, state)
        if handled is not None:
            return handled
    if key in _CONFIRMED_BY_SECOND and not (key == "m" and _is_answered_at_once(state)):
        return _press_confirmed(pad, key, now)
    return _toggle_overlay(pad, key), _act(key, state)


def _is_known(key: str) -> bool:
    """Return whether this key, as `normalize_key` names it, does anything anywhere."""
    listed = (*NEXT, *PREVIOUS, *OVERVIEW, *_CONFIRMED_BY_SECOND, *_KEYS, *_BY_STATE, "end", "c", "?", "i", "esc")
    return key in listed or (key.isascii() and key.isdecimal())


def _explain_unknown(printed: str, pad: Keypad) -> str:
    """Return the notice for an unknown key; empty for a function key or a Latin letter while no number is typed."""
    if len(printed) != 1 or (pad.mode not in ("jump", "faults") and printed.isascii()):
        return ""
    if pad.mode in ("jump", "faults"):
        return f"“{printed}” is not a digit: type the number, then Enter; Esc closes"
    return f"“{printed}” has no meaning here: a terminal sends characters, not keys. ? lists the keys"


_CONFIRMED_BY_SECOND: dict[str, tuple[c.Command, str]] = {
    "x": (c.Halt(), "X again to halt"),
    "w": (c.ResetTimer(), "W again to reset the timer"),
    "m": (PlanB(on=True), "M again: all screens show the recording"),
}
"""Keys that ask first: the command of the second press, and the question after the first."""


def _press_confirmed(pad: Keypad, key: str, now: float) -> tuple[Keypad, Pressed]:
    order, asks = _CONFIRMED_BY_SECOND[key]
    if pad.armed == key and now - pad.armed_at <= ARMED_SEC:
        return Keypad(), Pressed(order)
    return Keypad(armed=key, armed_at=now), Pressed(notice=asks)


def _is_answered_at_once(state: ShowState) -> bool:
    """Return whether M needs no second press: nothing can be shown, or the way leads back to live."""
    return state.plan_b is None or state.plan_b.live is not None


def question(pad: Keypad) -> str:
    """Return the question of the key that waits for its second press; empty when none does."""
    return _CONFIRMED_BY_SECOND[pad.armed][1] if pad.armed else ""


def _toggle_overlay(pad: Keypad, key: str) -> Keypad:
    mode: Mode = ""
    if key in OVERVIEW:
        mode = "jump"
    elif key == "c":
        mode = "faults"
    elif key == "?":
        mode = "help"
    elif key == "i":
        mode = "invite"
    return Keypad(mode) if mode and mode != pad.mode else Keypad()


def _act(key: str, state: ShowState) -> Pressed:
    if key in NEXT:
        return Pressed(c.Advance())
    if key in PREVIOUS:
        return Pressed(c.Back())
    if key == "r" and state.chapter.on_enter is None and state.replay is None:
        return Pressed(notice=f"chapter {state.number} has no action to run again")
    if key in _BY_STATE:
        return _BY_STATE[key](state)
    if key == "e" and not is_halted(state):
        return Pressed(notice="the show is not halted")
    # "end" is not in the table: which chapter is the last depends on the deck.
    return _KEYS.get(key, NOTHING) if key != "end" else Pressed(c.Goto(state.total))


def _press_vote(state: ShowState) -> Pressed:
    """Close an open vote, or open that of this chapter; one that has votes is not begun again by a single key."""
    ballot = shown_ballot(state)
    if ballot is not None and ballot.is_open:
        return Pressed(c.CloseVote())
    if ballot is not None and ballot.votes:
        return Pressed(notice="the vote is closed; POST /vote/open begins it again, without its votes")
    return Pressed(c.OpenVote())


def _press_plan_b(state: ShowState) -> Pressed:
    if state.plan_b is None:
        return Pressed(notice=NOT_AT_HAND)
    return Pressed(PlanB(on=False))


def _press_timer(state: ShowState) -> Pressed:
    return Pressed(c.PauseTimer() if state.timer.is_on else c.StartTimer())


_BY_STATE: dict[str, Callable[[ShowState], Pressed]] = {"s": _press_timer, "v": _press_vote, "m": _press_plan_b}
"""Keys whose meaning depends on the state alone."""

_KEYS: dict[str, Pressed] = {
    "home": Pressed(c.Goto(1)),
    "!": Pressed(c.Advance(override=True)),
    "r": Pressed(c.Rerun()),
    "u": Pressed(c.Heal()),
    "e": Pressed(c.Resume()),
    "b": Pressed(c.Blackout()),
    ".": Pressed(c.Blackout()),
    "z": Pressed(c.Freeze()),
    "t": Pressed(does="notes"),
    "ctrl-l": Pressed(does="repaint"),
    "q": Pressed(does="quit"),
    "ctrl-c": Pressed(does="quit"),
}


_CLOSING_KEYS: dict[Mode, str] = {"help": "?", "invite": "i"}


def _act_in_overlay(pad: Keypad, key: str, state: ShowState) -> tuple[Keypad, Pressed] | None:
    """Act on a key while an overlay is open; None if it closes and the key means what it means without one."""
    if key == "esc":
        return Keypad(), NOTHING
    if pad.mode in ("help", "invite"):
        return (Keypad(), NOTHING) if key in (_CLOSING_KEYS[pad.mode], "enter", "space") else None
    if key.isascii() and key.isdecimal():
        return _type(pad, key, state)
    if key == "enter":
        return _confirm(pad, state)
    return _act_without_digit(pad, key)


def _act_without_digit(pad: Keypad, key: str) -> tuple[Keypad, Pressed] | None:
    if key == "backspace" and pad.typed:
        return replace(pad, typed=pad.typed[:-1]), NOTHING
    # Without a list it means next: in one it must neither fire anything nor move the show.
    if key == "space":
        does = "fires it" if pad.mode == "faults" else "goes there"
        return pad, Pressed(notice=f"Enter {does}, Esc closes" if pad.typed else "type a number first; Esc closes")
    return None


def _type(pad: Keypad, digit: str, state: ShowState) -> tuple[Keypad, Pressed]:
    """Append a digit, or a whole number at once (plain lines); if there is no such number, begin anew with `digit`."""
    most = len(state.faults) if pad.mode == "faults" else state.total
    for typed in (pad.typed + digit, digit):
        if 1 <= int(typed) <= most:
            return replace(pad, typed=typed.lstrip("0")), NOTHING
    what = "fault" if pad.mode == "faults" else "chapter"
    notice = f"there is no {what} {digit}: 1 to {most}" if most else f"there are no {what}s"
    return replace(pad, typed=""), Pressed(notice=notice)


def _confirm(pad: Keypad, state: ShowState) -> tuple[Keypad, Pressed]:
    if not pad.typed:
        return Keypad(), NOTHING
    number = int(pad.typed)
    if pad.mode == "faults":
        return Keypad(), Pressed(c.Inject(state.faults[number - 1].name))
    return Keypad(), Pressed(c.Goto(number))
