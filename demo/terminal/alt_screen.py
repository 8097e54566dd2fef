"""The alternate screen: paints the rows that changed, and never waits for a terminal that does not read."""

import asyncio
import contextlib
import os
import select
import termios
from collections.abc import Callable, Sequence
from typing import IO

from rich.console import Console
from rich.segment import Segment, Segments

from demo.clean import clean

# 2004 (bracketed paste): a paste arrives in one piece and is ignored; its letters might quit, halt or inject a fault.
# 1007 (alternate scroll): asks whether the mouse wheel sends arrow keys. The answer decides what `close` restores: not
# every terminal that knows the mode can save and restore it.
_ENTER = "\x1b[?1049h\x1b[?2004h\x1b[?1007$p\x1b[0m\x1b[2J\x1b[H\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?2004l\x1b[?1049l"
_WHEEL_OFF, _WHEEL_ON = "\x1b[?1007l", "\x1b[?1007h"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # synchronised output: terminals that lack it ignore it

CLOSE_SEC = 1.0
"""How long `close` waits for a terminal that does not read."""

Row = Sequence[Segment]


class AltScreen:
    """Owns the terminal behind `file` between `open` and `close`; `close` is safe to call twice.

    `gone` becomes true when writing to the terminal fails. `on_room` is called when a terminal that had stopped reading
    has taken everything.
    """

    def __init__(self, console: Console, file: IO[str], on_room: Callable[[], None]) -> None:
        self._console = console
        self._file = file
        self._on_room = on_room
        self._fd = -1
        self._unsent = b""
        self._painted: list[str] = []
        self._opened = False
        self._leave_sequence = _LEAVE
        self.gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows at this moment; 80 by 24 where the terminal does not say."""
        try:
            size = os.get_terminal_size(self._file.fileno())
        except OSError:
            return 80, 24
        return (size.columns, size.lines) if size.columns and size.lines else (80, 24)

    @property
    def busy(self) -> bool:
        """The terminal has not yet read all of the last painting."""
        return bool(self._unsent)

    def open(self) -> None:
        self._file.flush()
        self._fd = _reopen(self._file.fileno())
        self._opened = True
        self._send(_ENTER)

    def close(self) -> None:
        """Restore the screen as it was before `open`; wait for a terminal that is stuck no longer than CLOSE_SEC."""
        if not self._opened:
            return
        self._opened = False
        with contextlib.suppress(OSError, termios.error):
            asyncio.get_running_loop().remove_writer(self._fd)
            rest = self._unsent + self._leave_sequence.encode()
            while rest and select.select([], [self._fd], [], CLOSE_SEC)[1]:
                rest = rest[os.write(self._fd, rest[:1024]) :]
            if rest:
                # What is queued is thrown away, so that the sequence that restores the screen still gets through.
                termios.tcflush(self._fd, termios.TCOFLUSH)
                os.write(self._fd, self._leave_sequence.encode())
        self._unsent = b""
        os.close(self._fd)

    def silence_wheel(self) -> None:
        """Keep the mouse wheel from sending arrow keys until `close`: the terminal has answered that it does."""
        self._leave_sequence = _WHEEL_ON + _LEAVE
        self._send(_WHEEL_OFF)

    def forget(self) -> None:
        """Make the next `paint` send every row."""
        self._painted = []

    def paint(self, rows: Sequence[Row]) -> None:
        """Show these rows, and send only those that changed. Does nothing while `busy`."""
        if self.busy or self.gone:
            return
        texts = [render_row(self._console, row) for row in rows]
        clear = "\x1b[0m\x1b[2J" if len(self._painted) != len(texts) else ""
        before = [""] * len(texts) if clear else self._painted
        changed = [
            f"\x1b[{number};1H\x1b[0m\x1b[K{text}"
            for number, (text, old) in enumerate(zip(texts, before, strict=True), 1)
            if text != old
        ]
        self._painted = texts
        if changed:
            self._send(_BEGIN + clear + "".join(changed) + _END)

    def _send(self, text: str) -> None:
        self._unsent += text.encode("utf-8", "replace")
        self._write_unsent()

    def _write_unsent(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]
        except BlockingIOError:
            loop.add_writer(self._fd, self._on_writable)
            return
        except OSError:
            self.gone, self._unsent = True, b""
        loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        self._write_unsent()
        if not self._unsent:
            self._on_room()


def render_row(console: Console, row: Row) -> str:
    """Return the row as the console would write it, without any control sequence: the last check before output."""
    safe = [
        Segment(clean(text), style.update_link(None) if style and style.link else style)
        for text, style, control in row
        if not control
    ]
    with console.capture() as captured:
        console.print(Segments(safe), end="", soft_wrap=True)
    return captured.get()


def _reopen(fd: int) -> int:
    """Return a descriptor of the same terminal with a file description of its own.

    O_NONBLOCK belongs to the description: set on the inherited one, the shell's writes would stop waiting, too.
    """
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return os.dup(fd)
