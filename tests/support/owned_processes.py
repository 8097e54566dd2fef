"""Processes of a show for the tests: small programs, short limits, and all of them gone afterwards."""

import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from demo.processes.owned.client import IsReady, OwnedProcesses
from demo.processes.owned.identity import SupervisorIdentity
from demo.processes.owned.spec import Limits, ProcessSpec
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import PROC
from tests.support.ratelimiter_system import until

QUICK = Limits(linger=60.0, alive=0.1, hang=0.5, port=0.3)

LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    server.accept()[0].close()
"""

DEAF = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; print('up', flush=True); signal.pause()"


def python(code: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code, *args)


def spec(name: str, argv: Sequence[str] = ("sleep", "600"), **more: Any) -> ProcessSpec:
    return ProcessSpec(name, tuple(argv), **{"cwd": "/", "ready_timeout_sec": 10.0, "stop_timeout_sec": 3.0, **more})


def server_on(name: str, port: int, **more: Any) -> ProcessSpec:
    return spec(name, python(LISTEN, str(port)), port=port, **more)


def processes_of(
    specs: Sequence[ProcessSpec],
    ready: Mapping[str, IsReady] | None = None,
    limits: Limits = QUICK,
    show: str | None = None,
) -> OwnedProcesses:
    """A show of a name of its own, not started."""
    return OwnedProcesses(show or f"test {secrets.token_hex(4)}", specs, ready, limits)


@asynccontextmanager
async def started(
    specs: Sequence[ProcessSpec], ready: Mapping[str, IsReady] | None = None, limits: Limits = QUICK
) -> AsyncIterator[OwnedProcesses]:
    """All of them up; every one of them gone afterwards."""
    processes = processes_of(specs, ready, limits)
    try:
        await processes.start()
        yield processes
    finally:
        await processes.stop()


def ref(processes: OwnedProcesses, name: str) -> ProcessRef:
    """The main process, as of now."""
    state = processes.state(name)
    assert state.pid is not None
    return ProcessRef(state.pid, state.born)


def identity_of(processes: OwnedProcesses) -> SupervisorIdentity:
    assert processes.identity is not None
    return processes.identity


def programs_with(mark: str) -> list[int]:
    """The living processes with this word in their command line."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(entry.name))
    return found


async def until_gone(mark: str) -> None:
    await until(lambda: not programs_with(mark))


def new_mark() -> str:
    """A word that no other command line has."""
    return f"mark-{secrets.token_hex(6)}-{time.monotonic_ns()}"
