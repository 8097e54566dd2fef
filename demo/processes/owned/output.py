"""The last lines that a process printed: bounded, however much it prints, with colours as they came."""

from collections import deque
from itertools import islice

from demo.clean import clean
from demo.processes.owned.spec import OutputLines, RawOutput

MAX_LINES = 2000
MAX_LINE_BYTES = 4000
"""A longer line is cut into several."""

MAX_ANSWER_BYTES = 1_000_000
MAX_RAW_BYTES = 262_144
"""Output that is kept as it came, for those who draw it: up to twice as much for moments."""


class OutputTail:
    """Collects output as it comes, over all runs of one process. Lines are decoded when somebody reads them."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=MAX_LINES)
        self._unfinished = b""
        self._end = 0
        self._run_began = 0
        self._raw = bytearray()
        self._raw_end = self._raw_run_began = self._newlines = 0

    def begin(self) -> None:
        """Mark that what comes now is of a new run."""
        self._run_began = self._end
        self._raw_run_began = self._raw_end

    def add(self, chunk: bytes) -> None:
        self._raw += chunk
        self._raw_end += len(chunk)
        self._newlines += chunk.count(b"\n")
        if len(self._raw) > 2 * MAX_RAW_BYTES:
            del self._raw[:-MAX_RAW_BYTES]
        self._add_lines(chunk)

    def _add_lines(self, chunk: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        if lines and max(map(len, lines)) > MAX_LINE_BYTES:
            lines = [part for line in lines for part in _cut(line)]
        if len(self._unfinished) > MAX_LINE_BYTES:
            *parts, self._unfinished = _cut(self._unfinished)
            lines += parts
        self._lines.extend(lines)
        self._end += len(lines)

    def finish(self) -> None:
        """Take what stands after the last newline as a line: the run is over."""
        if self._unfinished:
            self._add_lines(b"\n")

    def since(self, number: int) -> OutputLines:
        """Return the lines from `number` on, counted from 0: as many of the last ones as are kept and fit an answer."""
        found: deque[str] = deque()
        size = 0
        for line in islice(reversed(self._lines), max(0, self._end - number)):
            size += len(line)
            if size > MAX_ANSWER_BYTES:
                break
            found.appendleft(line.rstrip(b"\r").decode(errors="replace"))
        return OutputLines(tuple(found), self._end)

    def raw_since(self, place: int, max_bytes: int) -> RawOutput:
        """Return what came after `place` bytes, as it came: at most the last `max_bytes` bytes that are kept."""
        size = max(0, min(self._raw_end - place, max_bytes, len(self._raw), MAX_RAW_BYTES))
        data = bytes(self._raw[len(self._raw) - size :])
        return RawOutput(data, self._raw_end, self._raw_run_began, self._newlines)

    @property
    def last_line(self) -> str:
        """The last line of this run that is not blank, without colours and controls; "" if there is none."""
        lines = [self._unfinished, *islice(reversed(self._lines), self._end - self._run_began)]
        texts = (clean(line.decode(errors="replace")).strip() for line in lines)
        return next(filter(None, texts), "")


def _cut(line: bytes) -> list[bytes]:
    return [line[start : start + MAX_LINE_BYTES] for start in range(0, len(line) or 1, MAX_LINE_BYTES)]
