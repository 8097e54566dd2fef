"""What a key means: pure, over named keys. `terminal.py` and `plain.py` find out which key it was."""

from dataclasses import dataclass, replace
from typing import Literal

from demo.show import ShowState
from demo.show import commands as c
from demo.terminal.keyboard_layouts import understood

ARMED_SEC = 2.0
"""Within this time the second X halts, the second W resets the timer."""

ASKED_SEC = 1.6
"""The question is on the screen this long: what is read there still counts when the finger comes."""

NEXT = frozenset({"space", "enter", "right", "down", "pgdn", "n", "j", "l"})
PREVIOUS = frozenset({"left", "up", "pgup", "p", "k", "h", "backspace", "shift-space"})
OVERVIEW = frozenset({"o", "g"})

HELP: tuple[tuple[str, str], ...] = (
    ("Space Enter → ↓ PgDn N J L", "next"),
    ("← ↑ PgUp P K H Backspace", "previous"),
    ("Home / End", "first / last"),
    ("O or G, number, Enter", "overview, and jump"),
    ("R", "run this chapter's action again"),
    ("C, digit, Enter", "faults, and fire one"),
    ("U", "heal all"),
    ("X X", "halt: heal all, refuse new faults"),
    ("E", "end the halt"),
    ("B or .", "blackout"),
    ("Z", "freeze what the room is told, and let it go on"),
    ("S", "start or pause the timer"),
    ("W W", "reset the timer"),
    ("T", "show or hide the notes"),
    ("I", "invite: what pairs a phone"),
    ("Ctrl-L", "paint the screen afresh"),
    ("Q or Ctrl-C", "heal all and quit"),
)
"""The table behind `?`, as people read it."""

Mode = Literal["", "jump", "faults", "help", "invite"]


@dataclass(frozen=True, slots=True)
class Keypad:
    """What is open on the screen, what was typed into it, and which key was armed when (loop seconds)."""

    mode: Mode = ""
    typed: str = ""
    armed: str = ""
    armed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a key asks for: a command, a word to the presenter, or something of this terminal's own."""

    order: c.Command | None = None
    notice: str = ""
    does: Literal["", "quit", "repaint", "notes"] = ""


NOTHING = Pressed()


def carries_chapter(order: c.Command) -> bool:
    """Moves name the chapter they were pressed on, so that one from an old screen is refused."""
    return isinstance(order, c.Advance | c.Back | c.Goto | c.Rerun)


def press(pad: Keypad, key: str, state: ShowState, now: float) -> tuple[Keypad, Pressed]:
    """The keypad after `key` at `now` (seconds), and what is to be done.

    An unknown key does nothing; one of a foreign script, and any while a number is typed, is told that it is none.
    """
    printed, key = key, understood(key)
    if not _means_something(key):
        return replace(pad, armed=""), Pressed(notice=_stranger(printed, pad))
    if pad.mode:
        handled = _in_overlay(pad, key, state)
        if handled is not None:
            return handled
    if key in _TWICE:
        return _twice(pad, key, now)
    return _open(pad, key), _plain(key, state)


def _means_something(key: str) -> bool:
    """Does this key, as `understood` names it, do anything anywhere?"""
    listed = (*NEXT, *PREVIOUS, *OVERVIEW, *_TWICE, *_KEYS, "end", "s", "c", "?", "i", "esc")
    return key in listed or (key.isascii() and key.isdecimal())


def _stranger(printed: str, pad: Keypad) -> str:
    """What is said of it; nothing of a function key, or of a Latin letter that merely means nothing."""
    if len(printed) != 1 or (pad.mode not in ("jump", "faults") and printed.isascii()):
        return ""
    if pad.mode in ("jump", "faults"):
        return f"“{printed}” is no digit here: type the number, Enter; Esc closes"
    return f"“{printed}” is no key here: a terminal does not tell where a key lies. ? lists the keys"


_TWICE: dict[str, tuple[c.Command, str]] = {
    "x": (c.Halt(), "X again to halt"),
    "w": (c.ResetTimer(), "W again to reset the timer"),
}
"""What asks first: the key, what its second press does, and the question."""


def _twice(pad: Keypad, key: str, now: float) -> tuple[Keypad, Pressed]:
    order, asks = _TWICE[key]
    if pad.armed == key and now - pad.armed_at <= ARMED_SEC:
        return Keypad(), Pressed(order)
    return Keypad(armed=key, armed_at=now), Pressed(notice=asks)


def question(pad: Keypad) -> str:
    """What the armed key asks; empty when none is armed."""
    return _TWICE[pad.armed][1] if pad.armed else ""


def _open(pad: Keypad, key: str) -> Keypad:
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


def _plain(key: str, state: ShowState) -> Pressed:
    if key in NEXT:
        return Pressed(c.Advance())
    if key in PREVIOUS:
        return Pressed(c.Back())
    if key == "r" and state.chapter.on_enter is None:
        return Pressed(notice=f"chapter {state.number} has no action to run again")
    if key == "s":
        return Pressed(c.PauseTimer() if state.timer.is_on else c.StartTimer())
    if key == "e" and not state.halted:
        return Pressed(notice="the show is not halted")
    return _KEYS.get(key, NOTHING) if key != "end" else Pressed(c.Goto(state.total))


_KEYS: dict[str, Pressed] = {
    "home": Pressed(c.Goto(1)),
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


_CLOSES: dict[Mode, str] = {"help": "?", "invite": "i"}


def _in_overlay(pad: Keypad, key: str, state: ShowState) -> tuple[Keypad, Pressed] | None:
    """What the open overlay makes of the key; None: it closes, and the key means what it always does."""
    if key == "esc":
        return Keypad(), NOTHING
    if pad.mode in ("help", "invite"):
        return (Keypad(), NOTHING) if key in (_CLOSES[pad.mode], "enter", "space") else None
    if key.isascii() and key.isdecimal():
        return _type(pad, key, state)
    if key == "enter":
        return _confirm(pad, state)
    return _type_less(pad, key)


def _type_less(pad: Keypad, key: str) -> tuple[Keypad, Pressed] | None:
    if key == "backspace" and pad.typed:
        return replace(pad, typed=pad.typed[:-1]), NOTHING
    if key == "space":
        does = "fires it" if pad.mode == "faults" else "goes there"
        return pad, Pressed(notice=f"Enter {does}, Esc closes" if pad.typed else "first a number; Esc closes")
    return None


def _type(pad: Keypad, digit: str, state: ShowState) -> tuple[Keypad, Pressed]:
    """A digit, or a whole number at once."""
    most = len(state.faults) if pad.mode == "faults" else state.total
    for typed in (pad.typed + digit, digit):
        if 1 <= int(typed) <= most:
            return replace(pad, typed=typed.lstrip("0")), NOTHING
    what = "fault" if pad.mode == "faults" else "chapter"
    return replace(pad, typed=""), Pressed(notice=f"there is no {what} {digit}: 1 to {most}" if most else f"no {what}s")


def _confirm(pad: Keypad, state: ShowState) -> tuple[Keypad, Pressed]:
    if not pad.typed:
        return Keypad(), NOTHING
    number = int(pad.typed)
    if pad.mode == "faults":
        return Keypad(), Pressed(c.Inject(state.faults[number - 1].name))
    return Keypad(), Pressed(c.Goto(number))
