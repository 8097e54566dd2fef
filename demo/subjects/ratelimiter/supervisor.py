"""The process that owns a rate limiter running without a show: starts its processes, and restarts them on request.

It reads `name` and `settings` from stdin, as a line of JSON, and prints one line: `{"up": true}` or `{"failed": why}`.
It listens on a Unix socket that only its user may open. Its processes end with it, however it ends.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from demo.errors import DemoError, SubjectError
from demo.processes.child import start_time_of
from demo.processes.supervised import SupervisedProcess
from demo.processes.unix_server import as_handler, listen
from demo.subjects.ratelimiter.connection_info import LimiterSettings
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.standalone import StandaloneSystem, file_of, register, unregister


class LimiterSupervisor:
    """Serves the requests of fault drivers, watchdogs and `demo down` to one system."""

    def __init__(self, system: OwnedSystem) -> None:
        self._system = system
        self.stopping = asyncio.Event()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/parts", as_handler(self._report_all)),
                web.get("/parts/{id}", as_handler(self._report_one)),
                web.post("/parts/{id}/bring-back", as_handler(self._restart)),
                web.post("/heal", as_handler(self._heal)),
                web.post("/stop", as_handler(self._stop)),
            ]
        )
        return app

    def _find_part(self, request: web.Request) -> SupervisedProcess:
        ident = request.match_info["id"]
        for part in self._system.parts:
            if part.id == ident:
                return part
        raise SubjectError("this system has no such part")

    async def _report_all(self, request: web.Request) -> Mapping[str, Any]:
        return {"parts": {part.id: part_as_dict(part) for part in self._system.parts}}

    async def _report_one(self, request: web.Request) -> Mapping[str, Any]:
        return part_as_dict(self._find_part(request))

    async def _restart(self, request: web.Request) -> Mapping[str, Any]:
        part = self._find_part(request)
        # Shielded, because the client may be killed meanwhile: a restart that has begun is finished.
        await asyncio.shield(part.ensure_running())
        return part_as_dict(part)

    async def _heal(self, request: web.Request) -> Mapping[str, Any]:
        await asyncio.shield(self._system.heal())
        return await self._report_all(request)

    async def _stop(self, request: web.Request) -> Mapping[str, Any]:
        self.stopping.set()
        return {"pid": os.getpid()}


def part_as_dict(part: SupervisedProcess) -> dict[str, Any]:
    """Return what the clients need to know of a process."""
    child = part.child
    alive = child is not None and child.is_alive
    return {
        "pid": child.pid if child else None,
        "born": child.born if child else None,
        "killed": child is not None and not alive and child.was_killed,
        "starting": part.is_starting,
        "trouble": part.trouble,
    }


async def _serve(name: str, settings: LimiterSettings) -> None:
    system = OwnedSystem(settings)
    supervisor = LimiterSupervisor(system)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stopping.set)
    runner = None
    try:
        system.check()
        await system.start()
        runner = await listen(supervisor.application(), file_of(name, "sock"))
        pid = os.getpid()
        register(
            StandaloneSystem(
                name, "ratelimiter", pid, start_time_of(pid), time.time(), system.connection_info.to_json()
            )
        )
        _report_to_parent({"up": True})
        await supervisor.stopping.wait()
    finally:
        if runner is not None:
            await runner.cleanup()
        await system.stop()
        unregister(name)


def _report_to_parent(message: Mapping[str, Any]) -> None:
    """Print one line for the process that started us, which may be gone, and give up stdout."""
    with contextlib.suppress(OSError):
        print(json.dumps(message), flush=True)
    # The parent closes the pipe after that line: later output must not fail on it.
    with open(os.devnull, "w") as devnull:  # noqa: PTH123 - for its descriptor
        os.dup2(devnull.fileno(), sys.stdout.fileno())


def main() -> None:
    """Serve until stopped. A lock file allows one supervisor per name, and is released with the process."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    config = json.loads(sys.stdin.readline())
    try:
        lock = os.open(file_of(config["name"], "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SubjectError(f"a system with the name {config['name']!r} is already running") from None
        except OSError as error:
            raise SubjectError(
                f"{file_of(config['name'], 'lock')} cannot be locked ({error.strerror or error}): "
                f"set XDG_STATE_HOME to a directory on a local disk"
            ) from None
        os.ftruncate(sys.stderr.fileno(), 0)  # stderr is the log file, which is ours now that we hold the lock
        asyncio.run(_serve(config["name"], LimiterSettings(**config["settings"])))
    except DemoError as error:
        _report_to_parent({"failed": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
