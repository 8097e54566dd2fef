"""The process that owns a rate limiter which stands by itself: starts its parts, and starts them again when asked.

Told on stdin, a line of JSON: `name` and `settings`. Says one line on stdout: `{"up": true}` or `{"failed": why}`.
Listens on a Unix socket that only its user may open. Its parts end with it, however it ends.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from demo.errors import DemoError, SubjectError
from demo.processes.child import start_time_of
from demo.processes.supervised import SupervisedProcess
from demo.subjects.ratelimiter.connection_info import Settings
from demo.subjects.ratelimiter.owned_system import OwnedSystem
from demo.subjects.standalone import StandaloneSystem, announce, file_of, withdraw

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Supervisor:
    """Serves the orders of drivers, watchdogs and `demo down` on one system."""

    def __init__(self, system: OwnedSystem) -> None:
        self._system = system
        self.stopping = asyncio.Event()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/parts", _answer(self._all)),
                web.get("/parts/{id}", _answer(self._one)),
                web.post("/parts/{id}/bring-back", _answer(self._bring_back)),
                web.post("/heal", _answer(self._heal)),
                web.post("/stop", _answer(self._stop)),
            ]
        )
        return app

    def _part(self, request: web.Request) -> SupervisedProcess:
        ident = request.match_info["id"]
        for part in self._system.parts:
            if part.id == ident:
                return part
        raise SubjectError("this system has no such part")

    async def _all(self, request: web.Request) -> Mapping[str, Any]:
        return {"parts": {part.id: told(part) for part in self._system.parts}}

    async def _one(self, request: web.Request) -> Mapping[str, Any]:
        return told(self._part(request))

    async def _bring_back(self, request: web.Request) -> Mapping[str, Any]:
        part = self._part(request)
        # Whoever asked may be killed meanwhile: what was begun is finished.
        await asyncio.shield(part.bring_back())
        return told(part)

    async def _heal(self, request: web.Request) -> Mapping[str, Any]:
        await asyncio.shield(self._system.heal())
        return await self._all(request)

    async def _stop(self, request: web.Request) -> Mapping[str, Any]:
        self.stopping.set()
        return {"pid": os.getpid()}


def told(part: SupervisedProcess) -> dict[str, Any]:
    """What others may know of a part."""
    child = part.child
    alive = child is not None and child.is_alive
    return {
        "pid": child.pid if child else None,
        "born": child.born if child else None,
        "killed": child is not None and not alive and child.was_killed,
        "starting": part.is_starting,
        "trouble": part.trouble,
    }


def _answer(work: Callable[[web.Request], Awaitable[Mapping[str, Any]]]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await work(request))
        except SubjectError as error:
            return web.json_response({"error": str(error)}, status=502)

    return handler


async def _listen(supervisor: Supervisor, name: str) -> web.AppRunner:
    path = file_of(name, "sock")
    path.unlink(missing_ok=True)
    runner = web.AppRunner(supervisor.application(), access_log=None, handle_signals=False)
    await runner.setup()
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, str(path)).start()
    finally:
        os.umask(before)
    return runner


async def _stand(name: str, settings: Settings) -> None:
    system = OwnedSystem(settings)
    supervisor = Supervisor(system)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stopping.set)
    runner = None
    try:
        system.check()
        await system.start()
        runner = await _listen(supervisor, name)
        pid = os.getpid()
        announce(StandaloneSystem(name, "ratelimiter", pid, start_time_of(pid), time.time(), system.wiring.to_json()))
        _say({"up": True})
        await supervisor.stopping.wait()
    finally:
        if runner is not None:
            await runner.cleanup()
        await system.stop()
        withdraw(name)


def _say(word: Mapping[str, Any]) -> None:
    """Whoever started us reads one line, and may be gone."""
    with contextlib.suppress(OSError):
        print(json.dumps(word), flush=True)
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 - for its descriptor
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def main() -> None:
    """One supervisor to a name: the lock ends with the process, however it ends."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told_us = json.loads(sys.stdin.readline())
    try:
        lock = os.open(file_of(told_us["name"], "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SubjectError(f"a system stands under the name {told_us['name']!r} already") from None
        except OSError as error:
            raise SubjectError(
                f"{file_of(told_us['name'], 'lock')} cannot be locked ({error.strerror or error}): "
                f"set XDG_STATE_HOME to a directory on a local disk"
            ) from None
        os.ftruncate(sys.stderr.fileno(), 0)  # the log is ours now
        asyncio.run(_stand(told_us["name"], Settings(**told_us["settings"])))
    except DemoError as error:
        _say({"failed": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
