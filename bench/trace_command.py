"""Which files of ours one POST walks through, from its arrival until the new state is written to a stage's socket.

The server is `demo serve none` with a profiler that listens between those two moments; `python -m bench.trace_command
--serve FILE …` is that server. A change of file is a call into another file of `demo/`, or the return from it; reading
a property counts as a call. What the server does by itself may fall between the two moments: of `PRESSES` the shortest
way counts.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import demo
from demo.cli.main import main as serve
from demo.hub.channel import ViewChannel
from demo.web.server.http_protocol import LimitedHttpProtocol
from tests.support.servers import Stream, serving, wait_for

PACKAGE = str(Path(demo.__file__).parent) + "/"
MAX_FILES = 20
MAX_CHANGES = 60
FIRST_LISTENER = "conductor/state_listeners.py"
"""Where the new state, stored by then, is passed on to be drawn and sent."""
REQUESTS = (b"POST /advance", b"POST /back")
PRESSES = 5


class Tracer:
    """Collects the file of every call and return between `begin` and `end`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._visits: list[str] = []
        self._current = ""

    def begin(self) -> None:
        if not self._target.exists():
            self._visits.clear()
            sys.setprofile(self._event)

    def end(self) -> None:
        """Write what was seen, unless nothing was listened to."""
        sys.setprofile(None)
        if self._visits and not self._target.exists():
            partial = self._target.with_suffix(".partial")
            partial.write_text(json.dumps(self._visits))
            partial.rename(self._target)

    def _event(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            self._note(frame.f_code)
        elif event == "return" and frame.f_back is not None:
            self._note(frame.f_back.f_code)

    def _note(self, code: CodeType) -> None:
        name = code.co_filename
        if name.startswith(PACKAGE) and name != self._current:
            self._current = name
            self._visits.append(name.removeprefix(PACKAGE))


def serve_traced(target: Path, words: list[str]) -> None:
    """Serve a show, and write down the way of the first command."""
    tracer = Tracer(target)
    receive, send = LimitedHttpProtocol.data_received, ViewChannel.send

    def data_received(self: LimitedHttpProtocol, data: bytes) -> None:
        if data.startswith(REQUESTS):
            tracer.begin()
        receive(self, data)

    def send_to_all(self: ViewChannel[Any], message: bytes) -> None:
        send(self, message)
        tracer.end()

    LimitedHttpProtocol.data_received = data_received  # type: ignore[method-assign]
    ViewChannel.send = send_to_all  # type: ignore[method-assign]
    sys.argv = ["demo", *words]
    serve()


def trace() -> list[str]:
    """Return the files of one `POST /advance` in their order, one entry for each change."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "visits"
        program = [sys.executable, "-m", "bench.trace_command", "--serve", str(target)]
        program += ["serve", "none", "--no-open", "--port", "0"]
        ways: list[list[str]] = []
        with serving(program=program) as server, Stream(server, "/stream/stage") as stage:
            stage.next()
            for number in range(PRESSES):
                server.client.post("/back" if number % 2 else "/advance")
                wait_for(target.exists)
                ways.append(json.loads(target.read_text()))
                target.unlink()
    return min(ways[::2], key=len)


def grouped(visits: list[str]) -> Iterator[tuple[str, int]]:
    """Yield each file once, in the order of its first visit, with its number of visits."""
    for name in dict.fromkeys(visits):
        yield name, visits.count(name)


def counted(visits: list[str]) -> str:
    """Return how many files and changes of file there are on a way."""
    return f"{len(set(visits))} files, {len(visits)} changes of file"


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the files that one POST walks through.")
    parser.add_argument("--list", action="store_true", help="name every change in order")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    chosen, words = parser.parse_known_args()
    if chosen.serve:
        serve_traced(Path(chosen.serve), words)
        return
    visits = trace()
    for name, count in grouped(visits):
        print(f"{count:4}  demo/{name}")
    if chosen.list:
        print(" → ".join(visits))
    stored = visits[: visits.index(FIRST_LISTENER)]
    drawn = visits[len(stored) :]
    print(f"{counted(stored)} until the new state is stored")
    print(f"{counted(drawn)} until it is drawn and sent")
    print(f"{counted(visits)} in all (aims {MAX_FILES} and {MAX_CHANGES})")


if __name__ == "__main__":
    main()
