"""Child processes that never outlive this one, not even after `kill -9`.

The kernel kills them with the thread that spawned them (so spawn from the main thread), and their stdin serves as a
lifeline: it reaches its end when this process has terminated.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo.errors import FaultError, SubjectError
from demo.processes.environment import without_proxies

PARENT_DEATH_SIGNAL = Path(__file__).with_name("parent_death_signal.py")
ROOT = Path(__file__).parents[2]
TAIL_LINES = 20
MAX_LINE = 400
ENDED = ("Z", "X", "x")
"""States in /proc of a process that has terminated but is still listed."""

DYING_SEC = 0.5


def build_child_command(path: str, *args: str) -> tuple[str, ...]:
    """Return the command line that runs a program which dies with us; `path` must be absolute, PATH is not searched."""
    # Isolated, and without site-packages: the script between us and the program must start in milliseconds.
    return (sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), path, *args)


def build_detached_command(name: str) -> tuple[str, ...]:
    """Return the command line of one of our own modules that outlives this process."""
    run = f"import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module({name!r}, run_name='__main__')"
    return (sys.executable, "-P", "-c", run, str(ROOT))


def build_module_command(name: str) -> tuple[str, ...]:
    """Return the command line of one of our own modules; `-P`: nothing in the working directory shadows its imports."""
    return (sys.executable, "-P", str(PARENT_DEATH_SIGNAL), str(os.getpid()), "-m", name, str(ROOT))


class Child:
    """One process: started once, ended once. A restart is a new `Child`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        first_line: bytes = b"",
        *,
        keeps_stdin: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare it; `first_line` is written to its stdin, which then stays open as the lifeline.

        Without `keeps_stdin` its stdin is closed after that, for a program that reads to the end before it starts.
        `environ` defaults to ours, as it is when the process starts, without the proxy variables.
        """
        self.name = name
        self._command = tuple(command)
        self._first_line = first_line
        self._keeps_stdin = keeps_stdin
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._reader: asyncio.Task[None] | None = None
        self._born: int | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def born(self) -> int | None:
        """When it started, in clock ticks since boot: together with the pid it identifies one process for ever."""
        return self._born

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def was_killed(self) -> bool:
        """Return whether it was ended by SIGKILL, no matter who sent it."""
        return self._process is not None and self._process.returncode == -signal.SIGKILL

    @property
    def tail(self) -> str:
        """The last lines of its output, for error messages and logs; not meant for the audience."""
        return "\n".join(self._tail)

    async def start(self) -> None:
        """Start it. Raises `SubjectError` if it cannot be spawned."""
        try:
            # A session of its own: Ctrl-C in the terminal must reach the server, which heals, not what it would heal.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                env=without_proxies() if self._environ is None else self._environ,
            )
        except OSError as error:
            raise SubjectError(f"{self.name} could not be started: {error.strerror or error}") from error
        try:
            self._born = start_time_of(self._process.pid)
        except FaultError as error:
            self.kill()
            raise SubjectError(f"{self.name} could not be started: {error}") from error
        self._reader = asyncio.create_task(self._collect_output(), name=f"log of {self.name}")
        stdin = self._process.stdin
        if stdin is not None and self._first_line:
            with contextlib.suppress(ConnectionError):  # it died at once, which its probe will show
                stdin.write(self._first_line + b"\n")
                await stdin.drain()
        if stdin is not None and not self._keeps_stdin:
            stdin.close()

    async def _collect_output(self) -> None:
        stdout = self._process.stdout if self._process else None
        unfinished_line = b""
        while stdout is not None and (chunk := await stdout.read(4096)):
            *lines, unfinished_line = (unfinished_line + chunk).split(b"\n")
            self._append_to_tail(lines)
            unfinished_line = unfinished_line[:MAX_LINE]
        self._append_to_tail([unfinished_line])

    def _append_to_tail(self, lines: Sequence[bytes]) -> None:
        self._tail.extend(line[:MAX_LINE].decode(errors="replace") for line in lines if line.strip())

    def kill(self) -> None:
        """Send SIGKILL. Safe after its end: a pid is not reused before it is reaped, so no other process is hit."""
        self._signal(signal.SIGKILL)

    def suspend(self) -> None:
        """Send SIGSTOP: it stays alive, but answers nothing."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self) -> int | None:
        """Wait until it is reaped. Return its exit code, negative for a signal; None if it was never started."""
        if self._process is None:
            return None
        code = await self._process.wait()
        if self._reader is not None:
            # Its output may not end with it: a process that it started can hold the pipe open.
            await asyncio.wait([self._reader], timeout=0.5)
            self._reader.cancel()
        return code

    async def stop(self, grace_sec: float = 1.0) -> None:
        """Send SIGTERM, after `grace_sec` SIGKILL; return once it is reaped."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_sec):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
        await self.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def start_time_of(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if there is none, or it has terminated.

    Tells a reused pid apart. Raises `FaultError` when that cannot be told, which does not prove that it terminated.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        raise FaultError(f"cannot find out whether process {pid} is running: {error.strerror or error}") from error
    # After the last parenthesis: the program's name stands in parentheses, and may hold blanks and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ENDED else int(fields[19])


async def is_dying(is_gone: Callable[[], bool]) -> bool:
    """Return whether `is_gone` becomes true within 0.5 s.

    A killed process loses its connections before it counts as terminated.
    """
    until = time.monotonic() + DYING_SEC
    while not is_gone():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True
