"""A recorded show as a terminal showed it, as an asciicast of version 2: a file for asciinema's player."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rich.console import Console

from demo.clean import clean
from demo.show import ReplayState, ShowState
from demo.show import events as e
from demo.terminal.alt_screen import render_row
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.terminal.verdict_pause import VerdictPause

FRAME_SEC = 0.2
"""Least time between two pictures, in seconds of the recording."""

TICK_SEC = 0.5
"""While something counts down, there is a picture at least this often."""

IDLE_SEC = 5.0
"""What the file asks of a player: no pause is longer."""

Size = tuple[int, int]
"""Columns and rows."""


def make_asciicast(states: Iterable[tuple[ShowState, e.JournalEntry]], size: Size, speed: float = 1.0) -> Iterator[str]:
    """Yield the lines of the file; `states`: the show after each entry, and that entry. Each picture says REPLAY.

    Raises what reading the entries raises.
    """
    screen: _Screen | None = None
    for at, state, event in _moments(states):
        if screen is None:
            screen = _Screen(size, at)
            yield _head(state, at, size)
        if isinstance(event, e.ChapterEntered):
            yield _line((at - screen.began) / speed, "m", f"{state.number}. {clean(state.chapter.title)}")
        if screen.is_due(at) and (changed := screen.paint(at, state)):
            yield _line((at - screen.began) / speed, "o", changed)
    if screen is not None and (changed := screen.paint(at, state)):
        yield _line((at - screen.began) / speed, "o", changed)


def _moments(
    states: Iterable[tuple[ShowState, e.JournalEntry]],
) -> Iterator[tuple[float, ShowState, e.Event | None]]:
    """Yield each entry with its moment, and the moments between two entries at which only a countdown moves."""
    before: ShowState | None = None
    newest = 0.0
    for state, entry in states:
        at = max(newest, entry.at)
        while before is not None and _counts(before) and at - newest > TICK_SEC:
            newest += TICK_SEC
            yield newest, before, None
        yield at, state, entry.event
        before, newest = state, at


def _counts(state: ShowState) -> bool:
    return state.countdown_ends_at is not None or any(fault.is_running for fault in state.faults)


class _Screen:
    """A terminal of one size; remembers what it shows. `began`: the first moment of the recording."""

    def __init__(self, size: Size, began: float) -> None:
        self.began = began
        self._size, self._replay = size, ReplayState(began)
        self._console = Console(
            file=io.StringIO(),
            width=size[0],
            height=size[1],
            force_terminal=True,
            color_system="truecolor",
            _environ={},
        )
        self._pause = VerdictPause()
        self._painted: list[str] = [""] * size[1]
        self._painted_at = began - FRAME_SEC

    def is_due(self, at: float) -> bool:
        """Return whether the last picture is old enough for another one."""
        return at - self._painted_at >= FRAME_SEC

    def paint(self, at: float, state: ShowState) -> str:
        """Return what a terminal is sent to show this state; "" when nothing changed."""
        self._painted_at = at
        own = TerminalState(at, verdict_waits=self._pause.waits(state, at))
        rows = draw_screen(self._console, replace(state, replay=self._replay), own, self._size)
        texts = [render_row(self._console, row) for row in rows]
        lines = enumerate(zip(texts, self._painted, strict=True), 1)
        changed = [f"\x1b[{number};1H\x1b[0m\x1b[K{text}" for number, (text, old) in lines if text != old]
        self._painted = texts
        return "".join(changed)


def _head(state: ShowState, recorded_at: float, size: Size) -> str:
    head: dict[str, Any] = {"version": 2, "width": size[0], "height": size[1], "timestamp": int(recorded_at)}
    return json.dumps(head | {"idle_time_limit": IDLE_SEC, "title": clean(state.title)})


def _line(at: float, kind: str, data: str) -> str:
    return json.dumps([round(at, 3), kind, data])
