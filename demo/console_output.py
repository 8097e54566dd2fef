"""Text on stdout and stderr: without control sequences, and without waiting for a terminal that is paused (Ctrl-S).

Everything that the program prints goes through here, except for the full screen of `demo run`.
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
"""Bytes that may wait for a terminal; lines beyond that are dropped, and a later line tells how many."""

PIECE = 4096
"""Bytes to write at once: PIPE_BUF on Linux, as much as a pipe that is writable takes without blocking."""

AGAIN_SEC = 0.1
"""Pause before a terminal that took nothing is tried again."""

SAID_SEC = 1.0
"""How long, at the end, the last lines wait for a terminal that is paused."""


class StyledLine(str):
    """A line of our own with colours: the only kind that is printed with its control sequences."""

    __slots__ = ()


class ConsoleWriter:
    """Writes lines to `file` (default: stdout) without ever blocking; nothing where `is_quiet` is set.

    Characters that `file` cannot encode are replaced. `on_gone` is called when `file` was closed at the other end.
    """

    def __init__(self, quiet: bool, file: IO[str] | None = None, on_gone: Callable[[], None] = lambda: None) -> None:
        self.is_quiet = quiet
        self._file: IO[str] | None = file or sys.stdout
        self._encoding: str = getattr(self._file, "encoding", None) or "utf-8"
        self._on_gone = on_gone
        self._waiting = bytearray()
        self._dropped = 0
        self._retry: asyncio.TimerHandle | None = None
        self._given_descriptor = _get_descriptor(self._file)
        self._descriptor = _reopen_terminal(self._given_descriptor)

    def __call__(self, *lines: str) -> None:
        """Print lines as soon as the file takes them; a line break within a line is replaced."""
        if self.is_quiet or self._file is None:
            return
        data = self._encode(*lines)
        if len(self._waiting) + len(data) > MAX_WAITING:
            self._dropped += len(lines)
            return
        data = self._report_dropped() + data
        try:
            if self._descriptor is None:  # A file in memory, as in tests, never blocks.
                self._file.write(data.decode(self._encoding))
                data = b""
            if not self._waiting and self._is_writable(0):
                self._file.flush()  # What was printed past this writer comes first.
        except (OSError, ValueError):
            self._handle_closed()
        else:
            self._waiting += data
            self._write()

    def finish(self, timeout_sec: float) -> None:
        """Wait up to `timeout_sec` seconds until the waiting lines are written; print nothing afterwards."""
        deadline = time.monotonic() + timeout_sec
        self._waiting += self._report_dropped()
        while self._waiting and (left := deadline - time.monotonic()) > 0:
            self._write(left)
        self._waiting.clear()
        self.is_quiet = True
        if self._retry is not None:
            self._retry.cancel()
        if self._descriptor is not None and self._descriptor != self._given_descriptor:
            os.close(self._descriptor)
        self._descriptor = None

    def _encode(self, *lines: str) -> bytes:
        return "".join(f"{_clean_unless_styled(line)}\n" for line in lines).encode(self._encoding, "replace")

    def _report_dropped(self) -> bytes:
        dropped, self._dropped = self._dropped, 0
        return (
            self._encode(f"({dropped} lines are missing here: the terminal did not read them in time)")
            if dropped
            else b""
        )

    def _is_writable(self, timeout: float) -> bool:
        return self._descriptor is None or bool(select.select([], [self._descriptor], [], timeout)[1])

    def _write(self, timeout: float = 0) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        deadline = time.monotonic() + timeout
        try:
            while self._waiting and self._descriptor is not None:
                if not self._is_writable(max(0.0, deadline - time.monotonic())):
                    break
                del self._waiting[: os.write(self._descriptor, self._waiting[:PIECE])]
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._handle_closed()
        if self._waiting and not timeout:
            with contextlib.suppress(RuntimeError):  # Without a running loop the next call or `finish` writes the rest.
                self._retry = asyncio.get_running_loop().call_later(AGAIN_SEC, self._write)

    def _handle_closed(self) -> None:
        self._waiting.clear()
        self._on_gone()


def print_lines(*lines: str) -> None:
    """Print lines on stdout, for a command that prints its result and ends; a line break within a line is replaced."""
    print("\n".join(map(_clean_unless_styled, lines)), flush=True)


def print_error(text: object) -> None:
    """Print an error on stderr: its first line after "demo:", and further lines, which may quote others, indented."""
    first, *more = clean_lines(str(text))
    print("\n".join([f"demo: {first}", *(f"      {line}" for line in more if line)]), file=sys.stderr)


def clean_stderr() -> None:
    """Replace stderr by a stream that removes control sequences, from tracebacks and libraries' messages too."""
    if isinstance(sys.stderr, io.TextIOWrapper) and not isinstance(sys.stderr, _CleanStream):
        stream = sys.stderr
        encoding, errors = stream.encoding, stream.errors
        sys.stderr = _CleanStream(stream.detach(), encoding, errors, line_buffering=True)
        setattr(sys, "__stderr__", sys.stderr)  # noqa: B010 - the old stream is detached from its file


class _CleanStream(io.TextIOWrapper):
    def write(self, text: str) -> int:
        super().write("\n".join(clean_lines(text)))
        return len(text)


def _clean_unless_styled(line: str) -> str:
    return line if isinstance(line, StyledLine) else clean(line)


def _get_descriptor(file: IO[str] | None) -> int | None:
    try:
        return file.fileno() if file is not None else None
    except (OSError, ValueError):
        return None


def _reopen_terminal(descriptor: int | None) -> int | None:
    """Open a terminal once more, as non-blocking; return any other descriptor as it is.

    The shell and other programs share the given descriptor, and must not find it non-blocking.
    """
    if descriptor is not None and os.isatty(descriptor):
        with contextlib.suppress(OSError):
            return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return descriptor
