"""Where the time of a press goes: from its first byte in the server until its line is on the way, and answered.

The server is `demo serve none` with a clock at the doors of its rooms; `python -m bench.press FILE …` is that server,
which writes its times to FILE. Presses come as people's do, with a pause before each: what is idle grows cold.
"""

import contextlib
import functools
import http.client
import inspect
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from demo.cli.main import main as serve
from demo.conductor import conductor
from demo.conductor.persistence import JournalWriter
from demo.hub.channel import ViewChannel
from demo.web.access.policy import AccessPolicy
from demo.web.routes.command_handler import CommandHandler
from demo.web.server.http_protocol import LimitedHttpProtocol
from demo.web.streaming.direct import DirectStreams
from tests.support.raw_sse_client import RawSseClient
from tests.support.servers import serving

PAUSE_SEC = 0.05
WARM_UP = 10
ROOT = Path(__file__).parent.parent

DOORS: tuple[tuple[Any, str], ...] = (
    (AccessPolicy, "authorize"),
    (DirectStreams, "__call__"),
    (CommandHandler, "perform"),
    (conductor, "decide"),
    (JournalWriter, "persist"),
    (ViewChannel, "_write_to_all"),
)
"""What a press passes, in this order."""

STAGES = {
    "parsed, and a task begun (uvicorn)": ("arrived", "authorize>"),
    "let in, and its body read": ("authorize>", "__call__>"),
    "routed, its fields read (FastAPI)": ("__call__>", "perform>"),
    "its turn in the conductor's queue": ("perform>", "decide>"),
    "decided, and folded into the state": ("decide>", "persist>"),
    "in the journal": ("persist>", "persist<"),
    "drawn and framed": ("persist<", "_write_to_all>"),
}
TO_ALL = ("_write_to_all>", "_write_to_all<")
AFTER = ("_write_to_all<", "answered")

Row = tuple[str, list[float], str]
Times = dict[str, float]


def presses(count: int, listeners: int = 100) -> Iterator[Row]:
    """A row for each stage of `count` presses."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "times.json"
        program = [sys.executable, "-m", "bench.press", str(file), "none", "--no-open", "--port", "0"]
        with serving(program=program, cwd=ROOT) as server, ExitStack() as hall:
            streams = [RawSseClient(server.port) for _ in range(listeners)]
            for stream in streams:
                hall.callback(stream.socket.close)
                stream.until("data: ")
            _press(server.port, WARM_UP + count, streams)
        rounds: list[Times] = json.loads(file.read_text())[WARM_UP:]
    whole = _between(rounds, ("arrived", "_write_to_all>"))
    yield f"a press, until the first of {listeners} listeners gets it", [value / 1000 for value in whole], "ms"
    for name, ends in STAGES.items():
        yield f"— {name}", _between(rounds, ends), "µs"
    yield "each listener", [value / listeners for value in _between(rounds, TO_ALL)], "µs"
    yield "behind the last listener: its answer", _between(rounds, AFTER), "µs"


def _between(rounds: list[Times], ends: tuple[str, str]) -> list[float]:
    return [(times[ends[1]] - times[ends[0]]) * 1e6 for times in rounds]


def _press(port: int, count: int, streams: list[RawSseClient]) -> None:
    """One after the other, on one connection."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        for number in range(count):
            time.sleep(PAUSE_SEC)
            connection.request("POST", "/say", f"line {number}", {"content-type": "text/plain"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
            for stream in streams:
                stream.until(f"line {number}")


# The server with its clocks.


class Clocks:
    """Notes when a press comes by each door: `NAME>` on the way in, `NAME<` on the way out, the first time each."""

    def __init__(self) -> None:
        self.rounds: list[Times] = []
        self._now: Times = {}

    def note(self, name: str) -> None:
        self._now.setdefault(name, time.perf_counter())

    def begin(self) -> None:
        self._now = {}
        self.note("arrived")

    def end(self) -> None:
        self.note("answered")
        if "_write_to_all<" in self._now:
            self.rounds.append(self._now)
        self._now = {}

    def watch(self, owner: Any, name: str) -> None:
        """Put a clock at this door. Raises `AttributeError` where there is none any more."""
        found: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(found)
        def plain(*args: Any, **more: Any) -> Any:
            self.note(f"{name}>")
            try:
                return found(*args, **more)
            finally:
                self.note(f"{name}<")

        @functools.wraps(found)
        async def waiting(*args: Any, **more: Any) -> Any:
            self.note(f"{name}>")
            try:
                return await found(*args, **more)
            finally:
                self.note(f"{name}<")

        setattr(owner, name, waiting if inspect.iscoroutinefunction(found) else plain)

    def watch_wire(self) -> None:
        """Begin with the first byte of a press, end when it was answered."""
        received, answered = LimitedHttpProtocol.data_received, LimitedHttpProtocol.on_response_complete

        def data_received(wire: LimitedHttpProtocol, data: bytes) -> None:
            if data.startswith(b"POST /say "):
                self.begin()
            received(wire, data)

        def on_response_complete(wire: LimitedHttpProtocol) -> None:
            answered(wire)
            self.end()

        for method in (data_received, on_response_complete):
            setattr(LimitedHttpProtocol, method.__name__, method)


def main() -> None:
    file, rest = Path(sys.argv[1]), sys.argv[2:]
    clocks = Clocks()
    clocks.watch_wire()
    for owner, name in DOORS:
        clocks.watch(owner, name)
    sys.argv = ["demo", "serve", *rest]
    try:
        serve()
    finally:
        file.write_text(json.dumps(clocks.rounds))


if __name__ == "__main__":
    main()
