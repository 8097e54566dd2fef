"""Lines for people: none steers the terminal, none waits for whoever reads it (a paused one must not stop a show).

What the program says on stdout and stderr comes through here; the picture of `demo run` has its own way.
"""

import asyncio
import contextlib
import io
import os
import select
import sys
import time
from collections.abc import Callable
from typing import IO

from demo.clean import clean, clean_lines

MAX_WAITING = 64 * 1024
"""Bytes that may wait for a terminal; beyond them lines are dropped, and later counted aloud."""

PIECE = 4096
"""A pipe that says it takes something takes so much at once."""

AGAIN_SEC = 0.1

SAID_SEC = 1.0
"""How long the last lines wait, at the end, for a terminal that is paused."""


class StyledLine(str):
    """A line that we drew ourselves, with colours: the only one that is said as it is."""

    __slots__ = ()


class ConsoleWriter:
    """Lines on `file` (else stdout), unless the terminal is a screen of the show (`quiet`).

    What `file` cannot encode is replaced. `on_gone` is called when nobody listens any more.
    """

    def __init__(self, quiet: bool, file: IO[str] | None = None, on_gone: Callable[[], None] = lambda: None) -> None:
        self.quiet = quiet
        self._file: IO[str] | None = file or sys.stdout
        self._encoding: str = getattr(self._file, "encoding", None) or "utf-8"
        self._on_gone = on_gone
        self._waiting = bytearray()
        self._dropped = 0
        self._again: asyncio.TimerHandle | None = None
        self._shared = _descriptor(self._file)
        self._descriptor = _own_terminal(self._shared)

    def __call__(self, *lines: str) -> None:
        """Say it as soon as it is taken; a line that holds line breaks is one line all the same."""
        if self.quiet or self._file is None:
            return
        said = self._encoded(*lines)
        if len(self._waiting) + len(said) > MAX_WAITING:
            self._dropped += len(lines)
            return
        said = self._missing() + said
        try:
            if self._descriptor is None:
                self._file.write(said.decode(self._encoding))
                said = b""
            if not self._waiting and self._takes(0):
                self._file.flush()  # what was printed before comes first
        except (OSError, ValueError):
            self._gone()
        else:
            self._waiting += said
            self._write()

    def finish(self, patience: float) -> None:
        """Say what still waits, as far as it is taken in that time; nothing is said after."""
        limit = time.monotonic() + patience
        self._waiting += self._missing()
        while self._waiting and (left := limit - time.monotonic()) > 0:
            self._write(left)
        self._waiting.clear()
        self.quiet = True
        if self._again is not None:
            self._again.cancel()
        if self._descriptor is not None and self._descriptor != self._shared:
            os.close(self._descriptor)
        self._descriptor = None

    def _encoded(self, *lines: str) -> bytes:
        return "".join(f"{_safe(line)}\n" for line in lines).encode(self._encoding, "replace")

    def _missing(self) -> bytes:
        dropped, self._dropped = self._dropped, 0
        return self._encoded(f"({dropped} lines are missing here: they were not read in time)") if dropped else b""

    def _takes(self, wait: float) -> bool:
        return self._descriptor is None or bool(select.select([], [self._descriptor], [], wait)[1])

    def _write(self, wait: float = 0) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        until = time.monotonic() + wait
        try:
            while self._waiting and self._descriptor is not None and self._takes(max(0.0, until - time.monotonic())):
                del self._waiting[: os.write(self._descriptor, self._waiting[:PIECE])]
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._gone()
        if self._waiting and not wait:
            with contextlib.suppress(RuntimeError):
                self._again = asyncio.get_running_loop().call_later(AGAIN_SEC, self._write)

    def _gone(self) -> None:
        self._waiting.clear()
        self._on_gone()


def print_lines(*lines: str) -> None:
    """On stdout, for a command that says one thing and ends; each line is one."""
    print("\n".join(map(_safe, lines)), flush=True)


def print_error(text: object) -> None:
    """On stderr: a sentence of ours, and set in below it the lines that came with it, so that none passes for ours."""
    first, *more = clean_lines(str(text))
    print("\n".join([f"demo: {first}", *(f"      {line}" for line in more if line)]), file=sys.stderr)


def clean_stderr() -> None:
    """From now on nothing on stderr steers a terminal: tracebacks, warnings, a library's messages."""
    if isinstance(sys.stderr, io.TextIOWrapper) and not isinstance(sys.stderr, _CleanStream):
        stream = sys.stderr
        encoding, errors = stream.encoding, stream.errors
        sys.stderr = _CleanStream(stream.detach(), encoding, errors, line_buffering=True)
        setattr(sys, "__stderr__", sys.stderr)  # noqa: B010 - the old one has let go of its file


class _CleanStream(io.TextIOWrapper):
    def write(self, text: str) -> int:
        super().write("\n".join(clean_lines(text)))
        return len(text)


def _safe(line: str) -> str:
    return line if isinstance(line, StyledLine) else clean(line)


def _descriptor(file: IO[str] | None) -> int | None:
    try:
        return file.fileno() if file is not None else None
    except (OSError, ValueError):
        return None


def _own_terminal(shared: int | None) -> int | None:
    """The same; a terminal is opened once more, for only what is ours alone may be set to never block."""
    if shared is not None and os.isatty(shared):
        with contextlib.suppress(OSError):
            return os.open(os.ttyname(shared), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return shared
