"""Lines on stdout that never wait for it: a paused terminal must not stop a show."""

import asyncio
import contextlib
import os
import select
import sys
import time

WAITING_MOST = 64 * 1024
"""Bytes that may wait for a terminal; beyond them lines are dropped."""

PIECE = 4096
"""A pipe that says it takes something takes so much at once."""

AGAIN_SEC = 0.1


class Voice:
    """Lines on stdout, unless the terminal is a screen of the show (`quiet`)."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._waiting = bytearray()
        self._again: asyncio.TimerHandle | None = None
        self._descriptor = _own_terminal()

    def __call__(self, text: str) -> None:
        """Say it as soon as stdout takes it."""
        line = f"{text}\n".encode("utf-8", "replace")
        if self.quiet or len(self._waiting) + len(line) > WAITING_MOST:
            return
        self._waiting += line
        self._write()

    def finish(self, patience: float) -> None:
        """Say what still waits, as far as it is taken in that time; nothing is said after."""
        limit = time.monotonic() + patience
        while self._waiting and (left := limit - time.monotonic()) > 0:
            self._write(left)
        self._waiting.clear()
        self.quiet = True
        if self._again is not None:
            self._again.cancel()
        if self._descriptor is not None and self._descriptor != _descriptor():
            os.close(self._descriptor)
        self._descriptor = None

    def _write(self, wait: float = 0) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        try:
            while self._waiting and self._descriptor is not None:
                if not select.select([], [self._descriptor], [], wait)[1]:
                    break
                del self._waiting[: os.write(self._descriptor, self._waiting[:PIECE])]
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._waiting.clear()  # Nobody listens any more.
        if self._waiting and not wait:
            with contextlib.suppress(RuntimeError):
                self._again = asyncio.get_running_loop().call_later(AGAIN_SEC, self._write)


def _descriptor() -> int | None:
    try:
        return sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _own_terminal() -> int | None:
    """Stdout; a terminal is opened once more, for only what is ours alone may be set to never block."""
    shared = _descriptor()
    if shared is not None and os.isatty(shared):
        with contextlib.suppress(OSError):
            return os.open(os.ttyname(shared), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return shared
