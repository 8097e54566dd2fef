"""A compose project of ours: brought up and taken down with the `docker compose` command."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.errors import SubjectError

VERSION_SEC = 3.0
END_SEC = 6.0
UP_SEC = 600.0
"""Images that compose loads itself come slowly."""

DOWN_SEC = 60.0
GRACE_SEC = "2"
"""What a container gets to stop by itself."""

TAIL_LINES = 12
SAID_MOST = 400
INSTALL = "apt-get install docker-compose-v2, or docker-compose-plugin where Docker comes from docker.com"


async def find_compose(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The command that works, plugin first. Raises `SubjectError` with what installs one."""
    docker, standalone = shutil.which("docker"), shutil.which("docker-compose")
    for words in ((docker, "compose"), (standalone,)):
        command = tuple(word for word in words if word is not None)
        if len(command) == len(words) and await version_of(command, environ or {}):
            return command
    raise SubjectError(f"neither `docker compose` nor `docker-compose` works here: {INSTALL}")


async def version_of(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """What it says of itself; empty when it fails, or hangs."""
    try:
        code, said = await _run((*command, "version", "--short"), environ, VERSION_SEC)
    except SubjectError:
        return ""
    return said if code == 0 else ""


async def _run(command: Sequence[str], environ: Mapping[str, str], within_sec: float | None) -> tuple[int, str]:
    """Exit code and its last lines. Called off: it is ended before this returns. Raises `SubjectError`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A session of its own: Ctrl-C in the terminal is for the show to answer.
            start_new_session=True,
            env={**os.environ, **environ},
        )
    except OSError as error:
        raise SubjectError(f"{command[0]} could not be started: {error.strerror or error}") from error
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        async with asyncio.timeout(within_sec):
            if process.stdout is not None:
                async for line in process.stdout:
                    tail.append(line.decode(errors="replace").strip()[:SAID_MOST])
            return await process.wait(), in_short(tail)
    except TimeoutError:
        raise SubjectError(f"`{' '.join(command[:3])}` did not end within {within_sec:g} s") from None
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGTERM)
            try:
                async with asyncio.timeout(END_SEC):
                    await process.wait()
            except TimeoutError:
                _signal(process, signal.SIGKILL)
                await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """To all of its session: the docker command's plugins are processes of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def in_short(lines: Iterable[str]) -> str:
    """What went wrong, of a command's last lines: those that say so, each once; else all of them."""
    said = [line for line in dict.fromkeys(lines) if line]
    errors = [line for line in said if "error" in line.lower() and not line.lower().startswith("encountered")]
    return " · ".join(errors or said)[-SAID_MOST:]


@dataclass
class Compose:
    """One project: its name, its file, and what the file takes from the environment."""

    project: str
    file: Path
    environ: dict[str, str] = field(default_factory=dict)
    _command: tuple[str, ...] = ()

    async def check(self) -> None:
        """Raises `SubjectError` when there is no such command."""
        if not self._command:
            self._command = await find_compose(self.environ)

    async def up(self) -> None:
        """Create and start what is missing; what runs is left as it is. Raises `SubjectError`."""
        await self._do("up", "-d", "--no-recreate", within_sec=UP_SEC)

    async def down(self, within_sec: float) -> None:
        """Remove its containers, networks and volumes. Raises `SubjectError`."""
        await self._do("down", "--volumes", "--timeout", GRACE_SEC, within_sec=within_sec)

    async def _do(self, *words: str, within_sec: float | None) -> None:
        await self.check()
        command = (*self._command, "-p", self.project, "-f", str(self.file), *words)
        code, said = await _run(command, self.environ, within_sec)
        if code != 0:
            raise SubjectError(f"`docker compose -p {self.project} {words[0]}` failed: {said or f'exit code {code}'}")
