"""Halt while a stranger floods the server with GETs: what it takes with the flood and without, in turns in one run.

`python -m bench.flood PORT CONNECTIONS PATTERN` is the stranger, in a process of its own. Its connections are opened
first; then it asks as fast as it is answered, until its stdin ends, and prints how many answers it had.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.raw_http import ask, request
from tests.support.servers import serving

CONNECTIONS = 50
IN_A_ROW = 16
"""As many as the server keeps for one connection."""

PATTERNS = {
    "one after the other": "each asks again once it is answered",
    "in a row": f"each keeps {IN_A_ROW} requests under way",
    "anew": "each asks once, and comes again as a new connection",
}
PATHS = ("/", "/state")
ROUND_PRESSES = 20
ROUNDS = 5
PAUSE_SEC = 0.01
ROOT = Path(__file__).parent.parent

Row = tuple[str, list[float], str, float, str]


def floods(rounds: int = ROUNDS, presses: int = ROUND_PRESSES) -> Iterator[Row]:
    """A row for halts alone, and one for each pattern of a flood."""
    with serving("none") as server:
        press(server.port, presses)  # What runs for the first time is slower.
        alone: list[float] = []
        flooded: dict[str, list[float]] = {pattern: [] for pattern in PATTERNS}
        answers: dict[str, list[float]] = {pattern: [] for pattern in PATTERNS}
        for _ in range(rounds):
            for pattern in PATTERNS:
                alone += press(server.port, presses)
                with Stranger(server.port, pattern) as stranger:
                    flooded[pattern] += press(server.port, presses)
                answers[pattern].append(stranger.per_sec)
    yield _row("halt, nobody else there", alone)
    for pattern, found in flooded.items():
        rate = statistics.median(answers[pattern])
        what = f"halt in a flood from {CONNECTIONS} connections, {PATTERNS[pattern]} ({rate:,.0f} answers/s)"
        yield _row(what, found, p99(found) / p99(alone))


def _row(what: str, found: list[float], times: float = 0) -> Row:
    than = f", {times:.1f} × the p99 without" if times else ""
    return what, found, "ms", 1000, f"p99 {p99(found) * 1000:.3g} ms{than}, worst {max(found) * 1000:.3g} ms"


def p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def press(port: int, count: int) -> list[float]:
    """Seconds that each of `count` halts took, on a connection of its own as a phone's that was put down."""
    found = []
    for _ in range(count):
        began = time.monotonic()
        _post(port, "/halt")
        found.append(time.monotonic() - began)
        _post(port, "/resume")
        time.sleep(PAUSE_SEC)
    return found


def _post(port: int, path: str) -> None:
    answer = ask(port, request("POST", path, f"Host: 127.0.0.1:{port}", "Connection: close"))
    if answer.status != 200:
        raise RuntimeError(f"POST {path} was answered with {answer.status}: {answer.body[:200]!r}")


class Stranger:
    """The running flood; all of its connections have had an answer when this is entered."""

    def __init__(self, port: int, pattern: str, connections: int = CONNECTIONS) -> None:
        command = [sys.executable, "-m", "bench.flood", str(port), str(connections), pattern]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.per_sec = 0.0

    def __enter__(self) -> "Stranger":
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"the flood did not begin: {self._process.communicate()[1][-300:]}")
        return self

    def __exit__(self, *error: object) -> None:
        said, complaint = self._process.communicate(timeout=30)
        if self._process.returncode and not any(error):
            raise RuntimeError(f"the flood broke: {complaint[-300:]}")
        self.per_sec = float(said or 0)


# The stranger.


class Flood:
    """Counts whole answers; `begun` once every connection had one."""

    def __init__(self, port: int, connections: int, pattern: str) -> None:
        self._port, self._connections, self._pattern = port, connections, pattern
        self._waited_for = connections
        self.begun = asyncio.Event()
        self.answers = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._connections):
                group.create_task(self._ask_on(number))

    async def _ask_on(self, number: int) -> None:
        line = f"Host: 127.0.0.1:{self._port}"
        asking = [request("GET", path, line, "Accept-Encoding: gzip") for path in PATHS]
        is_first = True
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            with contextlib.closing(writer):
                row = IN_A_ROW if self._pattern == "in a row" else 1
                writer.write(b"".join(asking[(number + one) % 2] for one in range(row)))
                while True:
                    await self._answer(reader)
                    if is_first:
                        is_first = False
                        self._count_in()
                    if self._pattern == "anew":
                        break
                    number += 1
                    writer.write(asking[number % 2])

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        self.answers += 1

    def _count_in(self) -> None:
        self._waited_for -= 1
        if not self._waited_for:
            self.begun.set()


async def _flood(port: int, connections: int, pattern: str) -> None:
    flood = Flood(port, connections, pattern)
    running = asyncio.create_task(flood.run())
    begun = asyncio.create_task(flood.begun.wait())
    await asyncio.wait({running, begun}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    print("begun", flush=True)
    before, since = flood.answers, time.monotonic()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print((flood.answers - before) / (time.monotonic() - since), flush=True)
    running.cancel()
    await asyncio.wait({running})


if __name__ == "__main__":
    asyncio.run(_flood(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
