"""What is printed beside the show: kept off the picture, shown in its log, and replayed at the end."""

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
        self._kept: deque[tuple[float, TextIO, str]] = deque(maxlen=KEPT)
        self._saved: tuple[TextIO, TextIO] | None = None

    def __enter__(self) -> None:
        self._saved = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Ear(self, sys.stdout), _Ear(self, sys.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saved is not None:
            sys.stdout, sys.stderr = self._saved
        for _, stream, text in self._kept:
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                stream.write("\n".join(clean_lines(text)))

    def hear(self, stream: TextIO, text: str) -> None:
        if text:
            self._kept.append((time.monotonic(), stream, text))
            self._on_text()

    def lines(self) -> tuple[str, ...]:
        """The last few lines of the last seconds."""
        since = time.monotonic() - SHOWN_SEC
        text = "".join(text for at, _, text in list(self._kept)[-20:] if at > since)
        return tuple([line for line in text.splitlines() if line.strip()][-SHOWN:])


class _Ear(io.TextIOBase):
    def __init__(self, owner: CapturedOutput, stream: TextIO) -> None:
        self._owner, self._stream = owner, stream

    def write(self, text: str) -> int:
        self._owner.hear(self._stream, text)
        return len(text)

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()
