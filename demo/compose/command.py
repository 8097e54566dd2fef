"""One compose project of ours, brought up and taken down with the `docker compose` command."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.compose.client_config import without_proxies
from demo.compose.packages import installs_compose
from demo.errors import SubjectError
from demo.processes.environment import for_compose

VERSION_SEC = 6.0
"""The old docker-compose, written in Python, needs over 3 s on a busy machine."""

END_SEC = 6.0
UP_SEC = 600.0
"""Includes the time to pull images, should compose pull any itself."""

DOWN_SEC = 60.0
GRACE_SEC = "2"
"""The grace period of a container after SIGTERM."""

TAIL_LINES = 12
"""So many of the last lines are looked at for what went wrong."""

MAX_LINES = 1000
CONFIG_SEC = 15.0
SERVICE = re.compile(r"[a-zA-Z0-9._-]+")
MAX_SAID = 400
NOT_THIS = "podman-compose"


class _CommandTimeout(SubjectError):
    """The command did not end in time."""


async def find_compose(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the command that works, plugin first. Raises `SubjectError` with what to do."""
    subcommands: dict[str, tuple[str, ...]] = {"docker": ("compose",), "docker-compose": ()}
    commands = [(path, *rest) for name, rest in subcommands.items() if (path := shutil.which(name))]
    # All at once: one that hangs must not cost the other its time.
    version_tasks = [asyncio.create_task(version_of(command, environ or {})) for command in commands]
    silent_command, has_podman_compose = "", bool(shutil.which(NOT_THIS))
    try:
        for command, version_task in zip(commands, version_tasks, strict=True):
            try:
                version = await version_task
                if version and NOT_THIS not in version:
                    return command
                has_podman_compose |= NOT_THIS in version
            except TimeoutError:
                silent_command = " ".join((Path(command[0]).name, *command[1:], "version"))
    finally:
        for version_task in version_tasks:
            version_task.cancel()
        await asyncio.gather(*version_tasks, return_exceptions=True)
    if silent_command:
        raise SubjectError(
            f"`{silent_command}` did not answer within {VERSION_SEC:g} s: run it in a terminal "
            "to see why, then try again"
        )
    install = await asyncio.to_thread(installs_compose)
    if has_podman_compose:
        install = f"{NOT_THIS} is not supported; docker-compose with podman's socket is: {install}"
    raise SubjectError(f"neither `docker compose` nor `docker-compose` works here: {install}")


async def version_of(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the version that it prints; "" when it fails. Raises `TimeoutError` when it hangs."""
    try:
        code, lines = await _run_command((*command, "version", "--short"), environ, VERSION_SEC)
    except _CommandTimeout as late:
        raise TimeoutError from late
    except SubjectError:
        return ""
    return summarize_output(lines[-TAIL_LINES:]) if code == 0 else ""


async def _run_command(
    command: Sequence[str], environ: Mapping[str, str], within_sec: float | None
) -> tuple[int, Sequence[str]]:
    """Run a command and return its exit code and its last lines. Raises `SubjectError`.

    When cancelled, the command is ended before this returns.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A session of its own: Ctrl-C in the terminal is for the show to answer.
            start_new_session=True,
            env=for_compose() | dict(environ),
        )
    except OSError as error:
        raise SubjectError(f"{command[0]} could not be started: {error.strerror or error}") from error
    tail: deque[str] = deque(maxlen=MAX_LINES)
    try:
        async with asyncio.timeout(within_sec):
            if process.stdout is not None:
                async for line in process.stdout:
                    tail.append(line.decode(errors="replace").strip()[:MAX_SAID])
            return await process.wait(), tuple(tail)
    except TimeoutError:
        raise _CommandTimeout(f"`{' '.join(command[:3])}` did not finish within {within_sec:g} s") from None
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
    """Send a signal to its whole session: the docker command's plugins are processes of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def summarize_output(lines: Iterable[str]) -> str:
    """Return what went wrong, from a command's last lines: the lines with an error, each once; else all of them."""
    said = [line for line in dict.fromkeys(lines) if line]
    errors = [line for line in said if "error" in line.lower() and not line.lower().startswith("encountered")]
    return " · ".join(errors or said)[-MAX_SAID:]


@dataclass
class Compose:
    """One project: its name, its compose file, and the environment variables that the file uses."""

    project: str
    file: Path
    environ: dict[str, str] = field(default_factory=dict)
    _command: tuple[str, ...] = ()

    async def check(self) -> None:
        """Find the compose command. Raises `SubjectError` when there is none."""
        if not self._command:
            self._command = await find_compose(self.environ)

    async def up(self, without: Collection[str] = ()) -> None:
        """Create and start what is missing, except the services `without`; what runs is left as it is.

        Raises `SubjectError`.
        """
        services = [name for name in await self._list_services() if name not in without] if without else []
        if services or not without:
            # Compose would start what the others depend on, listed or not.
            only = ("--no-deps", *services) if without else ()
            await self._run("up", "-d", "--no-recreate", *only, within_sec=UP_SEC)

    async def _list_services(self) -> list[str]:
        """Return the services of the compose file. Raises `SubjectError`."""
        lines = await self._run("config", "--services", within_sec=CONFIG_SEC)
        return [line for line in lines if SERVICE.fullmatch(line)]  # warnings stand among them

    async def down(self, within_sec: float) -> None:
        """Remove its containers, networks and volumes. Raises `SubjectError`."""
        await self._run("down", "--volumes", "--timeout", GRACE_SEC, within_sec=within_sec)

    async def _run(self, *words: str, within_sec: float | None) -> Sequence[str]:
        """Return the command's last lines. Raises `SubjectError` when it fails."""
        await self.check()
        command = (*self._command, "-p", self.project, "-f", str(self.file), *words)
        with without_proxies() as settings:
            code, lines = await _run_command(command, self.environ | settings, within_sec)
        if code != 0:
            program = " ".join((Path(command[0]).name, *self._command[1:]))
            said = summarize_output(lines[-TAIL_LINES:]) or f"exit code {code}"
            raise SubjectError(f"`{program} -p {self.project} {words[0]}` failed: {said}")
        return lines
