"""The process of all proxies of one show. It outlives a killed server, and takes commands over a Unix socket.

It reads a line of JSON from stdin: `show` (its identity) and `idle_sec`; and prints one line when it listens:
`{"up": true}` or `{"failed": why}`. It ends when it is told to, or `idle_sec` after its last client has ended.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from demo.clock import uptime
from demo.errors import DemoError, FaultError, SubjectError
from demo.processes.child import start_time_of
from demo.processes.process_ref import ProcessRef
from demo.processes.unix_server import as_handler, listen
from demo.proxy.flow import BUFFER_BYTES, FlowResources
from demo.proxy.place import file_of
from demo.proxy.route import ProxyRoute
from demo.proxy.table import ProxyTable
from demo.proxy.toxic import Toxic

CHECK_INTERVAL_SEC = 0.25
"""Between two looks for toxics that have expired, and for clients that have ended."""

LOCK_SEC = 2.0
"""How long a predecessor that is ending may take."""

logger = logging.getLogger(__name__)


class ProxyServer:
    """Serves commands to one table of proxies. A client is a process that said its pid and start time."""

    def __init__(self, table: ProxyTable, idle_sec: float) -> None:
        self._table = table
        self._idle_sec = idle_sec
        self._clients: set[ProcessRef] = set()
        self._last_use = uptime()
        self._lock = asyncio.Lock()
        self.stopping = asyncio.Event()

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", as_handler(self._describe)),
                web.put("/routes", as_handler(self._set_routes)),
                web.put("/toxics/{name}", as_handler(self._add)),
                web.delete("/toxics/{name}", as_handler(self._remove)),
                web.post("/stop", as_handler(self._stop)),
            ]
        )
        return app

    async def _describe(self, request: web.Request) -> Mapping[str, Any]:
        self._last_use = uptime()
        pid = os.getpid()
        return {**self._table.describe(), "pid": pid, "born": start_time_of(pid)}

    async def _set_routes(self, request: web.Request) -> Mapping[str, Any]:
        told = await request.json()
        client = told["client"]
        self._clients.add(ProcessRef(client["pid"], client["born"]))
        async with self._lock:
            await self._table.set_routes([ProxyRoute.from_json(route) for route in told["routes"]])
        return await self._describe(request)

    async def _add(self, request: web.Request) -> Mapping[str, Any]:
        told = await request.json()
        self._table.add(request.match_info["name"], Toxic.from_json(told["toxic"]), told.get("expires_sec"))
        return await self._describe(request)

    async def _remove(self, request: web.Request) -> Mapping[str, Any]:
        was_there = self._table.remove(request.match_info["name"])
        return {**await self._describe(request), "removed": was_there}

    async def _stop(self, request: web.Request) -> Mapping[str, Any]:
        self.stopping.set()
        return {"pid": os.getpid()}

    async def look_after(self) -> None:
        """End expired toxics; return when no client was there for so long, or a stop was asked for."""
        while not self.stopping.is_set():
            for name in self._table.remove_expired():
                logger.warning("the toxic %s expired: nobody renewed it", name)
            self._clients = {client for client in self._clients if _may_be_alive(client)}
            if self._clients:
                self._last_use = uptime()
            elif uptime() - self._last_use > self._idle_sec:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_INTERVAL_SEC):
                    await self.stopping.wait()


def _may_be_alive(client: ProcessRef) -> bool:
    try:
        return client.is_alive
    except FaultError:
        return True


async def _serve(config: Mapping[str, Any]) -> None:
    shared = FlowResources(asyncio.get_running_loop(), config.get("buffer_bytes", BUFFER_BYTES))
    table = ProxyTable(shared)
    server = ProxyServer(table, config["idle_sec"])
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stopping.set)
    socket = file_of(config["show"], "sock")
    runner = await listen(server.application(), socket)
    try:
        _report({"up": True})
        await server.look_after()
    finally:
        table.close()
        shared.close()
        socket.unlink(missing_ok=True)
        await runner.cleanup()


def _report(message: Mapping[str, Any]) -> None:
    """Print one line for the process that started us, which may be gone, and give up stdout."""
    with contextlib.suppress(OSError):
        print(json.dumps(message), flush=True)
    with open(os.devnull, "w") as devnull:  # noqa: PTH123 - for its descriptor
        os.dup2(devnull.fileno(), sys.stdout.fileno())


def _lock(show: str) -> None:
    """Be the only proxy process of this show; the lock is released with the process. Raises `SubjectError`."""
    path = file_of(show, "lock")
    until = uptime() + LOCK_SEC
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while not _try_lock(descriptor):
            if uptime() > until:
                raise SubjectError("another process has the proxies of this show already")
            time.sleep(CHECK_INTERVAL_SEC / 10)
    except OSError as error:
        raise SubjectError(
            f"{path} cannot be locked ({error.strerror or error}): set XDG_STATE_HOME to a directory on a local disk"
        ) from None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: each connection takes two."""
    with contextlib.suppress(OSError, ValueError):
        highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


def _run(config: Mapping[str, Any]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        asyncio.run(_serve(config))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config))


def main() -> None:
    """Serve until stopped, or idle for too long."""
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    config = json.loads(sys.stdin.readline())
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    try:
        _lock(config["show"])
        with contextlib.suppress(OSError):  # no file, where somebody started it by hand
            os.ftruncate(sys.stderr.fileno(), 0)  # the log is ours now that we hold the lock
        _allow_many_files()
        _run(config)
    except DemoError as error:
        _report({"failed": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
