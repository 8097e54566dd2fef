"""What the containers of services print, as numbered lines, for probes of logs."""

from collections import deque

from demo.container_engine import Engine
from demo.probes.log import LinesSince, LogLines
from demo.showfile.panels.container_log import ContainerLog

MAX_LINES = 10_000
MAX_LINE_BYTES = 16_384
READ_BYTES = 1_000_000
TAIL = 1000
"""So many lines from before the first look are read."""


class ServiceLogs:
    """The logs of one project's services, each followed from the first question about it on."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project
        self._logs: dict[str, ServiceLines] = {}

    def lines_of(self, service: str) -> LinesSince:
        """Return what returns the lines of a service; all who ask share one log."""
        if service not in self._logs:
            self._logs[service] = ServiceLines(ContainerLog(self._engine, lambda: self._project, service, TAIL))
        return self._logs[service].since

    async def close(self) -> None:
        """Follow none of them any more."""
        for lines in self._logs.values():
            await lines.close()


class ServiceLines:
    """The newest lines of one log, counted from the first that was read."""

    def __init__(self, log: ContainerLog) -> None:
        self._log = log
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._end = 0
        self._unfinished = b""

    async def since(self, number: int) -> LogLines | None:
        """Return the lines from a number on; None as long as there is no container whose log could be read."""
        reading = await self._log.read(READ_BYTES)
        for piece in reading.pieces:
            self._take(piece.data)
        if not self._end and reading.state != "up":
            return None
        first = self._end - len(self._lines)
        return LogLines(list(self._lines)[max(0, number - first) :], self._end)

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._unfinished + data).split(b"\n")
        self._unfinished = rest[-MAX_LINE_BYTES:]
        self._end += len(lines)
        self._lines.extend(line[:MAX_LINE_BYTES].decode(errors="replace").rstrip("\r") for line in lines)

    async def close(self) -> None:
        await self._log.close()
