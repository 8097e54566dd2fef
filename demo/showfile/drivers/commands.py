"""Commands of a show file: an argv in a session of its own, with a deadline, bounded output, and no shell."""

import asyncio
import contextlib
import os
import shlex
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from demo.errors import FaultError
from demo.processes.environment import past_proxies

MARK = "DEMO_FAULT_RUN"
"""The variable that marks the processes of an injection, so that a healer finds those that a killed server has left."""

MAX_OUTPUT = 1_000_000
MAX_TAIL = 65536
CHECK_INTERVAL_SEC = 0.1


@dataclass(frozen=True)
class Finished:
    """A command that has ended. `output` and `errors`: the end of what it wrote, 64 KiB of each stream."""

    argv: Sequence[str]
    exit_code: int
    output: str
    errors: str = ""

    def check(self) -> None:
        """Raise `FaultError` unless it succeeded."""
        if self.exit_code:
            raise FaultError(
                f"{called(self.argv)} {describe_exit(self.exit_code)}{last_line(self.errors) or last_line(self.output)}"
            )


def called(argv: Sequence[str]) -> str:
    """Return how people call this command: its first words."""
    text = shlex.join(argv)
    return text if len(text) <= 80 else f"{text[:79]}…"


def describe_exit(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def last_line(output: str) -> str:
    """Return the last line that a command printed, as the end of a sentence; empty if there is none."""
    lines = [line for line in output.splitlines() if line.strip()]
    if not lines:
        return ""
    plain = "".join(char if char.isprintable() else " " for char in lines[-1]).strip()
    return f": {plain[:300]}"


class RunningCommand:
    """One command that was started. What it prints goes to unnamed files: it never waits for us, nor ends with us."""

    def __init__(self, argv: Sequence[str], process: Process, output: IO[bytes], errors: IO[bytes]) -> None:
        self._argv, self._process, self._streams = argv, process, (output, errors)

    async def wait(self, timeout_sec: float) -> Finished | None:
        """Return its result; None if it still runs after `timeout_sec`. Raises `FaultError` if it prints too much."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_sec
        waiting = asyncio.ensure_future(self._process.wait())
        try:
            while (left := until - loop.time()) > 0:
                await asyncio.wait({waiting}, timeout=min(left, CHECK_INTERVAL_SEC))
                if waiting.done():
                    return Finished(self._argv, waiting.result(), *map(_read_tail, self._streams))
                if sum(map(_size, self._streams)) > MAX_OUTPUT:
                    self.kill()
                    raise FaultError(f"{called(self._argv)} printed more than {MAX_OUTPUT:,} bytes and was ended")
        finally:
            waiting.cancel()
        return None

    def kill(self) -> None:
        """Kill it with its whole group; do nothing if it has ended."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        _close(self._streams)


def _close(streams: Iterable[IO[bytes]]) -> None:
    for stream in streams:
        stream.close()


def _size(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_size


def _read_tail(stream: IO[bytes]) -> str:
    return os.pread(stream.fileno(), MAX_TAIL, max(0, _size(stream) - MAX_TAIL)).decode(errors="replace")


def _existing(folder: str) -> str:
    return folder if folder and Path(folder).is_dir() else "/"


async def start_command(argv: Sequence[str], cwd: str = "", env: Mapping[str, str] | None = None) -> RunningCommand:
    """Start a command. `env` is added to our environment; `cwd`: "" or a folder that is gone means `/`.

    Raises `FaultError` if there is no such program.
    """
    folder = _existing(cwd)
    environ = {name: value for name, value in past_proxies().items() if name != MARK} | dict(env or {})
    output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - the command's, while it runs
    # A task of its own: a start that is cancelled half-way would kill the command, who knows how far it came.
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=output, stderr=errors, cwd=folder, env=environ, start_new_session=True
        )
    )
    try:
        return RunningCommand(argv, await asyncio.shield(starting), output, errors)
    except (OSError, ValueError) as error:
        _close((output, errors))
        raise FaultError(f"{called(argv)} could not be started: {_describe(error, argv[0])}") from error
    except asyncio.CancelledError:
        starting.add_done_callback(lambda _: _close((output, errors)))
        raise


def _describe(error: OSError | ValueError, program: str) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no program {program!r} on this machine"
    if isinstance(error, PermissionError):
        return f"{program!r} may not be executed"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


async def run_command(
    argv: Sequence[str], timeout_sec: float, cwd: str = "", env: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end. Raises `FaultError` if it cannot be started, or was killed at its deadline."""
    running = await start_command(argv, cwd, env)
    try:
        finished = await running.wait(timeout_sec)
        if finished is None:
            raise FaultError(f"{called(argv)} did not end within {timeout_sec:.3g} s and was ended")
        return finished
    finally:
        running.kill()
        running.close()
