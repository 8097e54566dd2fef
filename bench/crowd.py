"""Drives `crowd.c`: thousands of listeners of an event stream, and the one who says something to them.

One client process is enough: it reads 5,000 listeners at 10 rounds a second with less than half a core, and tells its
own share of a core, so that a run in which it was the bottleneck is seen.
"""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.spread import Spread
from demo.errors import UsageError
from demo.web.streaming.stream_slots import MAX_FILES, PRESENTER_SLOTS, streams_allowed_by

HERE = Path(__file__).parent

MAX_STREAMS = 20_000
"""As in `crowd.c`."""

FILES_SPARE = 64


def compiled(name: str, folder: Path) -> Path:
    """Build `bench/NAME.c` into `folder`. Raises `UsageError` without a C compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise UsageError("the load client is written in C: install gcc and libc6-dev, then run this again")
    program = folder / name
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(HERE / f"{name}.c"), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{name}.c does not compile; is libc6-dev installed? {done.stderr[:300]}")
    return program


def pinned(cpu: int) -> list[str]:
    """What to put before a command so that it runs on this CPU only; nothing where there is no second one."""
    has_two = {0, 1} <= os.sched_getaffinity(0) and shutil.which("taskset") is not None
    return ["taskset", "-c", str(cpu)] if has_two else []


def require_files(streams: int) -> None:
    """Raise the limit of open files. Raises `UsageError` with the number that fits when that is not enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    fits = min(MAX_STREAMS, files - FILES_SPARE, streams_allowed_by(files) - PRESENTER_SLOTS)
    if streams > fits:
        raise UsageError(
            f"{streams:,} streams do not fit: with {files:,} open files a process there are places for {fits:,} "
            f"(the load client has {MAX_STREAMS:,} at most); ask for fewer, or raise the limit with ulimit -Hn"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True)
class Status:
    """Where everyone stands. Ids are "epoch-seq".

    `behind`: live, reading, and without the newest round; `stopped`: slow ones that were skipped or cut off since
    the last stall; `marked`: that have the newest round; `said_seq`: of the state that the newest POST answered.
    """

    wanted: int
    live: int
    slow: int
    stalled: int
    stopped: int
    behind: int
    marked: int
    marker: int
    with_id: int
    newest: int
    at_newest: int
    epochs: int
    epoch: str
    said_seq: int
    pending: int
    refused_status: int


@dataclass(frozen=True)
class Window:
    """What was measured since the last one. Only `latency` leaves the slow group out.

    `gaps`: a listener missed rounds and was not given the whole view for it; `caught_up`: it was. `back`: an id
    smaller than the one before. `lost`: torn connections; `ended`: streams that ended in an orderly way; `cut`:
    slow ones that ended. `late`: POSTs that had to wait for the answer of the one before.
    """

    seconds: float
    cpu_percent: float
    rounds: int
    deliveries: int
    gaps: int
    gap_rounds: int
    caught_up: int
    back: int
    lost: int
    ended: int
    cut: int
    refused: int
    bytes: int
    messages: int
    late: int
    post_failures: int
    latency: Spread
    post: Spread


@dataclass(frozen=True)
class Rounds:
    """Rounds that each waited for the one before. `worst`: the slowest listener of each, in ms."""

    timeouts: int
    expected: int
    busy_percent: float
    worst: tuple[float, ...]


@dataclass(frozen=True)
class Target:
    """What the crowd listens to. `strict`: a listener is there once it has a message with data."""

    port: int
    path: str = "/stream/stage"
    say_path: str = "/say"
    pad: int = 0
    strict: bool = True


class Crowd:
    """The running client."""

    def __init__(self, program: Path, target: Target, prefix: list[str] | None = None) -> None:
        mark = f"{uuid.uuid4().hex[:6]}m-"
        given = [target.port, target.path, target.say_path, target.pad, mark, "strict" if target.strict else "loose"]
        self.mark = mark
        self.process = subprocess.Popen(
            [*(prefix or []), str(program), *map(str, given)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, command: str) -> dict[str, Any]:
        """Raises `UsageError` when the client is gone or does not know the command."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(command + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise UsageError(f"the load client ended with {self.process.wait()} at {command!r}")
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise UsageError(f"the load client: {told['error']}: {command!r}")
        return told

    def open(self, count: int, rate: float = 0, *, slow: bool = False) -> None:
        """`rate` a second, 0: as fast as they are answered. `slow` ones have small buffers, and can be stalled."""
        self.ask(f"open {count} {rate} {'slow' if slow else 'quick'}")

    def status(self) -> Status:
        return Status(**self.ask("status"))

    def stats(self) -> Window:
        told = self.ask("stats")
        return Window(**told | {"latency": Spread.read(told["latency"]), "post": Spread.read(told["post"])})

    def rounds(self, count: int, gap_ms: int, limit_ms: int) -> Rounds:
        told = self.ask(f"rounds {count} {gap_ms} {limit_ms}")
        return Rounds(**told | {"worst": tuple(told["worst"])})

    def play(self, hz: float) -> None:
        """Rounds at this rate from now on; 0 ends them."""
        self.ask(f"play {1000 / hz if hz else 0}")

    def until(self, condition: Callable[[Status], bool], limit_sec: float, every: float = 0.05) -> Status | None:
        """The first status that meets the condition; None when there was none in time."""
        end = time.monotonic() + limit_sec
        while True:
            status = self.status()
            if condition(status):
                return status
            if time.monotonic() > end:
                return None
            time.sleep(every)

    def until_live(self, count: int, limit_sec: float) -> None:
        """Raises `UsageError` with what is missing when none was opened for so long."""
        status = self.status()
        while status.live != count:
            more = self.until(_more_than(status.live), limit_sec)
            if more is None:
                why = self.status().refused_status
                refused = f"; the server refuses with {why}" if why else ""
                missing = f"{status.live:,} of {count:,} streams are open, no other for {limit_sec:.0f} s"
                raise UsageError(missing + refused)
            status = more

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # It is gone already, and what was left to say with it.
                    pipe.close()
        self.process.wait()

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _more_than(live: int) -> Callable[[Status], bool]:
    return lambda status: status.live > live
