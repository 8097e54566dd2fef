"""A probe that runs a command on this machine: its exit code, and what it printed. There is never a shell.

The command and all its children are killed at the timeout, and with this process where `setpriv` is installed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.probes.http_fetch import parsed
from demo.probes.result import Reading

TIMEOUT_SEC = 0.3
MAX_BYTES = 1_000_000
_READ_BYTES = 65536
_SETPRIV = shutil.which("setpriv")

NOT_INSTALLED = "its command is not installed here"


@dataclass(frozen=True)
class CommandProbe:
    """The reading's data: `exit`, `output` (trimmed), `body` (its JSON, None where it is none), `latency` in seconds.

    `environ` is the whole environment of the command, `folder` where it runs. An exit code other than 0 is no trouble;
    a command ended by a signal has that signal's negative number.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    folder: Path | None = None
    timeout_sec: float = TIMEOUT_SEC

    async def read(self) -> Reading:
        path = self._find()
        if path is None:
            return Reading(trouble=NOT_INSTALLED, inconclusive=True)
        started = time.perf_counter()
        try:
            process = await asyncio.create_subprocess_exec(
                *(() if _SETPRIV is None else (_SETPRIV, "--pdeathsig", "KILL", "--")),
                path,
                *self.argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=dict(self.environ),
                cwd=self.folder,
                start_new_session=True,
            )
        except OSError:
            return Reading(trouble="its command cannot be started", inconclusive=True)
        try:
            async with asyncio.timeout(self.timeout_sec):
                printed = await _read_output(process)
                if printed is None:
                    return Reading(trouble=f"printed more than {MAX_BYTES / 1e6:g} MB", inconclusive=True)
                code = await process.wait()
        except TimeoutError:
            return Reading(trouble=f"did not end in {self.timeout_sec * 1000:.0f} ms")
        finally:
            await _end(process)
        return command_reading(code, printed, time.perf_counter() - started)

    def _find(self) -> str | None:
        """Return the program's path, as the command's own PATH and folder say; None if there is none."""
        name = self.argv[0]
        if "/" in name:
            path = (self.folder or Path()) / name
            return str(path.absolute()) if os.access(path, os.X_OK) else None
        return shutil.which(name, path=self.environ.get("PATH"))


def command_reading(code: int, printed: bytes, took_sec: float) -> Reading:
    """Return the reading of a command that has ended."""
    output = printed.decode(errors="replace").strip()
    data = {"exit": code, "output": output, "body": parsed(printed), "latency": took_sec}
    return Reading(data, took_ms=took_sec * 1000)


async def _read_output(process: asyncio.subprocess.Process) -> bytes | None:
    """Return all that it prints, None if that is too much."""
    assert process.stdout is not None
    printed = bytearray()
    while chunk := await process.stdout.read(_READ_BYTES):
        printed += chunk
        if len(printed) > MAX_BYTES:
            return None
    return bytes(printed)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of it: nothing if it has ended and closed its output."""
    assert process.stdout is not None
    if process.returncode is not None and process.stdout.at_eof():
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
