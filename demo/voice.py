"""Lines for people that never wait for whoever reads them: a paused terminal must not stop a show."""

import asyncio
import contextlib
import os
import select
import sys
import time
from collections.abc import Callable
from typing import IO

WAITING_MOST = 64 * 1024
"""Bytes that may wait for a terminal; beyond them lines are dropped, and later counted aloud."""

PIECE = 4096
"""A pipe that says it takes something takes so much at once."""

AGAIN_SEC = 0.1

SAID_SEC = 1.0
"""How long the last lines wait, at the end, for a terminal that is paused."""


class Voice:
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

    def __call__(self, text: str) -> None:
        """Say it as soon as it is taken."""
        if self.quiet or self._file is None:
            return
        said = self._encoded(text)
        if len(self._waiting) + len(said) > WAITING_MOST:
            self._dropped += text.count("\n") + 1
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

    def _encoded(self, text: str) -> bytes:
        return f"{text}\n".encode(self._encoding, "replace")

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
