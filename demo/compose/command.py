"""One compose project of ours, brought up and taken down with the `docker compose` command."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from demo.compose.client_config import without_proxies
from demo.compose.packages import installs_compose
from demo.errors import SubjectError
from demo.processes.environment import for_compose

VERSION_SEC = 15.0
"""The old docker-compose, written in Python, has taken over 6 s on a busy machine."""

END_SEC = 6.0
UP_SEC = 600.0
"""Includes the time to pull images, should compose pull any itself."""

DOWN_SEC = 60.0
GRACE_SEC = "2"
"""The grace period of a container after SIGTERM."""

TAIL_LINES = 12
"""So many of the last lines are looked at for what went wrong."""

MAX_LINES = 1000
MAX_OUTPUT = 4_000_000
"""Bytes of a compose file as compose prints it, and of one line."""

CONFIG_SEC = 15.0
SERVICE = re.compile(r"[a-zA-Z0-9._-]+")
MAX_SAID = 400
NOT_THIS = "podman-compose"


class _CommandTimeout(SubjectError):
    """The command did not end in time."""


async def find_compose(environ: Mapping[str, str] | None = None, answer_sec: float | None = None) -> tuple[str, ...]:
    """Return the command that answers in time, plugin first. Raises `SubjectError` with what to do."""
    within_sec = answer_sec or VERSION_SEC
    subcommands: dict[str, tuple[str, ...]] = {"docker": ("compose",), "docker-compose": ()}
    commands = [(path, *rest) for name, rest in subcommands.items() if (path := shutil.which(name))]
    # All at once: one that hangs must not cost the other its time.
    version_tasks = [asyncio.create_task(version_of(command, environ or {}, within_sec)) for command in commands]
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
            f"`{silent_command}` did not answer within {within_sec:g} s: run it in a terminal "
            "to see why, then try again"
        )
    install = await asyncio.to_thread(installs_compose)
    if has_podman_compose:
        install = f"{NOT_THIS} is not supported; docker-compose with podman's socket is: {install}"
    raise SubjectError(f"neither `docker compose` nor `docker-compose` works here: {install}")


async def version_of(command: Sequence[str], environ: Mapping[str, str], answer_sec: float | None = None) -> str:
    """Return the version that it prints; "" when it fails. Raises `TimeoutError` when it hangs."""
    try:
        code, lines = await _run_command((*command, "version", "--short"), environ, answer_sec or VERSION_SEC)
    except _CommandTimeout as late:
        raise TimeoutError from late
    except SubjectError:
        return ""
    return summarize_output(lines[-TAIL_LINES:]) if code == 0 else ""


async def _run_command(
    command: Sequence[str], environ: Mapping[str, str], within_sec: float | None, output: bytearray | None = None
) -> tuple[int, Sequence[str]]:
    """Run a command and return its exit code and its last lines. Raises `SubjectError`.

    With `output`, its stdout goes there, up to MAX_OUTPUT bytes, and the lines are those of stderr. When cancelled, the
    command is ended before this returns.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if output is None else asyncio.subprocess.PIPE,
            limit=MAX_OUTPUT,
            # A session of its own: Ctrl-C in the terminal is for the show to answer.
            start_new_session=True,
            env=for_compose() | dict(environ),
        )
    except OSError as error:
        raise SubjectError(f"{command[0]} could not be started: {error.strerror or error}") from error
    tail: deque[str] = deque(maxlen=MAX_LINES)
    try:
        async with asyncio.timeout(within_sec):
            if output is None:
                await _read_lines(process.stdout, tail)
            else:
                await asyncio.gather(_read_all(process.stdout, output), _read_lines(process.stderr, tail))
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


async def _read_lines(stream: asyncio.StreamReader | None, tail: deque[str]) -> None:
    if stream is not None:
        async for line in stream:
            tail.append(line.decode(errors="replace").strip()[:MAX_SAID])


async def _read_all(stream: asyncio.StreamReader | None, output: bytearray) -> None:
    """Read to the end, and keep MAX_OUTPUT bytes of it."""
    while stream is not None and (chunk := await stream.read(65536)):
        output += chunk[: MAX_OUTPUT - len(output)]


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
    """One project: its name, its compose file, and the environment variables that the file uses.

    `keeps_logins`: the docker client's passwords for registries are needed, because compose pulls images itself.
    """

    project: str
    file: Path
    environ: dict[str, str] = field(default_factory=dict)
    keeps_logins: bool = False
    _command: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The command as people call it: `docker compose` or `docker-compose`."""
        return " ".join((Path(self._command[0]).name, *self._command[1:])) if self._command else "docker compose"

    async def check(self) -> None:
        """Find the compose command. Raises `SubjectError` when there is none."""
        if not self._command:
            self._command = await find_compose(self.environ)

    async def up(
        self, without: Collection[str] = (), only: Collection[str] = (), more: Sequence[Path] = ()
    ) -> Sequence[str]:
        """Create and start what is missing; what runs is left as it is. Return compose's last lines.

        `without`: services to leave out; `only`: the services to start, without those they depend on; `more`: further
        compose files, which add to the project's. Raises `SubjectError`.
        """
        services = list(only)
        if without:
            services = [name for name in await self._list_services() if name not in without]
            if not services:
                return ()
        # Compose would start what the others depend on, listed or not.
        chosen = ("--no-deps", *services) if services else ()
        return await self._run("up", "-d", "--no-recreate", *chosen, within_sec=UP_SEC, more=more)

    async def build(self, services: Sequence[str]) -> None:
        """Build the images of these services. Raises `SubjectError`."""
        # Only here with proxies: what is installed into an image may come from far away.
        await self._run("build", *services, within_sec=UP_SEC, keeps_proxies=True)

    async def read_config(self) -> tuple[bytes, Sequence[str]]:
        """Return the compose file as compose understands it, in YAML, and its warnings. Raises `SubjectError`."""
        output = bytearray()
        lines = await self._run("config", within_sec=CONFIG_SEC, output=output)
        return bytes(output), lines

    async def _list_services(self) -> list[str]:
        """Return the services of the compose file. Raises `SubjectError`."""
        lines = await self._run("config", "--services", within_sec=CONFIG_SEC)
        return [line for line in lines if SERVICE.fullmatch(line)]  # warnings stand among them

    async def down(self, within_sec: float) -> None:
        """Remove its containers, networks and volumes. Raises `SubjectError`."""
        await self._run("down", "--volumes", "--timeout", GRACE_SEC, within_sec=within_sec)

    async def _run(
        self,
        *words: str,
        within_sec: float | None,
        more: Sequence[Path] = (),
        output: bytearray | None = None,
        keeps_proxies: bool = False,
    ) -> Sequence[str]:
        """Return the command's last lines. Raises `SubjectError` when it fails."""
        await self.check()
        files = (word for file in (self.file, *more) for word in ("-f", str(file)))
        command = (*self._command, "-p", self.project, *files, *words)
        proxies: AbstractContextManager[dict[str, str]]
        proxies = nullcontext({}) if keeps_proxies else without_proxies(keeps_logins=self.keeps_logins)
        with proxies as settings:
            code, lines = await _run_command(command, self.environ | settings, within_sec, output)
        if code != 0:
            said = summarize_output(lines[-TAIL_LINES:]) or f"exit code {code}"
            raise SubjectError(f"`{self.program} -p {self.project} {words[0]}` failed: {said}")
        return lines
