"""The alternate screen: paints rows that changed, never waits for a terminal that does not read."""

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

# 2004: a paste comes as one piece, to be left alone; its letters might quit, halt or break something.
# 1007: does the mouse wheel send arrow keys here? Asked, and switched back by its answer: not every terminal that
# knows the mode can save and restore it.
_ENTER = "\x1b[?1049h\x1b[?2004h\x1b[?1007$p\x1b[0m\x1b[2J\x1b[H\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?2004l\x1b[?1049l"
_WHEEL_OFF, _WHEEL_ON = "\x1b[?1007l", "\x1b[?1007h"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # synchronised output: terminals that lack it ignore it

CLOSE_SEC = 1.0
"""How long leaving waits for a terminal that does not read."""

Row = Sequence[Segment]


class AltScreen:
    """Owns the terminal behind `file` between `open` and `close`; `close` is safe to call twice.

    `gone` turns true when the terminal takes nothing any more. `on_room` is called when it reads again.
    """

    def __init__(self, console: Console, file: IO[str], on_room: Callable[[], None]) -> None:
        self._console = console
        self._file = file
        self._on_room = on_room
        self._fd = -1
        self._rest = b""
        self._shown: list[str] = []
        self._opened = False
        self._leave = _LEAVE
        self.gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        try:
            size = os.get_terminal_size(self._file.fileno())
        except OSError:
            return 80, 24
        return (size.columns, size.lines) if size.columns and size.lines else (80, 24)

    @property
    def busy(self) -> bool:
        """The terminal has not yet taken the last picture."""
        return bool(self._rest)

    def open(self) -> None:
        self._file.flush()
        self._fd = _reopen(self._file.fileno())
        self._opened = True
        self._send(_ENTER)

    def close(self) -> None:
        """Back to the screen as it was. A terminal that is gone or stuck is not waited for long."""
        if not self._opened:
            return
        self._opened = False
        with contextlib.suppress(OSError, termios.error):
            asyncio.get_running_loop().remove_writer(self._fd)
            rest = self._rest + self._leave.encode()
            while rest and select.select([], [self._fd], [], CLOSE_SEC)[1]:
                rest = rest[os.write(self._fd, rest[:1024]) :]
            if rest:
                termios.tcflush(self._fd, termios.TCOFLUSH)
                os.write(self._fd, self._leave.encode())
        self._rest = b""
        os.close(self._fd)

    def silence_wheel(self) -> None:
        """The terminal has said that its mouse wheel sends arrow keys: not until `close`."""
        self._leave = _WHEEL_ON + _LEAVE
        self._send(_WHEEL_OFF)

    def forget(self) -> None:
        """The next picture is painted whole."""
        self._shown = []

    def paint(self, rows: Sequence[Row]) -> None:
        """Show these rows; those that are as before are not sent. Does nothing while `busy`."""
        if self.busy or self.gone:
            return
        texts = [self._text(row) for row in rows]
        clear = "\x1b[0m\x1b[2J" if len(self._shown) != len(texts) else ""
        before = [""] * len(texts) if clear else self._shown
        changed = [
            f"\x1b[{number};1H\x1b[0m\x1b[K{text}"
            for number, (text, old) in enumerate(zip(texts, before, strict=True), 1)
            if text != old
        ]
        self._shown = texts
        if changed:
            self._send(_BEGIN + clear + "".join(changed) + _END)

    def _text(self, row: Row) -> str:
        """The row as the console would write it. The last gate: nothing that steers gets through."""
        safe = [
            Segment(clean(text), style.update_link(None) if style and style.link else style)
            for text, style, control in row
            if not control
        ]
        with self._console.capture() as captured:
            self._console.print(Segments(safe), end="", soft_wrap=True)
        return captured.get()

    def _send(self, text: str) -> None:
        self._rest += text.encode("utf-8", "replace")
        self._drain()

    def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._fd, self._rest) :]
        except BlockingIOError:
            loop.add_writer(self._fd, self._room)
            return
        except OSError:
            self.gone, self._rest = True, b""
        loop.remove_writer(self._fd)

    def _room(self) -> None:
        self._drain()
        if not self._rest:
            self._on_room()


def _reopen(fd: int) -> int:
    """The same terminal by a description of our own, so that not waiting is not inflicted on the shell."""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return os.dup(fd)
