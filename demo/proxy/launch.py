"""Start the proxy process of a show, adopt the one that an earlier server left, and end it."""

import asyncio
import contextlib
import json
import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.clock import boot_id
from demo.errors import SubjectError
from demo.processes.child import ROOT, build_detached_command, start_time_of
from demo.processes.environment import without_proxies
from demo.processes.process_ref import ProcessRef
from demo.processes.unix_client import ask
from demo.proxy.client import ANSWER_TIMEOUT_SEC, WHO, ProxyIdentity
from demo.proxy.place import file_of
from demo.proxy.route import ProxyRoute

IDLE_SEC = 600.0
"""How long it goes on without a client."""

START_TIMEOUT_SEC = 20.0


async def start_proxies(show: str, routes: Sequence[ProxyRoute], idle_sec: float = IDLE_SEC) -> ProxyIdentity:
    """Have these proxies listen, in the process that serves this show already or in a new one, and return its identity.

    `show`: the identity of the show. This process counts as its client while it lives. Raises `SubjectError`.
    """
    socket = file_of(show, "sock")
    is_new = not await _answers(socket) and await _start_process(show, idle_sec, socket)
    client = {"pid": os.getpid(), "born": start_time_of(os.getpid())}
    body = {"client": client, "routes": [route.to_json() for route in routes]}
    try:
        told = await ask(socket, "PUT", "/routes", START_TIMEOUT_SEC, WHO, body)
    except SubjectError:
        if is_new:  # nobody would know of it
            with contextlib.suppress(SubjectError):
                await ask(socket, "POST", "/stop", ANSWER_TIMEOUT_SEC, WHO)
        raise
    return ProxyIdentity(str(socket), told["pid"], told["born"], boot_id())


async def _start_process(show: str, idle_sec: float, socket: Path) -> bool:
    """Start the process; return False if somebody else, who heals, has done so meanwhile. Raises `SubjectError`."""
    try:
        await asyncio.to_thread(_spawn, show, idle_sec)
    except SubjectError:
        if await _answers(socket):
            return False
        raise
    return True


class ShowProxies:
    """The proxies of one show, in a process that this server has started or adopted."""

    def __init__(self, show: str, routes: Sequence[ProxyRoute], idle_sec: float = IDLE_SEC) -> None:
        self.show = show
        self.routes = tuple(routes)
        self.identity: ProxyIdentity | None = None
        self._idle_sec = idle_sec
        self._lock = asyncio.Lock()

    async def start(self) -> ProxyIdentity:
        """Have them listen, with the process that there is or a new one; safe to call again. Raises `SubjectError`."""
        async with self._lock:
            self.identity = await start_proxies(self.show, self.routes, self._idle_sec)
            return self.identity

    async def stop(self) -> None:
        """End them; safe to call twice, or without a start. Raises `FaultError` if the end cannot be told."""
        async with self._lock:
            if self.identity is not None:
                await stop_proxies(self.identity)
                self.identity = None


async def restart_killed(show: str, routes: Sequence[ProxyRoute], identity: ProxyIdentity) -> None:
    """Start the proxies again if their process was killed, not where it has ended by itself. Raises `SubjectError`.

    A process that is told to end, or was idle, removes its socket; one that is killed leaves it.
    """
    if identity.was_killed and not await _answers(Path(identity.socket)):
        await start_proxies(show, routes)


async def stop_proxies(identity: ProxyIdentity, answer_sec: float = ANSWER_TIMEOUT_SEC) -> None:
    """End a proxy process and wait for its end; kill it if it does not obey. Raises `FaultError` if it cannot tell."""
    with contextlib.suppress(SubjectError):
        if not identity.has_ended:
            await ask(Path(identity.socket), "POST", "/stop", answer_sec, WHO)
    process = ProcessRef(identity.pid, identity.born)
    try:
        async with asyncio.timeout(answer_sec):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _answers(socket: Path) -> bool:
    try:
        await ask(socket, "GET", "/", ANSWER_TIMEOUT_SEC, WHO)
    except SubjectError:
        return False
    return True


def _spawn(show: str, idle_sec: float) -> None:
    """Start it, and return when it listens. Blocks. Raises `SubjectError`."""
    log = file_of(show, "log")
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        # A session of its own: it shall survive this terminal and this server. Not asyncio's, which kills what it
        # started when its loop is closed.
        process = subprocess.Popen(  # noqa: S603 - a module of ours
            build_detached_command("demo.proxy.process"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            start_new_session=True,
            cwd=ROOT,
            env=without_proxies(),
        )
    except OSError as error:
        raise SubjectError(f"{WHO} could not be started: {error.strerror or error}") from error
    finally:
        os.close(descriptor)
    report = _read_report(process, {"show": show, "idle_sec": idle_sec})
    if report is None:
        process.kill()
        process.wait()
        raise SubjectError(f"{WHO} did not start within {START_TIMEOUT_SEC:g} s; see its log: {log}")
    # The interpreter warns of a child that was not waited for; this one may go on when this process has ended.
    process.returncode = process.poll() or 0
    if "failed" in report:
        raise SubjectError(str(report["failed"]))


def _read_report(process: "subprocess.Popen[bytes]", config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Send its settings, and return the line that it prints; None if that takes too long."""
    with process.stdin as stdin, process.stdout as stdout:  # type: ignore[union-attr]
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(config).encode() + b"\n")
            stdin.flush()
        if not select.select([stdout], [], [], START_TIMEOUT_SEC)[0]:
            return None
        line = stdout.readline()
    return json.loads(line) if line else {"failed": f"{WHO} ended at once"}
