"""The show without a terminal: plain lines out, each line in is a key. No control sequence is written.

A line is a key as `keyboard.py` names it, or a word: `next`, `back`, `home`, `end`, `faults`, `heal`, `halt`, `resume`,
`rerun`, `blackout`, `freeze`, `timer`, `reset`, `overview`, `help`, `quit`; an empty line is Enter. Several on one
line are several keys, and then the line's end confirms a number: `c 1` fires the first fault, `g 3` goes to chapter 3.
A number is always the whole number: of eight chapters there is no 12, and it is not taken for a 1 and a 2.
Lines are taken as fast as they come; a key is refused while a running chapter blocks it, and the refusal is printed.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import replace
from types import TracebackType
from typing import IO, Self

from demo.conductor import ShowHost
from demo.console_output import SAID_SEC, ConsoleWriter
from demo.show import ShowState
from demo.terminal.key_controller import KeyController
from demo.terminal.keyboard_layouts import normalize_key
from demo.terminal.keymap import HELP, NEXT, OVERVIEW, PREVIOUS, Keypad
from demo.terminal.stdin_lines import input_lines
from demo.terminal.transcript import Transcript
from demo.views import presenter_view

MAX_DIGITS = 9
NUMBER_ALONE = "put g or c before a number: g 3 goes to chapter 3, c 1 fires the first fault"
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
    | {"home", "end", "esc", "b", ".", "c", "u", "x", "e", "r", "z", "s", "w", "m", "?", "!", "q", "ctrl-c"}
)


def keys_of(line: str) -> tuple[list[str], str]:
    """Return the keys that a line stands for, and the first word that is not a key ("" if all are)."""
    words = line.strip().lower().split()
    if not words:
        return ["enter"], ""
    keys: list[str] = []
    for word in words:
        key = "".join(map(normalize_key, word))
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

    def __init__(self, conductor: ShowHost, file: IO[str], quitting: asyncio.Event) -> None:
        self._conductor = conductor
        self._file = file
        self._quitting = quitting
        self._transcript = Transcript()
        self._has_begun = asyncio.Event()
        self._reader_gone = False
        self._write = ConsoleWriter(quiet=False, file=file, on_gone=self._on_reader_gone)
        self.key_controller = KeyController(conductor, quitting, self._print_notices)

    def __enter__(self) -> Self:
        if self._conductor.state.visit:
            self.changed(self._conductor.state)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.key_controller.cancel_commands()
        self._write.finish(SAID_SEC)

    def changed(self, state: ShowState) -> None:
        """Print what is new in this state."""
        self._print(self._transcript.lines(state))
        if state.visit:
            self._has_begun.set()

    async def run(self) -> None:
        """Take lines as keys until they end. The first of them waits until the first chapter has been printed."""
        await self._has_begun.wait()
        async for line in input_lines(sys.stdin):
            await self._handle_line(line)
            if self._quitting.is_set() or self._reader_gone:
                return

    async def _handle_line(self, line: str) -> None:
        keys, unknown = keys_of(line)
        if unknown:
            self._print([f"not a key: {unknown!r} (help lists them)"])
        before = self.key_controller.pad.mode
        for key in keys:
            if _is_number(key):
                if self.key_controller.pad.mode not in _LISTS:
                    self._print([NUMBER_ALONE])
                    continue
                # In plain lines a number is always the whole number: no digit of an earlier line belongs to it.
                self.key_controller.pad = replace(self.key_controller.pad, typed="")
            await self._press(key)
        if len(line.split()) > 1 and self.key_controller.pad.mode in _LISTS and self.key_controller.pad.typed:
            await self._press("enter")
        if self.key_controller.pad.mode != before:
            self._print(self._list_overlay())
        if self.key_controller.pad.mode == "help":
            self.key_controller.pad = Keypad()  # printed lines need not be closed

    async def _press(self, key: str) -> None:
        """Press a key and wait for its answer: the next key then means the chapter that this one led to."""
        self.key_controller.press(key, self._conductor.state.number, self._conductor.state.step)
        await self.key_controller.wait_for_answers()

    def _list_overlay(self) -> list[str]:
        presenter = presenter_view(self._conductor.state, {})
        match self.key_controller.pad.mode:
            case "faults":
                lines = [f"  {f.key} {f.title} ({f.lasts}) {f.state_word} {f.text}" for f in presenter.faults]
                return [*lines, "a number, then an empty line, fires one"]
            case "jump":
                lines = [f"  {number} {title}" for number, title in enumerate(presenter.chapters, 1)]
                return [*lines, "a number, then an empty line, goes there"]
            case "help":
                return [f"  {keys}: {meaning}" for keys, meaning in HELP]
            case _:
                return []

    def _print_notices(self) -> None:
        self._print([f"! {notice}" for notice in self.key_controller.take_notices()])

    def _print(self, lines: list[str]) -> None:
        if lines and not self._reader_gone:
            self._write(*lines)

    def _on_reader_gone(self) -> None:
        """Heal and quit: the reader of our output has closed it, as `head` does.

        The file becomes /dev/null, or the interpreter's last flush at exit would fail once more.
        """
        self._reader_gone = True
        self._quitting.set()
        with contextlib.suppress(OSError, ValueError):
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, self._file.fileno())
            os.close(devnull)
