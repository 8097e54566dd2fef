"""The last lines that a process printed: bounded, however much it prints, with colours as they came."""

from collections import deque

from demo.processes.owned.spec import OutputLines

MAX_LINES = 400
MAX_LINE_BYTES = 4000
"""A longer line is cut into several."""


class OutputTail:
    """Collects output as it comes, over all runs of one process."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._unfinished = b""
        self._end = 0
        self._run_began = 0

    def begin(self) -> None:
        """Mark that what comes now is of a new run."""
        self._run_began = self._end

    def add(self, chunk: bytes) -> None:
        *lines, unfinished = (self._unfinished + chunk).split(b"\n")
        for line in lines:
            self._append(line)
        while len(unfinished) > MAX_LINE_BYTES:
            self._append(unfinished[:MAX_LINE_BYTES])
            unfinished = unfinished[MAX_LINE_BYTES:]
        self._unfinished = unfinished

    def finish(self) -> None:
        """Take what stands after the last newline as a line: the run is over."""
        if self._unfinished:
            self._append(self._unfinished)
        self._unfinished = b""

    def _append(self, line: bytes) -> None:
        for start in range(0, len(line) or 1, MAX_LINE_BYTES):
            self._lines.append(line[start : start + MAX_LINE_BYTES].rstrip(b"\r").decode(errors="replace"))
            self._end += 1

    def since(self, number: int) -> OutputLines:
        """Return the lines from `number` on, counted from 0, as far as they are kept."""
        count = min(len(self._lines), max(0, self._end - number))
        return OutputLines(tuple(self._lines)[len(self._lines) - count :], self._end)

    @property
    def last_line(self) -> str:
        """The last line of this run that is not blank, "" if there is none."""
        lines = [self._unfinished.decode(errors="replace"), *reversed(self.since(self._run_began).lines)]
        return next((line.strip() for line in lines if line.strip()), "")
