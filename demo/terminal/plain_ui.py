"""The show without a terminal: lines out, each line in is a key. Nothing here steers a terminal.

A line is a key as `keys.py` names it, or a word: `next`, `back`, `home`, `end`, `faults`, `heal`, `halt`, `resume`,
`rerun`, `blackout`, `freeze`, `timer`, `reset`, `overview`, `help`, `quit`; an empty line is Enter. Several on one
line are several keys, and then the line's end confirms a number: `c 1` fires the first fault, `g 3` goes to chapter 3.
A number is always the whole number: of eight chapters there is no 12, and it is not taken for a 1 and a 2.
Lines are taken as fast as they come; a press that a chapter still at work holds back is refused, and the refusal is
printed.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import replace
from types import TracebackType
from typing import IO, Self

from demo.conductor import Conductor
from demo.console_output import SAID_SEC, ConsoleWriter
from demo.show import ShowState
from demo.terminal.key_controller import KeyController
from demo.terminal.keyboard_layouts import understood
from demo.terminal.keymap import HELP, NEXT, OVERVIEW, PREVIOUS, Keypad
from demo.terminal.stdin_lines import input_lines
from demo.terminal.transcript import Transcript
from demo.views import presenter_view

MAX_DIGITS = 9
NUMBER_ALONE = "a number goes with g or c: g 3 goes to chapter 3, c 1 fires the first fault"
_LISTS = ("jump", "faults")

_WORDS: dict[str, tuple[str, ...]] = {
    "next": ("right",),
    "advance": ("right",),
    "back": ("left",),
    "previous": ("left",),
    "first": ("home",),
    "last": ("end",),
    "pagedown": ("pgdn",),
    "pageup": ("pgup",),
    "faults": ("c",),
    "heal": ("u",),
    "halt": ("x", "x"),
    "xx": ("x", "x"),
    "resume": ("e",),
    "rerun": ("r",),
    "blackout": ("b",),
    "freeze": ("z",),
    "timer": ("s",),
    "reset": ("w", "w"),
    "overview": ("o",),
    "goto": ("g",),
    "help": ("?",),
    "quit": ("q",),
    "escape": ("esc",),
}
_KNOWN = (
    NEXT
    | PREVIOUS
    | OVERVIEW
    | {"home", "end", "esc", "b", ".", "c", "u", "x", "e", "r", "z", "s", "w", "?", "q", "ctrl-c"}
)


def keys_of(line: str) -> tuple[list[str], str]:
    """The keys a line stands for, and the first word that is none ("" if all are)."""
    words = line.strip().lower().split()
    if not words:
        return ["enter"], ""
    keys: list[str] = []
    for word in words:
        key = "".join(map(understood, word))
        if key in _WORDS:
            keys += _WORDS[key]
        elif key in _KNOWN or _is_number(key):
            keys.append(key)
        else:
            return [], word
    return keys, ""


def _is_number(word: str) -> bool:
    return word.isdecimal() and word.isascii() and len(word) <= MAX_DIGITS


class PlainUi:
    """Prints what changes; its `run` ends with the input."""

    def __init__(self, conductor: Conductor, file: IO[str], quitting: asyncio.Event) -> None:
        self._conductor = conductor
        self._file = file
        self._quitting = quitting
        self._transcript = Transcript()
        self._opened = asyncio.Event()
        self._broken = False
        self._say = ConsoleWriter(quiet=False, file=file, on_gone=self._gone)
        self.helm = KeyController(conductor, quitting, self._notice)

    def __enter__(self) -> Self:
        if self._conductor.state.visit:
            self.changed(self._conductor.state)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.helm.let_go()
        self._say.finish(SAID_SEC)

    def changed(self, state: ShowState) -> None:
        """Print what is new in this state."""
        self._print(self._transcript.lines(state))
        if state.visit:
            self._opened.set()

    async def run(self) -> None:
        """Take lines as keys until they end. The first chapter is shown before the first of them counts."""
        await self._opened.wait()
        async for line in input_lines(sys.stdin):
            await self._take(line)
            if self._quitting.is_set() or self._broken:
                return

    async def _take(self, line: str) -> None:
        keys, unknown = keys_of(line)
        if unknown:
            self._print([f"not a key: {unknown!r} (help lists them)"])
        before = self.helm.pad.mode
        for key in keys:
            if _is_number(key):
                if self.helm.pad.mode not in _LISTS:
                    self._print([NUMBER_ALONE])
                    continue
                self.helm.pad = replace(self.helm.pad, typed="")
            await self._press(key)
        if len(line.split()) > 1 and self.helm.pad.mode in _LISTS and self.helm.pad.typed:
            await self._press("enter")
        if self.helm.pad.mode != before:
            self._print(self._overlay())
        if self.helm.pad.mode == "help":
            self.helm.pad = Keypad()  # printed lines need not be closed

    async def _press(self, key: str) -> None:
        """Each key is answered before the next one counts: nothing here is pressed on an old screen."""
        self.helm.press(key, self._conductor.state.number)
        await self.helm.settle()

    def _overlay(self) -> list[str]:
        desk = presenter_view(self._conductor.state, {})
        match self.helm.pad.mode:
            case "faults":
                lines = [f"  {f.key} {f.title} ({f.lasts}) {f.state} {f.text}" for f in desk.faults]
                return [*lines, "a number, then an empty line, fires one"]
            case "jump":
                lines = [f"  {number} {title}" for number, title in enumerate(desk.chapters, 1)]
                return [*lines, "a number, then an empty line, goes there"]
            case "help":
                return [f"  {keys}: {meaning}" for keys, meaning in HELP]
            case _:
                return []

    def _notice(self) -> None:
        self._print([f"! {notice}" for notice in self.helm.take_notices()])

    def _print(self, lines: list[str]) -> None:
        if lines and not self._broken:
            self._say(*lines)

    def _gone(self) -> None:
        """The reader has gone (`| head`): heal and leave. The interpreter's last flush must not fail again."""
        self._broken = True
        self._quitting.set()
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._file.fileno())
            os.close(null)
