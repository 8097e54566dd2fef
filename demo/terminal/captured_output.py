"""Output that other code prints during a show: kept off the screen, listed in the log, and written out at the end."""

import contextlib
import io
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from demo.clean import clean_lines

KEPT, SHOWN, SHOWN_SEC = 1000, 4, 20.0


class CapturedOutput:
    """Stands in for `sys.stdout` and `sys.stderr` between `__enter__` and `__exit__`."""

    def __init__(self, on_text: Callable[[], None]) -> None:
        self._on_text = on_text
        self._captured: deque[tuple[float, TextIO, str]] = deque(maxlen=KEPT)
        self._streams: tuple[TextIO, TextIO] | None = None

    def __enter__(self) -> None:
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _CapturingStream(self, sys.stdout), _CapturingStream(self, sys.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streams is not None:
            sys.stdout, sys.stderr = self._streams
        for _, stream, text in self._captured:
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                stream.write("\n".join(clean_lines(text)))

    def capture(self, stream: TextIO, text: str) -> None:
        if text:
            self._captured.append((time.monotonic(), stream, text))
            self._on_text()

    def lines(self) -> tuple[str, ...]:
        """Return the newest lines of the last SHOWN_SEC seconds, at most SHOWN."""
        since = time.monotonic() - SHOWN_SEC
        # A copy, for other threads may print while we read.
        text = "".join(text for at, _, text in list(self._captured)[-20:] if at > since)
        return tuple([line for line in text.splitlines() if line.strip()][-SHOWN:])


class _CapturingStream(io.TextIOBase):
    def __init__(self, owner: CapturedOutput, stream: TextIO) -> None:
        self._owner, self._stream = owner, stream

    def write(self, text: str) -> int:
        self._owner.capture(self._stream, text)
        return len(text)

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()
